"""From raw logits to probabilities and thresholds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from backend.model.card import Calibration
from backend.training.metrics import Array, Targets

_LEAST_BAND = 0.02


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Scores at and beyond which a verdict is given, and the error rates they were set by."""

    human_at_most: float
    ai_at_least: float
    target_false_positive_rate: float
    target_false_negative_rate: float


def fit_platt(logits: Array, targets: Targets, steps: int = 100) -> Calibration:
    """Fit P(ai) = sigmoid(slope * logit + intercept) by Newton's method on the log loss.

    Targets are drawn in by Platt's prior counts, so that separable data stay finite.
    Source: Platt 1999; Lin, Lin & Weng 2007.

    Raises:
        ValueError: a class is missing.
    """
    positives, negatives = int(np.sum(targets == 1)), int(np.sum(targets == 0))
    if not positives or not negatives:
        raise ValueError("calibration needs both classes")
    wanted = np.where(targets == 1, (positives + 1) / (positives + 2), 1 / (negatives + 2))
    x = np.stack([logits, np.ones_like(logits)], axis=1)
    beta = np.array([1.0, np.log((positives + 1) / (negatives + 1))])
    for _ in range(steps):
        p = 1 / (1 + np.exp(-np.clip(x @ beta, -40, 40)))
        gradient = x.T @ (p - wanted)
        hessian = (x * (p * (1 - p))[:, None]).T @ x + 1e-9 * np.eye(2)
        step = np.linalg.solve(hessian, gradient)
        beta = beta - np.clip(step, -2.0, 2.0)
        if float(np.max(np.abs(step))) < 1e-9:
            break
    return Calibration(float(max(beta[0], 1e-6)), float(beta[1]))


def apply(calibration: Calibration, logits: Array) -> Array:
    """Return calibrated scores of many logits."""
    z = calibration.slope * logits + calibration.intercept
    return np.exp(-np.logaddexp(0.0, -z))


def choose_thresholds(
    scores: Array, targets: Targets, *, false_positive_rate: float, false_negative_rate: float
) -> Thresholds:
    """Choose thresholds by the error rates they leave on held-out pictures.

    At most `false_positive_rate` of human-made pictures reach `ai_at_least`, at most
    `false_negative_rate` of generated ones stay at or below `human_at_most`. Between the two
    lies `uncertain`; where a good model would let them cross, a narrow band is kept.
    """
    human, ai = np.sort(scores[targets == 0])[::-1], np.sort(scores[targets == 1])
    high = float(np.nextafter(human[int(np.floor(false_positive_rate * human.size))], 1.0))
    low = float(np.nextafter(ai[int(np.floor(false_negative_rate * ai.size))], 0.0))
    high, low = max(high, 0.5 + _LEAST_BAND / 2), min(low, 0.5 - _LEAST_BAND / 2)
    return Thresholds(low, min(high, 1.0), false_positive_rate, false_negative_rate)
