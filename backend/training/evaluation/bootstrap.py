"""Intervals by resampling groups: pictures of one group are not independent, groups are.

Source: Field & Welsh 2007, “Bootstrapping clustered data”; percentile intervals.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Any

import numpy as np
import numpy.typing as npt

DRAWS = 1000
LEVEL = 0.95
_Z = 1.959964
"""Two-sided 95 % point of the normal distribution."""
Indices = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Interval:
    """A figure with the 95 % interval that it lies in."""

    value: float
    low: float
    high: float

    def to_json(self) -> dict[str, float]:
        """Turn into what `metrics.json` holds."""
        return {"value": self.value, "low": self.low, "high": self.high}


def intervals(
    statistics: Callable[[Indices], Mapping[str, float]],
    clusters: Sequence[str],
    *,
    draws: int = DRAWS,
    seed: int = 0,
) -> dict[str, Interval]:
    """Return figures of all entries and their intervals over resampled clusters.

    Args:
        statistics: the figures of the entries at some indices; draws in which it raises
            `ValueError` or `ZeroDivisionError` (a class is missing) are passed over.
        clusters: the group of each entry.
    """
    members = _members(clusters)
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(draws):
        drawn = rng.integers(len(members), size=len(members))
        try:
            found.append(statistics(np.concatenate([members[i] for i in drawn])))
        except (ValueError, ZeroDivisionError):
            continue
    values = statistics(np.arange(len(clusters)))
    return {
        name: _percentiles(value, [figures[name] for figures in found])
        for name, value in values.items()
    }


def interval(
    statistic: Callable[[Indices], float],
    clusters: Sequence[str],
    *,
    draws: int = DRAWS,
    seed: int = 0,
) -> Interval:
    """Return one figure and its interval, as `intervals` does."""
    return intervals(lambda i: {"it": statistic(i)}, clusters, draws=draws, seed=seed)["it"]


def _percentiles(value: float, drawn: Sequence[float]) -> Interval:
    if not drawn:
        return Interval(value, value, value)
    tail = (1 - LEVEL) / 2
    low, high = np.quantile(drawn, [tail, 1 - tail])
    return Interval(value, float(low), float(high))


def rate(
    hits: npt.NDArray[Any], clusters: Sequence[str], *, draws: int = DRAWS, seed: int = 0
) -> Interval:
    """Return the share of hits (n,) and its interval over resampled clusters.

    Percentiles claim too much where clusters are few or agree. So the resampled variance says
    how many independent trials the entries are worth (Kish 1965, the design effect), and the
    interval is Wilson's for so many; where every cluster agrees, one trial a cluster.

    Raises:
        ValueError: there are no entries.
    """
    if not len(hits):
        raise ValueError("a share needs entries")
    _, member = np.unique(np.asarray(clusters), return_inverse=True)
    size = np.bincount(member).astype(np.float64)
    right = np.bincount(member, weights=np.asarray(hits, np.float64))
    count, value = len(size), float(np.mean(hits))
    times = np.random.default_rng(seed).multinomial(count, np.full(count, 1 / count), size=draws)
    # Resampling G clusters varies too little, by (G - 1) / G.
    variance = float(np.var((times @ right) / (times @ size))) * count / max(1, count - 1)
    trials = float(count)
    if variance > 0:
        trials = min(max(value * (1 - value) / variance, 1.0), float(len(hits)))
    return Interval(value, *wilson(value, trials))


def wilson(share: float, trials: float) -> tuple[float, float]:
    """Return Wilson's 95 % interval of a share over independent trials (Wilson 1927)."""
    z2 = _Z * _Z
    middle = (share + z2 / (2 * trials)) / (1 + z2 / trials)
    half = _Z / (1 + z2 / trials) * sqrt(share * (1 - share) / trials + z2 / (4 * trials**2))
    return max(0.0, middle - half), min(1.0, middle + half)


def _members(clusters: Sequence[str]) -> list[Indices]:
    names, member = np.unique(np.asarray(clusters), return_inverse=True)
    order = np.argsort(member, kind="stable")
    return np.split(order, np.cumsum(np.bincount(member, minlength=len(names)))[:-1])
