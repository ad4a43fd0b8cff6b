"""Weights of pictures that `screening` tries beside those by source."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from backend.training.folds import make_folds
from backend.training.manifest import Row
from backend.training.screen import Logits

Weights = npt.NDArray[np.float64]
SIDE_EDGES_PX = (300, 512, 640, 768, 900, 1024, 1100, 1536, 2048, 3000)
"""Between these the short sides of originals are counted as alike."""
HARD_KINDS = ("illustration", "render", "anime")
"""Kinds of human-made pictures that a frozen probe accuses most (the data's notes)."""
HARD_FACTOR = 2.0


def equal_classes(weights: Weights, targets: npt.NDArray[np.int64]) -> Weights:
    """Scale weights so that each class has half of their sum, which is the number of rows."""
    found = weights.copy()
    for value in (0, 1):
        mask = targets == value
        found[mask] *= len(found) / 2 / found[mask].sum()
    return found


def size_matched(rows: Sequence[Row], weights: Weights) -> Weights:
    """Return weights under which both classes have originals of the same sizes.

    The short sides are counted between `SIDE_EDGES_PX`; each class is drawn towards the mean of
    both distributions, no picture by more than four times either way. Rows without a size keep
    their weight.
    """
    targets = np.array([r.target for r in rows], np.int64)
    bins = np.array([_size_bin(r) for r in rows])
    found = weights.copy()
    known = bins >= 0
    share = [_shares(bins, weights, known & (targets == value)) for value in (0, 1)]
    common = (share[0] + share[1]) / 2
    for value in (0, 1):
        factor = np.clip(common / np.maximum(share[value], 1e-9), 0.25, 4.0)
        mine = known & (targets == value)
        found[mine] *= factor[bins[mine]]
    return equal_classes(found, targets)


def _size_bin(row: Row) -> int:
    try:
        side = min(int(row.more["original_width"]), int(row.more["original_height"]))
    except (KeyError, ValueError):
        return -1
    return int(np.searchsorted(SIDE_EDGES_PX, side, side="right"))


def _shares(bins: npt.NDArray[np.int64], weights: Weights, mine: npt.NDArray[np.bool_]) -> Weights:
    count = np.bincount(bins[mine], weights[mine], minlength=len(SIDE_EDGES_PX) + 1)
    return np.asarray(count / max(count.sum(), 1e-9))


def hard_kinds(rows: Sequence[Row], weights: Weights) -> Weights:
    """Return weights that count human-made pictures of `HARD_KINDS` `HARD_FACTOR` times."""
    hard = np.array([r.target == 0 and r.kind in HARD_KINDS for r in rows])
    return _raised(rows, weights, hard)


def mined(
    rows: Sequence[Row],
    weights: Weights,
    fit: Callable[[npt.NDArray[np.int64]], Callable[[npt.NDArray[np.int64]], Logits]],
    seed: int,
) -> Weights:
    """Return weights that count wrongly accused human-made pictures `HARD_FACTOR` times.

    Accused by whom: `fit` learns from some rows and returns what scores others; three folds of
    other sources and families judge each row.
    """
    hard = np.zeros(len(rows), np.bool_)
    for fold in make_folds(rows, 3, seed):
        judge = fit(np.flatnonzero(fold.learn))
        held = np.flatnonzero(fold.held_out)
        hard[held] = judge(held) > 0
    return _raised(rows, weights, hard & np.array([r.target == 0 for r in rows]))


def _raised(rows: Sequence[Row], weights: Weights, hard: npt.NDArray[np.bool_]) -> Weights:
    targets = np.array([r.target for r in rows], np.int64)
    return equal_classes(np.where(hard, weights * HARD_FACTOR, weights), targets)
