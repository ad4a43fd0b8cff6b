"""Draw splits: by group, evenly over sources, the same for the same seed."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from backend.domain import Label

ORDER = ("train", "val", "test")
"""From the most harmless place for a picture that was elsewhere before to the least."""


@dataclass(frozen=True, slots=True)
class Item:
    """What matters of a picture when splits are drawn; `before` is its split so far, if any."""

    label: Label
    source: str
    group: str
    before: str | None = None


def draw_splits(items: Sequence[Item], shares: Mapping[str, float], seed: int) -> dict[str, str]:
    """Return each group's split; `shares` of `train`, `val` and `test` add up to one.

    Groups stand in line by class and source, shuffled within a source, and each goes to the
    split that is furthest behind its share: so every source is spread over the splits, and
    sources of one picture are too (systematic sampling). A group that has a split keeps it;
    where pictures of several splits turn out to belong together, all go to `train`, or else
    `val`: a test picture that was trained on would be the greater harm.
    """
    members: dict[str, list[Item]] = defaultdict(list)
    for item in items:
        members[item.group].append(item)
    drawn = {g: kept for g, some in members.items() if (kept := _kept(some, shares))}
    placed: dict[Label, Counter[str]] = {label: Counter() for label in Label}
    for group, split in drawn.items():
        placed[_main(members[group])[0]][split] += len(members[group])
    for group in sorted(members, key=lambda g: (*_main(members[g]), _mixed(g, seed))):
        if group in drawn:
            continue
        counts, size = placed[_main(members[group])[0]], len(members[group])
        total = counts.total() + size
        drawn[group] = max(shares, key=lambda split: shares[split] * total - counts[split])
        counts[drawn[group]] += size
    return drawn


def _kept(members: Sequence[Item], shares: Mapping[str, float]) -> str | None:
    before = {item.before for item in members if item.before}
    return next((split for split in ORDER if split in before and shares.get(split)), None)


def _main(members: Sequence[Item]) -> tuple[Label, str]:
    """Return the commonest class and source of a group, of equals the first by name."""
    counts = Counter((item.label, item.source) for item in members)
    return min(counts, key=lambda main: (-counts[main], main))


def _mixed(group: str, seed: int) -> str:
    return hashlib.sha256(f"{seed}:{group}".encode()).hexdigest()
