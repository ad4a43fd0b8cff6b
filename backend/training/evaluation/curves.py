"""Points of the curves that a report draws; `scores` and `targets` as in `metrics`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from backend.training.metrics import Array, Targets


@dataclass(frozen=True, slots=True)
class Curve:
    """Points (x, y) of a curve, with the threshold of each point where there is one."""

    x: Array
    y: Array
    threshold: Array


def roc(scores: Array, targets: Targets) -> Curve:
    """Return false-positive rate against true-positive rate, from (0, 0) to (1, 1)."""
    threshold, true, false = _cumulated(scores, targets)
    return Curve(
        np.concatenate([[0.0], false / max(1.0, false[-1])]),
        np.concatenate([[0.0], true / max(1.0, true[-1])]),
        np.concatenate([[1.0], threshold]),
    )


def precision_recall(scores: Array, targets: Targets) -> Curve:
    """Return recall against precision of `ai_generated`."""
    threshold, true, false = _cumulated(scores, targets)
    return Curve(true / max(1.0, true[-1]), true / (true + false), threshold)


def average_precision(scores: Array, targets: Targets) -> float:
    """Return the step-wise area under the precision-recall curve."""
    curve = precision_recall(scores, targets)
    return float(np.sum(np.diff(curve.x, prepend=0.0) * curve.y))


def _cumulated(scores: Array, targets: Targets) -> tuple[Array, Array, Array]:
    order = np.argsort(-scores, kind="stable")
    ordered, hits = scores[order], (targets[order] == 1).astype(np.float64)
    last = np.flatnonzero(np.append(np.diff(ordered) != 0, True))
    true = np.cumsum(hits)[last]
    return ordered[last], true, last + 1.0 - true


def reliability(scores: Array, targets: Targets, bins: int = 15) -> list[dict[str, Any]]:
    """Return mean score, frequency of `ai_generated` and count of each bin that is not empty."""
    index = np.minimum((scores * bins).astype(np.int64), bins - 1)
    table = []
    for number in range(bins):
        mask = index == number
        if mask.any():
            table.append(
                {
                    "low": number / bins,
                    "high": (number + 1) / bins,
                    "n": int(mask.sum()),
                    "score": float(scores[mask].mean()),
                    "frequency": float(np.mean(targets[mask] == 1)),
                }
            )
    return table


def risk_coverage(scores: Array, targets: Targets) -> Curve:
    """Return coverage against error rate when the least certain pictures are left undecided.

    Certainty is the distance from .5 (Geifman & El-Yaniv 2017, arXiv 1705.08500); `threshold`
    is the certainty that a picture needs. Equal certainties are taken together.
    """
    certainty = np.abs(scores - 0.5)
    order = np.argsort(-certainty, kind="stable")
    wrong = ((scores >= 0.5) != (targets == 1))[order]
    last = np.flatnonzero(np.append(np.diff(certainty[order]) != 0, True))
    taken = last + 1.0
    return Curve(
        taken / len(scores),
        np.cumsum(wrong.astype(np.float64))[last] / taken,
        certainty[order][last],
    )


def area_under_risk(scores: Array, targets: Targets) -> float:
    """Return the mean error rate over all coverages; 0 is perfect."""
    curve = risk_coverage(scores, targets)
    return float(np.sum(np.diff(curve.x, prepend=0.0) * curve.y))
