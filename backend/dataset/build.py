"""Build a manifest from folders: look at every picture, group, split, write."""

from __future__ import annotations

import csv
import os
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from backend.dataset.grouping import NEAR_COSINE, Forest, near_hashes, near_vectors
from backend.dataset.picture_facts import (
    FactsStore,
    PictureFacts,
    Progress,
    Unreadable,
    look_at_all,
)
from backend.dataset.splits import Item, draw_splits
from backend.dataset.tree import Found
from backend.domain import Label
from backend.errors import BadInput
from backend.model.judge import Judge
from backend.training.manifest import REQUIRED

CACHE = Path(".brushmark") / "pictures.sqlite3"
"""Where facts are kept, below the folder of the manifest."""
_SIZES = ("original_width", "original_height", "original_format")


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A file that is not in the manifest, and why."""

    file: Path
    reason: str
    is_copy: bool = False
    """The same bytes are in the manifest under another name: nothing is lost."""


@dataclass(frozen=True, slots=True)
class Built:
    """The rows of a manifest and what was left out of it."""

    rows: tuple[Mapping[str, str], ...]
    left_out: tuple[LeftOut, ...]

    @property
    def refused(self) -> list[LeftOut]:
        """The files that somebody should look at."""
        return [item for item in self.left_out if not item.is_copy]

    def lines(self) -> list[str]:
        """Say in a few lines what is in the manifest."""
        groups = Counter(row["group"] for row in self.rows)
        lines = [
            f"{split}: {_count(self.rows, split, Label.AI_GENERATED)} AI-generated, "
            f"{_count(self.rows, split, Label.HUMAN_MADE)} human-made"
            for split in sorted({row["split"] for row in self.rows}, key=_order)
        ]
        lines.append(
            f"{len(self.rows)} pictures in {len(groups)} groups; the largest has "
            f"{max(groups.values())}. Copies left out: {len(self.left_out) - len(self.refused)}; "
            f"refused: {len(self.refused)}."
        )
        return lines


def build(
    found: Sequence[Found],
    out: Path,
    *,
    judge: Judge,
    shares: Mapping[str, float],
    seed: int,
    jobs: int,
    progress: Progress,
    least_cosine: float = NEAR_COSINE,
    redraw: bool = False,
) -> Built:
    """Look at every picture and work out the rows of a manifest that lies at `out`.

    What was found out of each picture is kept beside `out`, so that an interrupted run goes
    on. Pictures that the manifest there already has stay in their split unless `redraw`.

    Raises:
        BadInput: a picture outside the manifest's folder, or too few for the splits.
    """
    base = out.parent.resolve()
    for item in found:
        if not item.file.resolve().is_relative_to(base):
            raise BadInput(
                f"{item.file} lies outside {base}, the manifest's folder, and paths in a "
                "manifest may not lead out of it. Put the manifest into the pictures' folder."
            )
    readable, left_out = _look(found, out, judge, jobs, progress)
    if not readable:
        raise BadInput("None of the pictures can be read.")
    progress(0, 0, "grouping")
    groups = group_pictures([facts for _, facts in readable], least_cosine)
    before = {} if redraw else _splits_before(out)
    items = [
        Item(item.label, item.source, group, before.get(facts.sha256))
        for (item, facts), group in zip(readable, groups, strict=True)
    ]
    splits = draw_splits(items, shares, seed)
    rows = [
        _row(item, facts, base, group, splits[group])
        for (item, facts), group in zip(readable, groups, strict=True)
    ]
    _require_both_classes(rows, shares)
    return Built(tuple(sorted(rows, key=lambda row: row["path"])), tuple(left_out))


def _look(
    found: Sequence[Found], out: Path, judge: Judge, jobs: int, progress: Progress
) -> tuple[list[tuple[Found, PictureFacts]], list[LeftOut]]:
    store = FactsStore(out.parent / CACHE, judge.ref.sha256)
    known = store.load()
    looked = look_at_all([f.file for f in found], judge=judge, known=known, jobs=jobs)
    readable: list[tuple[Found, PictureFacts]] = []
    left_out: list[LeftOut] = []
    for item, (_, facts) in zip(found, store.keep(looked, known), strict=True):
        if isinstance(facts, Unreadable):
            left_out.append(LeftOut(item.file, facts.reason))
        else:
            readable.append((item, facts))
        progress(len(readable) + len(left_out), len(found), "looking at pictures")
    return _without_copies(readable, left_out)


def _without_copies(
    readable: Sequence[tuple[Found, PictureFacts]], left_out: list[LeftOut]
) -> tuple[list[tuple[Found, PictureFacts]], list[LeftOut]]:
    """Keep one of each set of equal files; none where they are said to be of both classes."""
    same: dict[str, list[tuple[Found, PictureFacts]]] = defaultdict(list)
    for item, facts in readable:
        same[facts.sha256].append((item, facts))
    kept: list[tuple[Found, PictureFacts]] = []
    for copies in same.values():
        first, *others = copies
        if len({item.label for item, _ in copies}) > 1:
            names = " and ".join(str(item.file) for item, _ in copies[:2])
            left_out += [LeftOut(i.file, f"Both classes claim it: {names}.") for i, _ in copies]
            continue
        kept.append(first)
        left_out += [LeftOut(i.file, f"A copy of {first[0].file}.", True) for i, _ in others]
    return kept, left_out


def group_pictures(
    pictures: Sequence[PictureFacts], least_cosine: float = NEAR_COSINE
) -> list[str]:
    """Return a group's name for each picture: near-duplicates share one, transitively.

    Near is within 8 bits by perceptual hash, or a cosine of `least_cosine` by embedding. A group is
    named after the least SHA-256 in it, so that names do not hang on the order of files.
    """
    forest = Forest(len(pictures))
    forest.join_all([near_hashes(np.array([p.hash for p in pictures], np.uint64))])
    embedded = [i for i, picture in enumerate(pictures) if picture.embedding is not None]
    if embedded:
        vectors = np.stack(
            [np.frombuffer(pictures[i].embedding or b"", "<f2") for i in embedded]
        ).astype(np.float32)
        index = np.array(embedded, np.int64)
        forest.join_all(index[pairs] for pairs in near_vectors(vectors, least_cosine))
    names: dict[int, str] = {}
    roots = forest.roots()
    for root, picture in zip(roots, pictures, strict=True):
        names[root] = min(names.get(root, picture.sha256), picture.sha256)
    return [f"g{names[root][:12]}" for root in roots]


def _splits_before(out: Path) -> dict[str, str]:
    """Return the split of each picture of the manifest that is there, by SHA-256."""
    if not out.is_file():
        return {}
    with out.open(newline="", encoding="utf-8") as table:
        rows = [(row.get("sha256"), row.get("split")) for row in csv.DictReader(table)]
    return {sha: split for sha, split in rows if sha and split}


def _row(item: Found, facts: PictureFacts, base: Path, group: str, split: str) -> dict[str, str]:
    own = {
        "path": item.file.resolve().relative_to(base).as_posix(),
        "label": item.label.value,
        "generator": item.generator,
        "kind": item.kind,
        "source": item.source,
        "group": group,
        "split": split,
        "licence": item.licence,
        "sha256": facts.sha256,
    }
    sizes = dict(zip(_SIZES, (str(facts.width), str(facts.height), facts.format), strict=True))
    return {**item.more, **sizes, **own}


def _require_both_classes(rows: Sequence[Mapping[str, str]], shares: Mapping[str, float]) -> None:
    largest = max(Counter(row["group"] for row in rows).values())
    for split in shares:
        ai, human = (_count(rows, split, label) for label in Label)
        if shares[split] and not (ai and human):
            raise BadInput(
                f"There are too few groups for a split {split} with both classes ({ai} "
                f"AI-generated, {human} human-made pictures; the largest of all groups has "
                f"{largest} of {len(rows)}). Add pictures, give the split no share, or tie fewer "
                "together with --cosine."
            )


def _count(rows: Sequence[Mapping[str, str]], split: str, label: Label) -> int:
    return sum(row["split"] == split and row["label"] == label for row in rows)


def _order(split: str) -> tuple[int, str]:
    known = ("train", "val", "test", "unseen")
    return (known.index(split) if split in known else len(known), split)


def write_manifest(rows: Sequence[Mapping[str, str]], out: Path) -> None:
    """Write a manifest whole or not at all; columns of our own follow the required ones."""
    more = sorted({name for row in rows for name in row} - set(REQUIRED))
    fresh = out.with_name(out.name + ".new")
    with fresh.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, [*REQUIRED, *more], restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(out)
