"""How well a file's outside tells its label: the AUC of a classifier that sees no pixel."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from backend.training.metrics import roc_auc

LEAK_AUC = 0.60
"""From here on a leak is said aloud; chance is .50."""

Column = npt.NDArray[np.float64]
Targets = npt.NDArray[np.int64]

_FOLDS = 5
_BINS = 16
_OWN_BIN, _OWN_BIN_LEAST = 0.01, 5
"""A value that more than this share of the pictures has (1024, say), and so many at least, gets
a bin of its own."""


def leak_auc(columns: Sequence[Column], targets: Targets, keep_together: Sequence[str]) -> float:
    """Return the out-of-fold AUC of naive Bayes over binned columns.

    Five folds keep `keep_together` (groups, or sources) whole. An AUC below one half is
    returned as it is: what was learned does not carry over.

    Raises:
        ValueError: a class is missing.
    """
    folds = np.array([_fold(name) for name in keep_together])
    scores = np.zeros(len(targets))
    binned = [_binned(column) for column in columns]
    for fold in range(_FOLDS):
        seen = folds != fold
        for bins in binned:
            scores[~seen] += _log_odds(bins[seen], targets[seen], int(bins.max()) + 1)[bins[~seen]]
    return roc_auc(scores, targets)


def standard_error(auc: float, targets: Targets) -> float:
    """Return the standard error of an AUC (Hanley and McNeil 1982, equation 1)."""
    ai, human = int(np.sum(targets == 1)), int(np.sum(targets == 0))
    q1, q2 = auc / (2 - auc), 2 * auc**2 / (1 + auc)
    variance = auc * (1 - auc) + (ai - 1) * (q1 - auc**2) + (human - 1) * (q2 - auc**2)
    return math.sqrt(max(0.0, variance) / (ai * human))


def is_leak(auc: float, targets: Targets) -> bool:
    """Say whether an AUC is to be said aloud: large, and beyond what chance gives so few."""
    return auc >= LEAK_AUC and auc - 2 * standard_error(auc, targets) > 0.5


def _fold(name: str) -> int:
    return hashlib.sha256(name.encode()).digest()[0] % _FOLDS


def _binned(column: Column) -> Targets:
    """Give common values a bin each and the rest bins of equal counts."""
    values, counts = np.unique(column, return_counts=True)
    common = values[counts > max(_OWN_BIN * len(column), _OWN_BIN_LEAST)]
    edges = np.unique(np.quantile(column, np.linspace(0, 1, _BINS + 1)[1:-1]))
    bins = np.searchsorted(edges, column, "right")
    place = np.minimum(np.searchsorted(common, column), max(0, len(common) - 1))
    if len(common):
        own = common[place] == column
        bins[own] = len(edges) + 1 + place[own]
    return bins.astype(np.int64)


def _log_odds(bins: Targets, targets: Targets, size: int) -> Column:
    ai = np.bincount(bins[targets == 1], minlength=size) + 1.0
    human = np.bincount(bins[targets == 0], minlength=size) + 1.0
    odds: Column = np.log(ai / ai.sum()) - np.log(human / human.sum())
    return odds


def outside_columns(
    sizes: Sequence[tuple[int, int]], formats: Sequence[str], weights: Sequence[int]
) -> Mapping[str, list[Column]]:
    """Return what can be seen of files from outside, by the name of the leak.

    Args:
        sizes: width and height in pixels.
        formats: names of formats.
        weights: bytes of each file; empty where they are not known.
    """
    width, height = np.array(sizes, np.float64).T
    names = sorted(set(formats))
    seen = {
        "size": [width, height, width * height, np.round(width / height, 3)],
        "format": [np.array([names.index(name) for name in formats], np.float64)],
    }
    if weights:
        heavy = np.array(weights, np.float64)
        seen["bytes"] = [heavy, heavy * 8 / (width * height)]
        seen["outside"] = [column for columns in seen.values() for column in columns]
    return seen
