"""What went on: volumes, latency, appeals, health, and how far pictures drift from before."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import numpy as np

from backend.domain import SIDE_EDGES_PX, Label, Outcome, ReviewLabel
from backend.errors import BrushmarkError
from backend.measures import Drift, drift, percentile
from backend.model.reference import Reference, find_reference
from backend.service import Service
from backend.storage.derived import BYTES_EDGES, LATENCY_STEPS_MS, SCORE_BINS
from backend.storage.repository import DailyCounts

MAX_DAYS = 365
_DAY = timedelta(days=1)
_OTHER = "other"


@dataclass(frozen=True, slots=True)
class Latency:
    """Percentiles of the time from bytes to verdict, in milliseconds; None without checks."""

    p50: float | None
    p90: float | None
    p99: float | None


@dataclass(frozen=True, slots=True)
class Day:
    """One day (UTC)."""

    day: date
    by_outcome: Mapping[Outcome, int]
    appeals: int
    latency: Latency
    mean_score: float | None
    """To within half a step of the scores' twenty."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """How one property is distributed now and in what it is compared with, by class."""

    property: str
    against: str
    """What it is compared with, as people read it."""
    expected: Mapping[str, float]
    actual: Mapping[str, float]
    drift: Drift | None


@dataclass(frozen=True, slots=True)
class Appeals:
    """What became of all appeals."""

    waiting: int
    upheld: int
    rejected: int
    undecided: int
    """A curator could not tell."""


@dataclass(frozen=True, slots=True)
class Health:
    """Whether the store and the model can do their work now."""

    ready: bool
    problem: str | None
    """What stands in the way of the next check."""
    model: str | None
    device: str | None
    policy: int | None
    predictions: int
    store_bytes: int
    free_bytes: int


@dataclass(frozen=True, slots=True)
class Activity:
    """Everything that the Activity page shows of a span of days."""

    since: date
    until: date
    days: tuple[Day, ...]
    latency: Latency
    by_source: Mapping[str, int]
    by_site: Mapping[str, Mapping[str, int]]
    sites: int
    appeals: Appeals
    drift: tuple[Comparison, ...]
    health: Health


def activity(service: Service, days: int, until: date | None = None) -> Activity:
    """Count the last days, today included (UTC), and compare them with what was before."""
    until = until or datetime.now(UTC).date()
    since = until - (days - 1) * _DAY
    counts = service.repository.daily_counts(since, until)
    before = service.repository.daily_counts(since - days * _DAY, since - _DAY, max_sites=0)
    return Activity(
        since=since,
        until=until,
        days=tuple(_day(counts, since + n * _DAY) for n in range(days)),
        latency=_latency(_summed(counts, "latency")),
        by_source=dict(_summed(counts, "source")),
        by_site=counts.by_site,
        sites=counts.sites,
        appeals=_appeals(service),
        drift=_comparisons(service, counts, before, days),
        health=_health(service),
    )


def _day(counts: DailyCounts, day: date) -> Day:
    def of(fact: str) -> Mapping[str, int]:
        return counts.by_day.get(fact, {}).get(day.isoformat(), {})

    return Day(
        day=day,
        by_outcome={outcome: of("outcome").get(outcome.value, 0) for outcome in Outcome},
        appeals=counts.appeals.get(day.isoformat(), 0),
        latency=_latency(of("latency")),
        mean_score=_mean_score(of("score")),
    )


def _mean_score(bins: Mapping[str, int]) -> float | None:
    total = sum(bins.values())
    middles = ((int(key) + 0.5) / SCORE_BINS * n for key, n in bins.items())
    return sum(middles) / total if total else None


def _latency(steps: Mapping[str, int]) -> Latency:
    counted = {int(key): n for key, n in steps.items()}
    # An edge below 100 steps of a width is counted in that width.
    widths = {
        edge: next((s for s in LATENCY_STEPS_MS if edge < 100 * s), LATENCY_STEPS_MS[-1])
        for edge in counted
    }
    return Latency(*(percentile(counted, widths, share) for share in (0.5, 0.9, 0.99)))


def _summed(counts: DailyCounts, fact: str) -> Counter[str]:
    total: Counter[str] = Counter()
    for keys in counts.by_day.get(fact, {}).values():
        total.update(keys)
    return total


def _appeals(service: Service) -> Appeals:
    found: Counter[str] = Counter()
    for (claim, label), n in service.repository.appeals_by_review().items():
        found[_fate(claim, label)] += n
    return Appeals(found["waiting"], found["upheld"], found["rejected"], found["undecided"])


def _fate(claim: Label, label: ReviewLabel | None) -> str:
    if label is None:
        return "waiting"
    if label is ReviewLabel.CANNOT_TELL:
        return "undecided"
    return "upheld" if label.value == claim.value else "rejected"


def _comparisons(
    service: Service, counts: DailyCounts, before: DailyCounts, days: int
) -> tuple[Comparison, ...]:
    """Compare with the training data where the weights ship it, and with the days before."""
    judge = service.judge
    reference = judge and find_reference(service.settings, judge.ref.version)
    earlier = "the day before" if days == 1 else f"the {days} days before"
    found = []
    for name, classes in _CLASSES.items():
        now = _laid_out(_summed(counts, name), classes)
        then = _laid_out(_summed(before, name), classes)
        if reference and (learnt := _expected(reference, name, classes)):
            about = "held-out pictures" if name == "score" else "training pictures’ originals"
            about = f"{about} of {reference.version}"
            found.append(Comparison(name, about, learnt, now, drift(learnt, now)))
        found.append(Comparison(name, earlier, then, now, drift(then, now)))
    return tuple(found)


_FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "AVIF")
_CLASSES: Mapping[str, tuple[str, ...]] = {
    "score": tuple(map(str, range(SCORE_BINS))),
    "side": tuple(map(str, SIDE_EDGES_PX)),
    "format": _FORMATS,
    "bytes": tuple(map(str, BYTES_EDGES)),
}


def _laid_out(counts: Mapping[str, float], classes: Iterable[str]) -> dict[str, float]:
    """Return counts in the order of the classes; what is in none of them is `other`."""
    laid = {name: counts.get(name, 0) for name in classes}
    rest = sum(n for name, n in counts.items() if name not in laid)
    return {**laid, _OTHER: rest} if rest else laid


def _expected(
    reference: Reference, name: str, classes: Iterable[str]
) -> Mapping[str, float] | None:
    if name == "score":
        scores = np.concatenate(list(reference.validation_scores.values()))
        bins = np.minimum((scores * SCORE_BINS).astype(int), SCORE_BINS - 1)
        return _laid_out(Counter(map(str, bins.tolist())), classes)
    total: Counter[str] = Counter()
    for facts in reference.originals.values():
        total.update(facts.get(name, {}))
    return _laid_out(total, classes) if total else None


def _health(service: Service) -> Health:
    problem = None
    try:
        service.ready()
    except BrushmarkError as error:
        problem = str(error)
    settings, judge = service.settings, service.judge
    files = [settings.store_path.with_name(settings.store_path.name + e) for e in ("", "-wal")]
    policy = service.repository.latest_policy()
    return Health(
        ready=problem is None,
        problem=problem,
        model=judge.ref.version if judge else None,
        device=judge.device if judge else None,
        policy=policy.number if policy else (judge.policy.number if judge else None),
        predictions=service.stats().predictions,
        store_bytes=sum(path.stat().st_size for path in files if path.exists()),
        free_bytes=shutil.disk_usage(settings.home).free,
    )
