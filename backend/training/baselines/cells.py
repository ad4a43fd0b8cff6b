"""Which fits are made, and which pictures each learns from."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from backend.training.baselines.classifiers import Targets, find_kind
from backend.training.baselines.pixels import BLOCK_BYTES, Indices, features_of

WHOLE = 8
"""Sizes of what is learnt from are counted in eighths."""
SIZES = (1, 2, 4, WHOLE)


@dataclass(frozen=True, slots=True, order=True)
class Cell:
    """One fit: a kind of classifier, tuned or not, at a size, on a share of the pictures."""

    kind: str
    tuned: bool
    px: int
    eighths: int
    seed: int

    def __post_init__(self) -> None:
        find_kind(self.kind)
        if self.px < 1 or self.eighths not in range(1, WHOLE + 1):
            raise ValueError(f"no such cell: {self.px} px, {self.eighths} eighths")

    @property
    def name(self) -> str:
        """What a person reads of it."""
        return f"{self.shape}, seed {self.seed}"

    @property
    def shape(self) -> str:
        """What a person reads of all its seeds."""
        how = "tuned" if self.tuned else "founding settings"
        return f"{self.kind}, {how}, {self.px} px, {self.eighths}/{WHOLE}"

    @property
    def tuning_key(self) -> str:
        """Cells that share what they are tuned on share the settings that were found."""
        return f"{self.kind} {self.eighths} {self.seed}"

    def needed_bytes(self, learnt: int) -> int:
        """Estimate what the fit has to hold when it learns from `learnt` pictures."""
        copies = find_kind(self.kind).copies_of_pixels
        if copies:
            return copies * 4 * learnt * features_of(self.px) + BLOCK_BYTES
        return 2 * 8 * learnt**2 + 3 * BLOCK_BYTES

    def cost(self) -> float:
        """Guess at the time of the fit, in units of its own."""
        return features_of(self.px) * self.eighths * find_kind(self.kind).relative_time


def plan(
    kinds: Iterable[str], sizes_px: Sequence[int], share_px: int, seeds: Iterable[int]
) -> tuple[Cell, ...]:
    """Return the cells of a sweep, the dearest last, so that a time limit drops those.

    Every size in pixels is tried on all the pictures, every share of the pictures at `share_px`.
    """
    shapes = {(px, WHOLE) for px in sizes_px} | {(share_px, eighths) for eighths in SIZES}
    cells = {
        Cell(kind, tuned, px, eighths, seed)
        for kind in kinds
        for tuned in (False, True)
        if not tuned or find_kind(kind).grid
        for px, eighths in shapes
        for seed in seeds
    }
    return tuple(sorted(cells, key=lambda cell: (cell.cost(), cell)))


def draw(targets: Targets, eighths: int, seed: int, at_most: int | None = None) -> Indices:
    """Draw what a cell learns from: as many of each class, by the seed; smaller draws nest.

    Args:
        targets: of all pictures that may be learnt from.
        eighths: share of the smaller class to take.
        seed: another seed is another draw, where there is more than is needed.
        at_most: pictures of both classes together, where fewer are wanted.
    """
    members = [np.flatnonzero(targets == label) for label in (0, 1)]
    each = min(len(m) for m in members) * eighths // WHOLE
    if at_most is not None:
        each = min(each, at_most // 2)
    drawn = [
        np.random.default_rng((seed, label)).permutation(m)[:each]
        for label, m in enumerate(members)
    ]
    return np.sort(np.concatenate(drawn)).astype(np.int64)
