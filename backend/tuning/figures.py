"""The guarded figures of a detector, for a whole sample and for resampled groups of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from backend.training.metrics import confusion, expected_calibration_error

Array = npt.NDArray[np.float64]
BINS = 15
RESAMPLES = 1000
NAMES = ("balanced_accuracy", "human_called_ai", "calibration_error")


@dataclass(frozen=True, slots=True)
class Judged:
    """Scores (n,) of a model on labelled pictures (n,), and the score it calls AI-generated at."""

    scores: Array
    labels: npt.NDArray[np.int64]
    ai_at_least: float


def balanced(scores: Array, labels: npt.NDArray[np.int64], threshold: float) -> float:
    """Return the mean of both classes' recall; of the one class where there is but one."""
    cells = confusion(scores, labels, threshold)
    recalls = [
        right / (right + wrong)
        for right, wrong in (
            (cells["ai_as_ai"], cells["ai_as_human"]),
            (cells["human_as_human"], cells["human_as_ai"]),
        )
        if right + wrong
    ]
    return float(np.mean(recalls)) if recalls else float("nan")


def figures(judged: Judged) -> dict[str, float]:
    """Return balanced accuracy at one half, human pictures called AI as served, and ECE."""
    human = judged.labels == 0
    accused = judged.scores[human] >= judged.ai_at_least
    return {
        "balanced_accuracy": balanced(judged.scores, judged.labels, 0.5),
        "human_called_ai": float(np.mean(accused)) if accused.size else float("nan"),
        "calibration_error": expected_calibration_error(judged.scores, judged.labels, BINS),
    }


def resampled(judged: Judged, groups: npt.NDArray[np.str_], seed: int = 0) -> dict[str, Array]:
    """Return the figures of `RESAMPLES` draws of whole groups; the same draws for any model.

    A draw without one of the classes gives nan where that class is needed.
    """
    _, member = np.unique(groups, return_inverse=True)
    count = int(member.max()) + 1
    draws = np.random.default_rng(seed).multinomial(
        count, np.full(count, 1 / count), size=RESAMPLES
    )

    def total(values: npt.NDArray[Any]) -> Array:
        return np.asarray(draws @ np.bincount(member, weights=values, minlength=count))

    ai, human = judged.labels == 1, judged.labels == 0
    said = judged.scores >= 0.5
    with np.errstate(invalid="ignore", divide="ignore"):
        return {
            "balanced_accuracy": (
                total(ai & said) / total(ai) + total(human & ~said) / total(human)
            )
            / 2,
            "human_called_ai": total(human & (judged.scores >= judged.ai_at_least)) / total(human),
            "calibration_error": _calibration_error(judged, total),
        }


def _calibration_error(judged: Judged, total: Any) -> Array:
    place = np.minimum((judged.scores * BINS).astype(np.int64), BINS - 1)
    gap = np.zeros(RESAMPLES)
    for number in range(BINS):
        inside = place == number
        if inside.any():
            gap += np.abs(total(inside * (judged.scores - judged.labels)))
    return np.asarray(gap / np.maximum(1, total(np.ones(len(place)))))
