"""From raw logits to probabilities and thresholds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

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
    target_worst_source_rate: float
    target_false_negative_rate: float


@dataclass(frozen=True, slots=True)
class Scale:
    """How raw logits become scores and verdicts, and on which pictures that was fitted."""

    calibration: Calibration
    thresholds: Thresholds
    fitted_on: str


FALSE_POSITIVE_RATE = 0.05
"""Share of held-out human pictures that may reach the verdict `ai_generated`."""
WORST_SOURCE_RATE = 0.15
"""The same share of any single human source of at least `LEAST_OF_A_SOURCE` pictures, shrunk."""
FALSE_NEGATIVE_RATE = 0.10
"""Share of held-out generated pictures that may get the verdict `human_made`."""
LEAST_OF_A_SOURCE = 18
_SHRINK = 20.0
"""Pictures' worth of the overall rate that a source's own rate is mixed with."""


def fit_scale(logits: Array, targets: Targets, sources: Sequence[str], fitted_on: str) -> Scale:
    """Calibrate logits and set thresholds on the same held-out pictures."""
    calibration = fit_platt(logits, targets)
    thresholds = choose_thresholds(
        apply(calibration, logits),
        targets,
        sources,
        false_positive_rate=FALSE_POSITIVE_RATE,
        worst_source_rate=WORST_SOURCE_RATE,
        false_negative_rate=FALSE_NEGATIVE_RATE,
    )
    return Scale(calibration, thresholds, fitted_on)


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
    beta = np.array([0.0, np.log((positives + 1) / (negatives + 1))])
    for _ in range(steps):
        p = np.exp(-np.logaddexp(0.0, -(x @ beta)))
        hessian = (x * (p * (1 - p))[:, None]).T @ x + 1e-9 * np.eye(2)
        step = np.linalg.solve(hessian, x.T @ (p - wanted))
        size = 1.0
        while size > 1e-6 and _log_loss(x @ (beta - size * step), wanted) > _log_loss(
            x @ beta, wanted
        ):
            size /= 2  # a full step may overshoot where most scores are saturated
        beta = beta - size * step
        if float(np.max(np.abs(size * step))) < 1e-9:
            break
    return Calibration(float(max(beta[0], 1e-6)), float(beta[1]))


@dataclass(frozen=True, slots=True)
class Line:
    """old logit = slope * new logit + intercept, by least squares."""

    slope: float
    intercept: float

    def over(self, calibration: Calibration) -> Calibration:
        """Return the calibration of the new logits that gives what the old one's gave."""
        return Calibration(
            max(1e-6, calibration.slope * self.slope),
            calibration.slope * self.intercept + calibration.intercept,
        )


def align(new: Array, old: Array) -> Line:
    """Fit the line from new logits (n,) to old ones of the same pictures."""
    slope, intercept = np.polyfit(new, old, 1)
    return Line(float(slope), float(intercept))


def held_tight(
    scores: Array, targets: Targets, sources: Sequence[str], loosest: Mapping[str, float]
) -> Thresholds:
    """Choose thresholds at the usual error rates, none looser than the given ones.

    `loosest` holds `human_at_most` and `ai_at_least`.
    """
    chosen = choose_thresholds(
        scores,
        targets,
        sources,
        false_positive_rate=FALSE_POSITIVE_RATE,
        worst_source_rate=WORST_SOURCE_RATE,
        false_negative_rate=FALSE_NEGATIVE_RATE,
    )
    return replace(
        chosen,
        human_at_most=min(chosen.human_at_most, float(loosest["human_at_most"])),
        ai_at_least=max(chosen.ai_at_least, float(loosest["ai_at_least"])),
    )


def _log_loss(logits: Array, wanted: Array) -> float:
    return float(np.mean(np.logaddexp(0.0, logits) - wanted * logits))


def apply(calibration: Calibration, logits: Array) -> Array:
    """Return calibrated scores of many logits."""
    z = calibration.slope * logits + calibration.intercept
    return np.exp(-np.logaddexp(0.0, -z))


def choose_thresholds(
    scores: Array,
    targets: Targets,
    sources: Sequence[str],
    *,
    false_positive_rate: float,
    worst_source_rate: float,
    false_negative_rate: float,
) -> Thresholds:
    """Choose thresholds by the error rates they leave on held-out pictures.

    At most `false_positive_rate` of human-made pictures reach `ai_at_least`, and of no human
    source with at least 18 more than `worst_source_rate`, its rate shrunk towards that of all
    so that small counts do not decide; at most `false_negative_rate` of generated ones stay
    at or below `human_at_most`. Between the two lies `uncertain`; where a good model would
    let them cross, a narrow band is kept.
    """
    human, ai = np.sort(scores[targets == 0])[::-1], np.sort(scores[targets == 1])
    high = float(np.nextafter(human[int(np.floor(false_positive_rate * human.size))], 1.0))
    while worst_source(scores, targets, sources, high)[1] > worst_source_rate:
        higher = human[human > high]
        if not higher.size:
            break
        high = float(np.nextafter(higher[-1], 1.0))
    low = float(np.nextafter(ai[int(np.floor(false_negative_rate * ai.size))], 0.0))
    high, low = max(high, 0.5 + _LEAST_BAND / 2), min(low, 0.5 - _LEAST_BAND / 2)
    return Thresholds(
        low, min(high, 1.0), false_positive_rate, worst_source_rate, false_negative_rate
    )


def worst_source(
    scores: Array, targets: Targets, sources: Sequence[str], threshold: float
) -> tuple[str, float]:
    """Return the human source accused most, and its shrunk rate; none and 0 where all are small."""
    names, member = np.unique(np.asarray(sources)[targets == 0], return_inverse=True)
    accused = scores[targets == 0] >= threshold
    size = np.bincount(member, minlength=names.size)
    rate = (
        np.bincount(member, weights=accused, minlength=names.size) + _SHRINK * accused.mean()
    ) / (size + _SHRINK)
    rate = np.where(size >= LEAST_OF_A_SOURCE, rate, 0.0)
    worst = int(np.argmax(rate))
    return (str(names[worst]), float(rate[worst])) if rate[worst] > 0 else ("none", 0.0)
