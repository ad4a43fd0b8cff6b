"""Near-duplicates among examples: groups that no split may cut, and labels that contradict."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace

import numpy as np

from backend.dataset.grouping import Forest, near_hashes
from backend.domain import Label
from backend.errors import BrushmarkError
from backend.exporting.examples import Example, Progress
from backend.imaging.decode import decode
from backend.imaging.fingerprint import perceptual_hash
from backend.storage.images import ImageStore

_WORKERS = 2
_WINDOW = 8
Hashes = Mapping[str, int]
"""Perceptual hash of each picture that is kept and can be read, by its SHA-256."""


def look(
    examples: Sequence[Example], images: ImageStore, progress: Progress
) -> tuple[list[Example], Hashes]:
    """Hash every kept picture; those that are gone or damaged are no longer called kept."""
    hashes: dict[str, int] = {}
    looked: list[Example] = []
    wanted = (e.sha256 for e in examples if e.kept)
    found = _each(wanted, images)
    for number, example in enumerate(examples, start=1):
        known = next(found) if example.kept else None
        if known is not None:
            hashes[example.sha256] = known
        looked.append(example if known is not None else replace(example, kept=False))
        progress(number, len(examples), "looking at pictures")
    return looked, hashes


def _each(digests: Iterable[str], images: ImageStore) -> Iterator[int | None]:
    """Yield hashes in order, a few pictures in memory at a time."""
    waiting: deque[Future[int | None]] = deque()
    with ThreadPoolExecutor(_WORKERS, thread_name_prefix="export") as pool:
        try:
            for sha256 in digests:
                waiting.append(pool.submit(_hash, sha256, images))
                if len(waiting) >= _WINDOW:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


def _hash(sha256: str, images: ImageStore) -> int | None:
    try:
        data = images.get(sha256)
        return None if data is None else perceptual_hash(decode(data).image)
    except BrushmarkError:
        return None


def without_contradictions(
    examples: Sequence[Example], hashes: Hashes
) -> tuple[list[Example], list[tuple[str, str]]]:
    """Leave out every picture that has a near-duplicate with the other label.

    Which of the two labels is right, only a curator can say; a model that learned from both
    would learn nothing, and one that was tested on both would be wrong once whatever it said.
    """
    labels: dict[int, set[Label]] = defaultdict(set)
    for example in examples:
        if example.sha256 in hashes:
            labels[hashes[example.sha256]].add(example.label)
    values = np.array(sorted(labels), np.uint64)
    around = {value: set(found) for value, found in labels.items()}
    for first, second in near_hashes(values).tolist() if len(values) else ():
        a, b = int(values[first]), int(values[second])
        around[a] |= labels[b]
        around[b] |= labels[a]
    kept: list[Example] = []
    out: list[tuple[str, str]] = []
    for example in examples:
        value = hashes.get(example.sha256)
        if value is not None and len(around[value]) > 1:
            out.append((example.sha256, example.label.value))
        else:
            kept.append(example)
    return kept, sorted(out)


def group(examples: Sequence[Example], hashes: Hashes) -> list[str]:
    """Return each example's group: near-duplicates, transitively, and those imported as one.

    A group is named after the least hash in it, so the same pictures have the same groups
    wherever they are exported. A picture that was not kept stands alone.
    """
    forest = Forest(len(examples))
    seen = [i for i, example in enumerate(examples) if example.sha256 in hashes]
    if seen:
        values = np.array([hashes[examples[i].sha256] for i in seen], np.uint64)
        for first, second in near_hashes(values).tolist():
            forest.join(seen[first], seen[second])
    told: dict[str, int] = {}
    for i, example in enumerate(examples):
        if example.group is not None:
            forest.join(told.setdefault(example.group, i), i)
    roots = forest.roots()
    least: dict[int, str] = {}
    for example, root in zip(examples, roots, strict=True):
        least[root] = min(least.get(root, example.sha256), example.sha256)
    return [f"g{least[root][:16]}" for root in roots]
