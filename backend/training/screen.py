"""Screen ideas on cached statistics by source- and family-disjoint folds: minutes, not hours."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from backend.model.preprocess import FloatArray
from backend.training.folds import make_folds
from backend.training.manifest import Row
from backend.training.metrics import confusion, roc_auc

Logits = npt.NDArray[np.float64]
Fitter = Callable[[npt.NDArray[np.int64]], Callable[[FloatArray], Logits]]
"""Given the indices of rows to learn from, return what scores statistics."""


@dataclass(frozen=True, slots=True)
class Screened:
    """Out-of-fold logits, one an original, views averaged, and the figures of the folds."""

    logits: Logits
    targets: npt.NDArray[np.int64]
    originals: tuple[int, ...]
    """Index of each original's first row."""
    fold_auc: tuple[float, ...]
    fold_balanced_accuracy: tuple[float, ...]

    @property
    def auc(self) -> float:
        """Mean AUC over the folds."""
        return float(np.mean(self.fold_auc))

    @property
    def balanced_accuracy(self) -> float:
        """Mean balanced accuracy over the folds at logit 0."""
        return float(np.mean(self.fold_balanced_accuracy))


def original_of(row: Row) -> str:
    """Return what the views of one original share: their path without the view's name."""
    return row.path.removesuffix(".jpg").removesuffix("-whole").removesuffix("-crop")


def screen(
    rows: Sequence[Row], judged: FloatArray, fit: Fitter, *, folds: int = 5, seed: int = 0
) -> Screened:
    """Score every original by a model that saw neither its source nor its family.

    Args:
        rows: the manifest's rows of `train` and `val`.
        judged: statistics (n, 2048) of the views to score, in the order of `rows`.
        fit: fits a model on some rows; it may look at any variant of them.
    """
    names = [original_of(row) for row in rows]
    index = {name: i for i, name in enumerate(dict.fromkeys(names))}
    member = np.array([index[name] for name in names])
    first = [int(np.argmax(member == i)) for i in range(len(index))]
    targets = np.array([rows[i].target for i in first], np.int64)
    logits = np.full(len(index), np.nan)
    aucs, accuracies = [], []
    for fold in make_folds(rows, folds, seed):
        score = fit(np.flatnonzero(fold.learn))
        held = np.flatnonzero(fold.held_out)
        total = np.bincount(member[held], weights=score(judged[held]), minlength=len(index))
        views = np.bincount(member[held], minlength=len(index))
        seen = views > 0
        logits[seen] = total[seen] / views[seen]
        aucs.append(roc_auc(logits[seen], targets[seen]))
        accuracies.append(balanced(logits[seen], targets[seen]))
    return Screened(logits, targets, tuple(first), tuple(aucs), tuple(accuracies))


def balanced(logits: Logits, targets: npt.NDArray[np.int64], threshold: float = 0.0) -> float:
    """Return the mean of both classes' recall at a logit."""
    cells = confusion(logits, targets, threshold)
    ai = cells["ai_as_ai"] / max(1, cells["ai_as_ai"] + cells["ai_as_human"])
    human = cells["human_as_human"] / max(1, cells["human_as_human"] + cells["human_as_ai"])
    return (ai + human) / 2


def stack(parts: Sequence[Any], index: npt.NDArray[np.int64]) -> Any:
    """Return the chosen rows of several variants, one under the other."""
    return np.concatenate([part[index] for part in parts])
