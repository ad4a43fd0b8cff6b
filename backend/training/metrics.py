"""Figures of a binary detector from scores and labels; numpy alone.

Everywhere `scores` is P(ai_generated) of shape (n,) and `targets` is 1 for ai_generated, 0
for human_made, of shape (n,).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Targets = npt.NDArray[np.int64]


def confusion(scores: Array, targets: Targets, threshold: float = 0.5) -> dict[str, int]:
    """Count the four cells; `ai_as_human` are generated pictures taken for human-made."""
    said_ai = scores >= threshold
    is_ai = targets == 1
    return {
        "ai_as_ai": int(np.sum(said_ai & is_ai)),
        "ai_as_human": int(np.sum(~said_ai & is_ai)),
        "human_as_human": int(np.sum(~said_ai & ~is_ai)),
        "human_as_ai": int(np.sum(said_ai & ~is_ai)),
    }


def roc_auc(scores: Array, targets: Targets) -> float:
    """Return the area under the ROC curve by ranks, ties counted half (Mann-Whitney U).

    Raises:
        ValueError: a class is missing.
    """
    positives, negatives = int(np.sum(targets == 1)), int(np.sum(targets == 0))
    if not positives or not negatives:
        raise ValueError("an AUC needs both classes")
    _, inverse, count = np.unique(scores, return_inverse=True, return_counts=True)
    last = np.cumsum(count)
    ranks = (last - (count - 1) / 2.0)[inverse]
    u = float(np.sum(ranks[targets == 1])) - positives * (positives + 1) / 2.0
    return u / (positives * negatives)


def expected_calibration_error(scores: Array, targets: Targets, bins: int = 15) -> float:
    """Return the mean gap of score and frequency over equal bins (Naeini et al. 2015)."""
    index = np.minimum((scores * bins).astype(np.int64), bins - 1)
    weight = np.bincount(index, minlength=bins)
    gap = np.abs(
        np.bincount(index, weights=scores, minlength=bins)
        - np.bincount(index, weights=targets.astype(np.float64), minlength=bins)
    )
    return float(np.sum(gap) / max(1, int(np.sum(weight))))


def brier(scores: Array, targets: Targets) -> float:
    """Return the mean squared error of the score (Brier 1950)."""
    return float(np.mean((scores - targets) ** 2))


def tpr_at_fpr(scores: Array, targets: Targets, fpr: float) -> float:
    """Return the share of generated pictures found where `fpr` of human ones are accused."""
    human = np.sort(scores[targets == 0])[::-1]
    allowed = int(np.floor(fpr * human.size))
    threshold = human[allowed] if allowed < human.size else -np.inf
    return float(np.mean(scores[targets == 1] > threshold))


def summary(
    scores: Array, targets: Targets, *, threshold: float = 0.5, low: float = 0.5, high: float = 0.5
) -> dict[str, Any]:
    """Return the figures that every report shows.

    `threshold` separates the classes in accuracy and confusion matrix; scores strictly
    between `low` and `high` are the served verdict `uncertain`.
    """
    cells = confusion(scores, targets, threshold)
    n_ai, n_human = int(np.sum(targets == 1)), int(np.sum(targets == 0))
    recall_ai, recall_human = cells["ai_as_ai"] / n_ai, cells["human_as_human"] / n_human
    decided = (scores <= low) | (scores >= high)
    right = ((scores >= high) & (targets == 1)) | ((scores <= low) & (targets == 0))
    return {
        "n": {"ai_generated": n_ai, "human_made": n_human},
        "accuracy": (cells["ai_as_ai"] + cells["human_as_human"]) / (n_ai + n_human),
        "balanced_accuracy": (recall_ai + recall_human) / 2,
        "recall": {"ai_generated": recall_ai, "human_made": recall_human},
        "auc": roc_auc(scores, targets),
        "tpr_at_1_percent_fpr": tpr_at_fpr(scores, targets, 0.01),
        "tpr_at_5_percent_fpr": tpr_at_fpr(scores, targets, 0.05),
        "ece": expected_calibration_error(scores, targets),
        "brier": brier(scores, targets),
        "confusion": cells,
        "served": {
            "coverage": float(np.mean(decided)),
            "accuracy_when_decided": float(np.sum(right) / max(1, int(np.sum(decided)))),
            "human_called_ai": float(np.mean(scores[targets == 0] >= high)),
            "ai_called_human": float(np.mean(scores[targets == 1] <= low)),
        },
    }
