"""Screen ideas on cached statistics by source- and family-disjoint folds: minutes, not hours."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from backend.model.preprocess import FloatArray
from backend.training.folds import make_folds
from backend.training.manifest import Row
from backend.training.metrics import confusion, roc_auc

Logits = npt.NDArray[np.float64]
Index = npt.NDArray[np.int64]
Fitter = Callable[[npt.NDArray[np.int64]], Callable[[FloatArray], Logits]]
"""Given the indices of rows to learn from, return what scores statistics."""


@dataclass(frozen=True, slots=True)
class Screened:
    """Out-of-fold logits, one an original, views averaged, and the figures that follow."""

    logits: Logits
    targets: npt.NDArray[np.int64]
    originals: tuple[int, ...]
    """Index of each original's first row."""
    folds: tuple[Index, ...]
    """The originals that each fold held out, by number."""

    @property
    def fold_auc(self) -> tuple[float, ...]:
        """AUC of each fold."""
        return tuple(roc_auc(self.logits[held], self.targets[held]) for held in self.folds)

    @property
    def fold_balanced_accuracy(self) -> tuple[float, ...]:
        """Balanced accuracy of each fold at logit 0."""
        return tuple(balanced(self.logits[held], self.targets[held]) for held in self.folds)

    @property
    def auc(self) -> float:
        """Mean AUC over the folds."""
        return float(np.mean(self.fold_auc))

    @property
    def balanced_accuracy(self) -> float:
        """Mean balanced accuracy over the folds at logit 0."""
        return float(np.mean(self.fold_balanced_accuracy))


def averaged(one: Sequence[Screened], other: Sequence[Screened]) -> list[Screened]:
    """Return what the mean of both logits would have judged, for each variant."""
    return [replace(a, logits=(a.logits + b.logits) / 2) for a, b in zip(one, other, strict=True)]


def figures_of(judged: Sequence[Screened]) -> list[float]:
    """Return AUC and balanced accuracy of each variant, one after the other."""
    return [value for each in judged for value in (each.auc, each.balanced_accuracy)]


def seeds_line(name: str, seeds: Sequence[Sequence[float]]) -> str:
    """Write the `figures_of` some seeds as a row of a table: means, and how far AUCs are apart."""
    mean = " | ".join(f"{value:.3f}" for value in np.mean(seeds, axis=0))
    return f"| {name} | {mean} | {np.max(np.ptp(np.array(seeds)[:, ::2], axis=0)):.3f} |"


def original_of(row: Row) -> str:
    """Return what the views of one original share: their path without the view's name."""
    return row.path.removesuffix(".jpg").removesuffix("-whole").removesuffix("-crop")


def screen(
    rows: Sequence[Row],
    judged: Sequence[FloatArray],
    fit: Fitter,
    *,
    folds: int = 5,
    seed: int = 0,
    views: Collection[str] | None = None,
) -> tuple[Screened, ...]:
    """Score every original by a model that saw neither its source nor its family.

    Args:
        rows: the manifest's rows of `train` and `val`.
        judged: statistics (n, 2048) of the views to score, in the order of `rows`, for each
            variant that is to be judged.
        fit: fits a model on some rows; it may look at any variant of them.
        views: the views that are scored and averaged, all by default; every original has one
            of them. The others are learnt from alone.

    Returns:
        What came out for each variant.
    """
    member, first = group_views(rows)
    targets = np.array([rows[i].target for i in first], np.int64)
    shown = np.array([views is None or row.view in views for row in rows])
    logits = np.full((len(judged), len(first)), np.nan)
    held_out: list[Index] = []
    for fold in make_folds(rows, folds, seed, shown):
        score = fit(np.flatnonzero(fold.learn))
        held = np.flatnonzero(fold.held_out & shown)
        count = np.bincount(member[held], minlength=len(first))
        seen = np.flatnonzero(count)
        held_out.append(seen)
        for number, statistics in enumerate(judged):
            total = np.bincount(member[held], score(statistics[held]), minlength=len(first))
            logits[number, seen] = total[seen] / count[seen]
    return tuple(Screened(each, targets, first, tuple(held_out)) for each in logits)


def group_views(rows: Sequence[Row]) -> tuple[npt.NDArray[np.int64], tuple[int, ...]]:
    """Return each row's original by number (n,), and each original's first row."""
    names = [original_of(row) for row in rows]
    index = {name: i for i, name in enumerate(dict.fromkeys(names))}
    member = np.array([index[name] for name in names], np.int64)
    _, first = np.unique(member, return_index=True)
    return member, tuple(int(i) for i in first)


def balanced(logits: Logits, targets: npt.NDArray[np.int64], threshold: float = 0.0) -> float:
    """Return the mean of both classes' recall at a logit."""
    cells = confusion(logits, targets, threshold)
    ai = cells["ai_as_ai"] / max(1, cells["ai_as_ai"] + cells["ai_as_human"])
    human = cells["human_as_human"] / max(1, cells["human_as_human"] + cells["human_as_ai"])
    return (ai + human) / 2


def stack(parts: Sequence[Any], index: npt.NDArray[np.int64]) -> Any:
    """Return the chosen rows of several variants, one under the other."""
    return np.concatenate([part[index] for part in parts])
