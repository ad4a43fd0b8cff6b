"""From timings to a table a person can judge: percentiles, medians of rounds, ratios."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tests.benchmarks.load import Timings


@dataclass(frozen=True, slots=True)
class Setting:
    """What is sent, and by how many clients at a time."""

    width: int
    height: int
    clients: int

    @property
    def words(self) -> str:
        """Size and clients as people read them."""
        return f"{self.width}x{self.height}, {self.clients} client{'s' * (self.clients > 1)}"


@dataclass(frozen=True, slots=True)
class Series:
    """One contestant's rounds in one setting."""

    rounds: tuple[Timings, ...]
    resident_mb: float

    @property
    def images_per_s(self) -> float:
        """The median of the rounds."""
        return statistics.median(r.images_per_s for r in self.rounds)

    def latency_ms(self, percent: float) -> float:
        """A percentile over all rounds together, in milliseconds."""
        return 1000 * percentile([s for r in self.rounds for s in r.latencies_s], percent)


Results = Mapping[Setting, Mapping[str, Series]]


def percentile(values: Sequence[float], percent: float) -> float:
    """Return the nearest-rank percentile: the least value that so many per cent do not exceed.

    Raises:
        ValueError: there are no values, or `percent` does not lie in (0, 100].
    """
    if not values or not 0 < percent <= 100:
        raise ValueError("a percentile needs values, and lies in (0, 100]")
    return sorted(values)[math.ceil(len(values) * percent / 100) - 1]


def ratio(ours: Series, theirs: Series) -> float:
    """Return how many times their images a second we handle: the median of the rounds' ratios.

    Rounds are compared one by one, for what slows the machine down slows down both.
    """
    pairs = zip(ours.rounds, theirs.rounds, strict=True)
    return statistics.median(o.images_per_s / t.images_per_s for o, t in pairs)


def table(results: Results, ours: str) -> str:
    """Write the results as a Markdown table; the last column is our speed over theirs."""
    lines = [
        "| pictures | served by | images/s | p50 ms | p99 ms | resident MB | ours is |",
        "|---|---|---:|---:|---:|---:|---:|",
    ]
    for setting, by_name in results.items():
        for name, series in by_name.items():
            times = "" if name == ours else f"{ratio(by_name[ours], series):.1f}x"
            lines.append(
                f"| {setting.words} | {name} | {series.images_per_s:.1f} "
                f"| {series.latency_ms(50):.1f} | {series.latency_ms(99):.1f} "
                f"| {series.resident_mb:.0f} | {times} |"
            )
    return "\n".join(lines)


def verdict(results: Results, ours: str, founding: Sequence[str], target: float) -> str:
    """Say whether we handle `target` times what the founding way does at the smallest size.

    Every number of clients counts there, and every variant of the founding way.
    """
    area = min(s.width * s.height for s in results)
    ratios = {
        f"{name}, {setting.words}": ratio(by_name[ours], by_name[name])
        for setting, by_name in results.items()
        if setting.width * setting.height == area
        for name in founding
    }
    reached = sum(r >= target for r in ratios.values())
    said = {0: "missed", len(ratios): "met"}.get(
        reached, f"met in {reached} of {len(ratios)} cases"
    )
    cases = "; ".join(f"{r:.1f} times ({case})" for case, r in ratios.items())
    return f"Target of {target:g} times the founding way's images a second: {said}. {cases}."
