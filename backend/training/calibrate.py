"""From raw logits to probabilities and thresholds."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from backend.model.card import Calibration
from backend.training.evaluation.bootstrap import Indices, intervals, rate
from backend.training.manifest import Row
from backend.training.metrics import Array, Targets
from backend.training.screen import original_of

_LEAST_BAND = 0.02
_DRAWS = 200
"""Resamplings of the sources behind the thresholds' intervals."""


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Scores at and beyond which a verdict is given, and the error rates they were set by."""

    human_at_most: float
    ai_at_least: float
    target_false_positive_rate: float
    target_worst_source_rate: float
    target_false_negative_rate: float


@dataclass(frozen=True, slots=True)
class Origins:
    """Where held-out entries come from, (n,) each; several may be copies of one original."""

    sources: Sequence[str]
    kinds: Sequence[str]
    originals: Sequence[str]

    @classmethod
    def of(cls, rows: Sequence[Row], copies: int = 1) -> Origins:
        """Return those of some rows, or of so many copies of them, one after the other."""
        every = [*rows] * copies
        return cls(
            [r.source for r in every], [r.kind for r in every], [original_of(r) for r in every]
        )

    @classmethod
    def apart(cls, sources: Sequence[str]) -> Origins:
        """Return those of entries that are an original each, of kinds that nobody tells apart."""
        return cls(sources, [""] * len(sources), [str(n) for n in range(len(sources))])

    def at(self, index: Indices) -> Origins:
        """Return those of some entries."""
        return Origins(
            *(
                [names[int(i)] for i in index]
                for names in (self.sources, self.kinds, self.originals)
            )
        )


@dataclass(frozen=True, slots=True)
class Scale:
    """How raw logits become scores and verdicts, and on which pictures that was fitted."""

    calibration: Calibration
    thresholds: Thresholds
    fitted_on: str
    evidence: Mapping[str, Any] = field(default_factory=dict)
    """What the thresholds leave on those pictures, and how sure they are: `evidence_for`."""


FALSE_POSITIVE_RATE = 0.02
"""Share of held-out human pictures that may reach the verdict `ai_generated`."""
WORST_SOURCE_RATE = 0.05
"""The same share of any single human source of at least `LEAST_OF_A_SOURCE` originals, shrunk."""
FALSE_NEGATIVE_RATE = 0.10
"""Share of held-out generated pictures that may get the verdict `human_made`."""
LEAST_OF_A_SOURCE = 18
_SHRINK = 20.0
"""Originals' worth of its kind's rate that a source's own rate is mixed with."""


def fit_scale(logits: Array, targets: Targets, origins: Origins, fitted_on: str) -> Scale:
    """Calibrate logits and set thresholds on the same held-out pictures."""
    calibration = fit_platt(logits, targets)
    scores = apply(calibration, logits)
    thresholds = usual_thresholds(scores, targets, origins)
    return Scale(
        calibration, thresholds, fitted_on, evidence_for(thresholds, scores, targets, origins)
    )


def usual_thresholds(scores: Array, targets: Targets, origins: Origins) -> Thresholds:
    """Choose thresholds at the error rates above, as `choose_thresholds` does."""
    return choose_thresholds(
        scores,
        targets,
        origins,
        false_positive_rate=FALSE_POSITIVE_RATE,
        worst_source_rate=WORST_SOURCE_RATE,
        false_negative_rate=FALSE_NEGATIVE_RATE,
    )


def evidence_for(
    thresholds: Thresholds, scores: Array, targets: Targets, origins: Origins
) -> dict[str, Any]:
    """Return how sure thresholds are, and the rates that they leave where they were set.

    Returns:
        `intervals`: of both thresholds, 95 % over resampled sources. `held_out`: the shares
        wrongly decided, with theirs, and the human source accused most.
    """
    sources = np.asarray(origins.sources)

    def chosen(index: Indices) -> dict[str, float]:
        found = usual_thresholds(scores[index], targets[index], origins.at(index))
        return {"human_at_most": found.human_at_most, "ai_at_least": found.ai_at_least}

    human = targets == 0
    accused, missed = scores >= thresholds.ai_at_least, scores <= thresholds.human_at_most
    worst = worst_source(scores, targets, origins, thresholds.ai_at_least)
    found: dict[str, Any] = {
        "human_called_ai": rate(accused[human], list(sources[human])).to_json(),
        "ai_called_human": rate(missed[~human], list(sources[~human])).to_json(),
    }
    if worst is not None:
        own = np.flatnonzero(human & (sources == worst.name))
        copies = [origins.originals[int(i)] for i in own]
        found["worst_human_source"] = {
            "source": worst.name,
            "originals": worst.originals,
            "shrunk": worst.rate,
            **rate(accused[own], copies).to_json(),
        }
    spans = intervals(chosen, list(sources), draws=_DRAWS)
    return {"intervals": {name: span.to_json() for name, span in spans.items()}, "held_out": found}


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
    scores: Array, targets: Targets, origins: Origins, loosest: Mapping[str, float]
) -> Thresholds:
    """Choose thresholds at the usual error rates, none looser than the given ones.

    `loosest` holds `human_at_most` and `ai_at_least`.
    """
    chosen = usual_thresholds(scores, targets, origins)
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
    origins: Origins,
    *,
    false_positive_rate: float,
    worst_source_rate: float,
    false_negative_rate: float,
) -> Thresholds:
    """Choose thresholds by the error rates they leave on held-out pictures.

    At most `false_positive_rate` of human-made pictures reach `ai_at_least`, and of no human
    source with at least 18 originals more than `worst_source_rate`, its rate shrunk towards its
    kind's so that small counts do not decide; at most `false_negative_rate` of generated ones stay
    at or below `human_at_most`. Between the two lies `uncertain`; where a good model would
    let them cross, a narrow band is kept.

    Raises:
        ValueError: a class is missing.
    """
    human, ai = np.sort(scores[targets == 0])[::-1], np.sort(scores[targets == 1])
    if not human.size or not ai.size:
        raise ValueError("thresholds need both classes")
    high = float(np.nextafter(human[int(np.floor(false_positive_rate * human.size))], 1.0))
    ledger = _HumanSources(targets, origins)
    accused = scores[targets == 0]

    def is_too_high(threshold: float) -> bool:
        return bool(np.max(ledger.rates(accused >= threshold), initial=0.0) > worst_source_rate)

    if is_too_high(high):
        # No source's rate rises with the threshold: the steps that are left are halved.
        steps = np.nextafter(np.unique(human[human > high]), 1.0)
        first = bisect_left(steps, True, key=lambda step: not is_too_high(float(step)))
        if len(steps):
            high = float(steps[min(first, len(steps) - 1)])
    low = float(np.nextafter(ai[int(np.floor(false_negative_rate * ai.size))], 0.0))
    high, low = max(high, 0.5 + _LEAST_BAND / 2), min(low, 0.5 - _LEAST_BAND / 2)
    return Thresholds(
        low, min(high, 1.0), false_positive_rate, worst_source_rate, false_negative_rate
    )


@dataclass(frozen=True, slots=True)
class WorstSource:
    """The human source that is accused most, and its rate, shrunk towards its kind's."""

    name: str
    originals: int
    rate: float


def worst_source(
    scores: Array, targets: Targets, origins: Origins, threshold: float
) -> WorstSource | None:
    """Return the human source accused most at a threshold; None where all are small."""
    ledger = _HumanSources(targets, origins)
    rates = ledger.rates(scores[targets == 0] >= threshold)
    if not np.any(ledger.originals >= LEAST_OF_A_SOURCE):
        return None
    worst = int(np.argmax(rates))
    return WorstSource(str(ledger.names[worst]), int(ledger.originals[worst]), float(rates[worst]))


class _HumanSources:
    """The human entries by source and kind, counted once for many thresholds."""

    def __init__(self, targets: Targets, origins: Origins) -> None:
        human = np.flatnonzero(targets == 0)
        self.names, self._source = _numbered(origins.sources, human)
        kinds, self._kind = _numbered(origins.kinds, human)
        self._copies = np.bincount(self._source)
        self._of_kind = np.bincount(self._kind, minlength=kinds.size)
        _, original = _numbered(origins.originals, human)
        _, first = np.unique(original, return_index=True)
        self.originals = np.bincount(self._source[first], minlength=self.names.size)

    def rates(self, accused: npt.NDArray[np.bool_]) -> Array:
        """Return each source's shrunk rate, 0 for small sources; `accused` is of human entries."""
        of_kind = np.bincount(self._kind, weights=accused) / self._of_kind
        own = np.bincount(self._source, weights=accused) / self._copies
        kinds = np.bincount(self._source, weights=of_kind[self._kind]) / self._copies
        rates = (self.originals * own + _SHRINK * kinds) / (self.originals + _SHRINK)
        return np.where(self.originals >= LEAST_OF_A_SOURCE, rates, 0.0)


def _numbered(names: Sequence[str], index: Indices) -> tuple[npt.NDArray[Any], Indices]:
    """Return the distinct names of some entries, and each entry's number among them."""
    found, number = np.unique(np.asarray(names)[index], return_inverse=True)
    return found, number
