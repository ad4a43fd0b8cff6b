"""Figures over judged pictures: rates with intervals, curves, agreement, drift. Pure."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

FloatArray = np.ndarray[Any, np.dtype[np.float64]]
BoolArray = np.ndarray[Any, np.dtype[np.bool_]]
_Z = 1.959964
"""Of a two-sided interval of 95 %."""


@dataclass(frozen=True, slots=True)
class Rate:
    """A share with its 95 % interval; value and bounds are None where there is nothing to share."""

    k: int
    n: int
    value: float | None
    low: float | None
    high: float | None


def rate(k: int, n: int) -> Rate:
    """Return `k` of `n` with Wilson's score interval.

    It stays within [0, 1] and holds for few pictures and for none found.
    Source: Wilson 1927, “Probable inference, the law of succession, and statistical inference”.
    """
    if n == 0:
        return Rate(k, n, None, None, None)
    p, z2 = k / n, _Z * _Z
    middle = (p + z2 / (2 * n)) / (1 + z2 / n)
    half = _Z / (1 + z2 / n) * math.sqrt(p * (1 - p) / n + z2 / (4 * n * n))
    return Rate(k, n, p, max(0.0, middle - half), min(1.0, middle + half))


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure with its 95 % interval; None where there are too few pictures for it."""

    value: float | None
    low: float | None
    high: float | None


NO_ESTIMATE = Estimate(None, None, None)


def auc(scores: FloatArray, positive: BoolArray) -> Estimate:
    """Return the area under the ROC curve, ties counted half, with DeLong's interval.

    The interval is symmetrical on the logit scale, so it stays within [0, 1].
    Sources: DeLong et al. 1988; Sun & Xu 2014 for the computation by midranks.
    """
    ones, zeros = scores[positive], scores[~positive]
    m, n = len(ones), len(zeros)
    if m < 2 or n < 2:
        return NO_ESTIMATE
    ranks = _midranks(np.concatenate([ones, zeros]))
    area = float((ranks[:m].sum() - m * (m + 1) / 2) / (m * n))
    above = (ranks[:m] - _midranks(ones)) / n
    below = 1 - (ranks[m:] - _midranks(zeros)) / m
    error = math.sqrt(float(above.var(ddof=1)) / m + float(below.var(ddof=1)) / n)
    return Estimate(area, *_on_logit_scale(area, error, min(m, n)))


def _midranks(values: FloatArray) -> FloatArray:
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    middle: FloatArray = (last - (counts - 1) / 2)[inverse]
    return middle


def _on_logit_scale(value: float, error: float, n: int) -> tuple[float, float]:
    if not 0 < value < 1:
        # DeLong knows no spread here; the rule of three says what such a sample leaves open.
        reach = min(1.0, 3 / n)
        return (1 - reach, 1.0) if value >= 1 else (0.0, reach)
    middle, half = math.log(value / (1 - value)), _Z * error / (value * (1 - value))
    low, high = (1 / (1 + math.exp(-min(max(x, -50), 50))) for x in (middle - half, middle + half))
    return low, high


def average_precision(scores: FloatArray, positive: BoolArray) -> float | None:
    """Return the mean precision over the recall steps; None without a positive."""
    if not positive.any():
        return None
    order = np.argsort(-scores, kind="stable")
    found = np.cumsum(positive[order])
    # Pictures of one score are called together: only the last of each tie is a threshold.
    ends = np.append(np.flatnonzero(np.diff(scores[order])), len(scores) - 1)
    precision = found[ends] / (ends + 1)
    recall = found[ends] / found[-1]
    return float(np.sum(np.diff(np.append(0.0, recall)) * precision))


def brier(scores: FloatArray, positive: BoolArray) -> float | None:
    """Return the mean squared distance of probability and truth; None of nothing."""
    return float(np.mean((scores - positive) ** 2)) if len(scores) else None


@dataclass(frozen=True, slots=True)
class ReliabilityBin:
    """Pictures of like scores: how sure the model was, and how often it was right to be."""

    low: float
    high: float
    mean_score: float
    ai_generated: Rate


def reliability(
    scores: FloatArray, positive: BoolArray, bins: int = 10
) -> tuple[ReliabilityBin, ...]:
    """Return the bins of a reliability diagram that hold any picture."""
    index = np.minimum((scores * bins).astype(int), bins - 1)
    found = []
    for i in sorted(set(index.tolist())):
        inside = index == i
        share = rate(int(positive[inside].sum()), int(inside.sum()))
        found.append(ReliabilityBin(i / bins, (i + 1) / bins, float(scores[inside].mean()), share))
    return tuple(found)


def calibration_error(diagram: Sequence[ReliabilityBin]) -> float | None:
    """Return the expected calibration error of a reliability diagram; None of nothing."""
    total = sum(b.ai_generated.n for b in diagram)
    gaps = (b.ai_generated.n * abs((b.ai_generated.value or 0.0) - b.mean_score) for b in diagram)
    return sum(gaps) / total if total else None


# ---- agreement --------------------------------------------------------------------------


def pairwise_agreement(items: Sequence[Sequence[str]]) -> Rate:
    """Return how many pairs of labels of one picture are alike; pictures count all their pairs."""
    pairs = sum(len(labels) * (len(labels) - 1) // 2 for labels in items)
    alike = sum(n * (n - 1) // 2 for labels in items for n in Counter(labels).values())
    return rate(alike, pairs)


def fleiss_kappa(items: Sequence[Sequence[str]]) -> float | None:
    """Return agreement beyond chance among any number of reviewers a picture (at least two).

    Observed agreement is the mean over pictures, chance that of the labels' shares. None where
    chance alone would agree always.
    Source: Fleiss 1971, with pictures of unequal numbers of labels as in Gwet 2014.
    """
    items = [labels for labels in items if len(labels) > 1]
    if not items:
        return None
    observed = [
        sum(n * (n - 1) for n in Counter(labels).values()) / (len(labels) * (len(labels) - 1))
        for labels in items
    ]
    shares: Counter[str] = Counter()
    for labels in items:
        for label, n in Counter(labels).items():
            shares[label] += n / len(labels) / len(items)  # type: ignore[assignment]
    return _beyond_chance(sum(observed) / len(items), sum(s * s for s in shares.values()))


def cohen_kappa(pairs: Sequence[tuple[str, str]]) -> float | None:
    """Return agreement beyond chance of two reviewers on the same pictures (Cohen 1960)."""
    if not pairs:
        return None
    n = len(pairs)
    first, second = Counter(a for a, _ in pairs), Counter(b for _, b in pairs)
    chance = sum(first[label] * second[label] for label in first) / (n * n)
    return _beyond_chance(sum(a == b for a, b in pairs) / n, chance)


def _beyond_chance(observed: float, chance: float) -> float | None:
    return None if chance >= 1 - 1e-12 else (observed - chance) / (1 - chance)


# ---- drift ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Drift:
    """How far two distributions over the same classes lie apart.

    `psi` is the population stability index; `by_chance` what it would reach in one of twenty
    comparisons of two samples of these sizes from one distribution.
    """

    psi: float
    by_chance: float

    @property
    def is_notable(self) -> bool:
        """Say whether it is above both chance and the customary 0.1."""
        return self.psi > max(self.by_chance, 0.1)


def drift(expected: Mapping[str, float], actual: Mapping[str, float]) -> Drift | None:
    """Compare counts by class; None where one of the two has none.

    Half a count is added to every class, so that an empty one costs no infinity.
    """
    classes = sorted(expected.keys() | actual.keys())
    n, m = sum(expected.values()), sum(actual.values())
    if not n or not m:
        return None
    p = np.array([expected.get(c, 0) + 0.5 for c in classes], float)
    q = np.array([actual.get(c, 0) + 0.5 for c in classes], float)
    p, q = p / p.sum(), q / q.sum()
    psi = float(np.sum((q - p) * np.log(q / p)))
    freedom = max(len(classes) - 1, 1)
    return Drift(psi, _chi_square_95(freedom) * (1 / n + 1 / m))


def _chi_square_95(freedom: int) -> float:
    """Return the 95th percentile of the chi-square distribution (Wilson & Hilferty 1931)."""
    spread = 2 / (9 * freedom)
    return float(freedom * (1 - spread + 1.644854 * math.sqrt(spread)) ** 3)


def percentile(steps: Mapping[int, int], widths: Mapping[int, int], share: float) -> float | None:
    """Return a percentile of counted steps: lower edge to count; linear within a step."""
    total = sum(steps.values())
    if not total:
        return None
    wanted, before = share * total, 0
    for edge in sorted(steps):
        if before + steps[edge] >= wanted:
            return edge + widths[edge] * (wanted - before) / steps[edge]
        before += steps[edge]
    return float(max(steps))
