"""Near-duplicates among examples: groups that no split may cut, and labels that contradict."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace

from backend.dataset.grouping import alike, contradicted
from backend.errors import BrushmarkError
from backend.exporting.examples import Example, Progress
from backend.imaging.decode import decode
from backend.imaging.fingerprint import likeness
from backend.storage.images import ImageStore

_WORKERS = 2
_WINDOW = 8


def look(examples: Sequence[Example], images: ImageStore, progress: Progress) -> list[Example]:
    """Hash the kept pictures whose perceptual hash the log does not know."""
    unknown = [e for e in examples if e.phash is None and e.kept]
    found = zip(unknown, _each((e.sha256 for e in unknown), images), strict=True)
    hashes: dict[str, int | None] = {}
    for number, (example, phash) in enumerate(found, start=1):
        hashes[example.sha256] = phash
        progress(number, len(unknown), "looking at pictures")
    return [replace(e, phash=hashes[e.sha256]) if e.sha256 in hashes else e for e in examples]


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
        return None if data is None else likeness(decode(data).image)
    except BrushmarkError:
        return None


def without_contradictions(
    examples: Sequence[Example],
) -> tuple[list[Example], list[tuple[str, str]]]:
    """Leave out every picture that has a near-duplicate with the other label."""
    kept: list[Example] = []
    out: list[tuple[str, str]] = []
    wrong = contradicted([e.phash for e in examples], [e.label for e in examples])
    for example, is_wrong in zip(examples, wrong, strict=True):
        if is_wrong:
            out.append((example.sha256, example.label.value))
        else:
            kept.append(example)
    return kept, sorted(out)


def group(examples: Sequence[Example]) -> list[str]:
    """Return each example's group: near-duplicates, transitively, and those imported as one.

    A group is named after the least hash in it, so the same pictures have the same groups
    wherever they are exported. A picture without a perceptual hash stands alone.
    """
    roots = alike([e.phash for e in examples], [e.group for e in examples])
    least: dict[int, str] = {}
    for example, root in zip(examples, roots, strict=True):
        least[root] = min(least.get(root, example.sha256), example.sha256)
    return [f"g{least[root][:16]}" for root in roots]
