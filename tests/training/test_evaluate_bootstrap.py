"""Intervals over resampled groups hold what they promise."""

import numpy as np
import pytest

from backend.training.evaluation.bootstrap import interval, rate, wilson
from backend.training.metrics import roc_auc

AUC_OF_ONE_SIGMA = 0.7602
"""P(N(1, 1) > N(0, 1)) = Phi(1 / sqrt 2)."""


def _clustered(rng: np.random.Generator, clusters: int) -> tuple[np.ndarray, list[str]]:  # type: ignore[type-arg]
    """Draw hits of mean .8 whose clusters of one to five share a rate of their own."""
    sizes = rng.integers(1, 6, clusters)
    rates = rng.beta(3.2, 0.8, clusters)
    hits = np.concatenate([rng.random(n) < p for n, p in zip(sizes, rates, strict=True)])
    return hits, [f"g{i}" for i, n in enumerate(sizes) for _ in range(n)]


def test_a_rates_interval_covers_the_truth() -> None:
    """Over 300 samples of correlated groups, about 95 % of the intervals hold the true rate."""
    rng = np.random.default_rng(1)
    held = 0
    for seed in range(300):
        found = rate(*_clustered(rng, 60), draws=300, seed=seed)
        held += found.low <= 0.8 <= found.high
    assert 0.92 <= held / 300 <= 0.985


def test_few_groups_do_not_claim_too_much() -> None:
    """With eight groups alone, nine in ten intervals still hold the true rate."""
    rng = np.random.default_rng(2)
    held = 0
    for seed in range(300):
        found = rate(*_clustered(rng, 8), draws=300, seed=seed)
        held += found.low <= 0.8 <= found.high
    assert held / 300 >= 0.9


def test_an_aucs_interval_covers_the_truth() -> None:
    """Of normal scores one deviation apart, most intervals hold the known AUC."""
    rng = np.random.default_rng(3)
    held = 0
    for seed in range(60):
        targets = np.repeat([0, 1], 60)
        scores = rng.normal(targets.astype(float), 1.0)
        groups = [f"g{i}" for i in range(120)]
        found = interval(
            lambda i, s=scores, t=targets: roc_auc(s[i], t[i]), groups, draws=150, seed=seed
        )
        held += found.low <= AUC_OF_ONE_SIGMA <= found.high
    assert held / 60 >= 0.88


def test_groups_widen_an_interval() -> None:
    """Copies of a picture bring no certainty: ten of each leave the interval as it was."""
    rng = np.random.default_rng(4)
    hits = rng.random(50) < 0.7
    groups = [f"g{i}" for i in range(50)]
    alone = rate(hits, groups)
    copied = rate(np.repeat(hits, 10), [g for g in groups for _ in range(10)])
    ignored = rate(np.repeat(hits, 10), [f"{i}" for i in range(500)])
    assert copied.high - copied.low == pytest.approx(alone.high - alone.low, abs=0.03)
    assert ignored.high - ignored.low < 0.6 * (copied.high - copied.low)


def test_unanimous_groups_are_not_certain() -> None:
    """Five of five found is no proof of always: the interval reaches down as Wilson's does."""
    found = rate(np.ones(5), [f"g{i}" for i in range(5)])
    assert (found.value, found.high) == (1.0, 1.0)
    assert found.low == pytest.approx(wilson(1.0, 5)[0])
    assert found.low == pytest.approx(0.566, abs=0.001)


def test_draws_without_a_class_are_passed_over() -> None:
    """A statistic that needs both classes has an interval even where a draw may lack one."""
    scores, targets = np.array([0.1, 0.4, 0.6, 0.9]), np.array([0, 0, 1, 1])
    found = interval(lambda i: roc_auc(scores[i], targets[i]), ["a", "b", "c", "d"], draws=50)
    assert (found.low, found.value, found.high) == (1.0, 1.0, 1.0)


def test_intervals_are_repeatable() -> None:
    """The same seed gives the same interval, another seed a slightly other one."""
    hits, groups = _clustered(np.random.default_rng(5), 40)
    assert rate(hits, groups, seed=1) == rate(hits, groups, seed=1)
    assert rate(hits, groups, seed=1) != rate(hits, groups, seed=2)


def test_no_entries_have_no_share() -> None:
    """A share of nothing is refused."""
    with pytest.raises(ValueError, match="entries"):
        rate(np.array([]), [])
