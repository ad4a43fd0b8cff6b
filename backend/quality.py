"""How good the verdicts are, by what curators said of them: rates, curves, groups, thresholds."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from operator import attrgetter
from typing import Any

import numpy as np

from backend.domain import Basis, Label, Outcome, ReviewLabel, SizeClass
from backend.measures import (
    BoolArray,
    Estimate,
    FloatArray,
    Rate,
    ReliabilityBin,
    auc,
    average_precision,
    brier,
    calibration_error,
    rate,
    reliability,
)
from backend.storage.repository import NO_EVIDENCE, Repository, Reviewed

STEPS = 1000
"""Scores are counted in thousandths, so that any threshold of three digits can be looked up."""
MAX_GROUPS = 30
_SIDES = {Label.AI_GENERATED.value, Label.HUMAN_MADE.value}


class Sample(StrEnum):
    """Which reviewed pictures the figures are over."""

    ALL = "all"
    AUDIT = "audit"


@dataclass(frozen=True, slots=True)
class Selection:
    """Which reviewed pictures are looked at; every given condition must hold."""

    sample: Sample = Sample.ALL
    model: str | None = None
    site: str | None = None
    source: str | None = None

    def of(self, rows: Iterable[Reviewed]) -> list[Reviewed]:
        """Return those of the records that are looked at."""
        kept = [row for row in rows if self.sample is Sample.ALL or row.audit]
        for field in ("model", "site", "source"):
            wanted = getattr(self, field)
            if wanted is not None:
                has = attrgetter(field)
                kept = [row for row in kept if has(row) == wanted]
        return kept


@dataclass(frozen=True, slots=True)
class Verdicts:
    """How verdicts stand to the curators' labels, as shares with intervals."""

    pictures: int
    accuracy_when_decided: Rate
    decided: Rate
    human_called_ai: Rate
    ai_called_human: Rate
    ai_found: Rate
    precision: Rate
    """Of those called AI-generated."""


@dataclass(frozen=True, slots=True)
class Steps:
    """Reviewed pictures by thousandth of their score, side by side; empty ones are left out."""

    thousandth: tuple[int, ...]
    ai_generated: tuple[int, ...]
    human_made: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Scores:
    """What the scores alone are worth, whatever the thresholds."""

    pictures: int
    auc: Estimate
    average_precision: float | None
    brier: float | None
    calibration_error: float | None
    reliability: tuple[ReliabilityBin, ...]
    steps: Steps


@dataclass(frozen=True, slots=True)
class Cell:
    """Reviewed pictures of one policy, label and outcome."""

    policy: int | None
    label: ReviewLabel
    outcome: Outcome
    pictures: int


@dataclass(frozen=True, slots=True)
class Group:
    """Reviewed pictures that have something in common."""

    name: str
    verdicts: Verdicts
    auc: Estimate | None = None


@dataclass(frozen=True, slots=True)
class Coverage:
    """How much of the random audit of one outcome was reviewed, in records."""

    outcome: Outcome
    drawn: int
    reviewed: int


@dataclass(frozen=True, slots=True)
class Quality:
    """Everything that the Quality page shows of one selection."""

    verdicts: Verdicts
    cannot_tell: int
    scores: Scores
    confusion: tuple[Cell, ...]
    groups: Mapping[str, tuple[Group, ...]]
    audit: tuple[Coverage, ...]
    models: tuple[str, ...]
    """Every version that reviewed records are of, whatever was selected."""


@dataclass(frozen=True, slots=True)
class Thresholds:
    """What two thresholds would mean for reviewed pictures and for the whole log."""

    human_at_most: float
    ai_at_least: float
    verdicts: Verdicts
    changed: Mapping[tuple[Outcome, Outcome], int]
    """Logged verdicts of the model, by outcome now and then."""


def quality(repository: Repository, selection: Selection) -> Quality:
    """Hold the verdicts against the latest review of the same bytes."""
    rows = repository.reviewed()
    chosen = pictures(selection.of(rows))
    labelled = [row for row in chosen if row.label in _SIDES]
    drawn = repository.audit_sample()
    reviewed = Counter(row.outcome for row in rows if row.audit)
    return Quality(
        verdicts=verdicts(_tally(labelled)),
        cannot_tell=len(chosen) - len(labelled),
        scores=_scores(labelled),
        confusion=_confusion(chosen),
        groups={name: _groups(labelled, name) for name in _DIMENSIONS}
        | {"model": _by_model(labelled)},
        audit=tuple(Coverage(o, drawn.get(o, 0), reviewed[o]) for o in Outcome),
        models=tuple(sorted({row.model for row in rows if row.model})),
    )


def pictures(rows: Iterable[Reviewed]) -> list[Reviewed]:
    """Return one record for each picture and model version: the latest."""
    return list({(row.sha256, row.model): row for row in rows}.values())


def thresholds(
    repository: Repository, selection: Selection, model: str, low: float, high: float
) -> Thresholds:
    """Say what thresholds would do: at most `low` is human-made, at least `high` AI-generated.

    Only verdicts of that model that rest on the score count: the file's own word stays.
    """
    rows = pictures(
        row
        for row in replace(selection, model=model).of(repository.reviewed())
        if row.basis == Basis.MODEL
    )
    scores, positive = _arrays(row for row in rows if row.label in _SIDES)
    outcomes = {
        Outcome.AI_GENERATED: scores >= high,
        Outcome.HUMAN_MADE: scores <= low,
        Outcome.UNCERTAIN: (scores > low) & (scores < high),
    }
    tally: Counter[tuple[str, str]] = Counter()
    for outcome, inside in outcomes.items():
        tally[Label.AI_GENERATED, outcome] = int((inside & positive).sum())
        tally[Label.HUMAN_MADE, outcome] = int((inside & ~positive).sum())
    return Thresholds(low, high, verdicts(tally), repository.changed_verdicts(model, low, high))


def _tally(rows: Sequence[Reviewed]) -> Counter[tuple[str, str]]:
    return Counter(map(attrgetter("label", "outcome"), rows))


def verdicts(tally: Mapping[tuple[str, str], int]) -> Verdicts:
    """Turn counts by label and outcome into shares."""

    def count(label: Label, *outcomes: Outcome) -> int:
        return sum(tally.get((label, outcome), 0) for outcome in outcomes or Outcome)

    ai, human = Label.AI_GENERATED, Label.HUMAN_MADE
    called_ai, called_human = Outcome.AI_GENERATED, Outcome.HUMAN_MADE
    total = count(ai) + count(human)
    found, accused = count(ai, called_ai), count(human, called_ai)
    right = found + count(human, called_human)
    decided = right + accused + count(ai, called_human)
    return Verdicts(
        pictures=total,
        accuracy_when_decided=rate(right, decided),
        decided=rate(decided, total),
        human_called_ai=rate(accused, count(human)),
        ai_called_human=rate(count(ai, called_human), count(ai)),
        ai_found=rate(found, count(ai)),
        precision=rate(found, found + accused),
    )


def _arrays(rows: Iterable[Reviewed]) -> tuple[FloatArray, BoolArray]:
    pairs = [(row.score, row.label == Label.AI_GENERATED) for row in rows if row.score >= 0]
    return np.array([s for s, _ in pairs], float), np.array([p for _, p in pairs], bool)


def _scores(rows: Sequence[Reviewed]) -> Scores:
    scores, positive = _arrays(rows)
    diagram = reliability(scores, positive)
    step = np.minimum((scores * STEPS).astype(int), STEPS - 1)
    ai, human = (np.bincount(step[side], minlength=STEPS) for side in (positive, ~positive))
    filled = np.flatnonzero(ai + human)
    return Scores(
        pictures=len(scores),
        auc=auc(scores, positive),
        average_precision=average_precision(scores, positive),
        brier=brier(scores, positive),
        calibration_error=calibration_error(diagram),
        reliability=diagram,
        steps=Steps(*(tuple(each.tolist()) for each in (filled, ai[filled], human[filled]))),
    )


def _confusion(rows: Sequence[Reviewed]) -> tuple[Cell, ...]:
    counts = Counter(map(attrgetter("policy", "label", "outcome"), rows))
    ordered = sorted(counts, key=lambda key: (-1 if key[0] is None else key[0], *key[1:]))
    return tuple(
        Cell(policy, ReviewLabel(label), Outcome(outcome), counts[policy, label, outcome])
        for policy, label, outcome in ordered
    )


_DIMENSIONS: Mapping[str, tuple[str, Callable[[Any], Iterable[str]]]] = {
    "site": ("site", lambda site: (site,) if site else ()),
    "evidence": ("evidence", lambda found: found.split("\n") if found else (NO_EVIDENCE,)),
    "generator": ("generator", lambda generator: (generator,) if generator else ()),
    "size": ("short_side_px", lambda side_px: (SizeClass.of(side_px),)),
    "format": ("format", lambda name: (name,)),
    "source": ("source", lambda source: (source,)),
}
"""What figures are split by: the field, and the groups that a value of it belongs to."""


def _groups(rows: Sequence[Reviewed], dimension: str) -> tuple[Group, ...]:
    field, groups_of = _DIMENSIONS[dimension]
    tallies: dict[str, Counter[tuple[str, str]]] = defaultdict(Counter)
    # Counted by value first: there are far fewer values than pictures.
    for (value, label, outcome), n in Counter(
        map(attrgetter(field, "label", "outcome"), rows)
    ).items():
        for name in set(groups_of(value)):
            tallies[name][label, outcome] += n
    most = sorted(tallies, key=lambda name: (-tallies[name].total(), name))[:MAX_GROUPS]
    return tuple(Group(name, verdicts(tallies[name])) for name in most)


def _by_model(rows: Sequence[Reviewed]) -> tuple[Group, ...]:
    versions = sorted({row.model for row in rows if row.model})
    of = {v: [row for row in rows if row.model == v] for v in versions}
    return tuple(Group(v, verdicts(_tally(of[v])), auc(*_arrays(of[v]))) for v in versions)
