"""Rates, curves, agreement and drift against worked examples and a library of their own."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from backend.measures import (
    auc,
    average_precision,
    brier,
    calibration_error,
    cohen_kappa,
    drift,
    fleiss_kappa,
    pairwise_agreement,
    percentile,
    rate,
    reliability,
)


def test_wilson_intervals_hold_for_few_and_for_none() -> None:
    """Wilson's interval is that of the literature, stays in [0, 1], and is empty of nothing."""
    some = rate(1, 10)
    assert (some.low, some.high) == pytest.approx((0.0179, 0.4042), abs=1e-4)
    none = rate(0, 10)
    assert (none.value, none.low, none.high) == (0.0, 0.0, pytest.approx(0.2775, abs=1e-4))
    assert rate(10, 10).high == pytest.approx(1.0)
    assert rate(0, 0) == type(none)(0, 0, None, None, None)


def test_auc_and_precision_are_those_of_scikit_learn() -> None:
    """Area and mean precision agree with scikit-learn, with ties and without."""
    draw = np.random.default_rng(3)
    for digits in (1, 12):
        positive = draw.random(400) < 0.3
        scores = np.round(np.clip(draw.normal(0.4 + 0.2 * positive, 0.2), 0, 1), digits)
        assert auc(scores, positive).value == pytest.approx(roc_auc_score(positive, scores))
        expected = average_precision_score(positive, scores)
        assert average_precision(scores, positive) == pytest.approx(expected)


def test_delongs_interval_is_as_wide_as_a_bootstraps() -> None:
    """DeLong's interval covers what resampling the pictures covers, within a tenth."""
    draw = np.random.default_rng(5)
    positive = np.arange(300) % 3 == 0
    scores = draw.normal(positive * 1.2, 1.0)
    found = auc(scores, positive)
    assert found.low is not None
    assert found.high is not None
    areas = []
    for _ in range(400):
        pick = draw.integers(0, 300, 300)
        areas.append(roc_auc_score(positive[pick], scores[pick]))
    low, high = np.quantile(areas, [0.025, 0.975])
    assert found.high - found.low == pytest.approx(high - low, rel=0.12)


def test_a_perfect_order_of_few_is_not_called_certain() -> None:
    """Where DeLong sees no spread, the interval says what so few pictures leave open."""
    perfect = auc(np.array([0.1, 0.2, 0.8, 0.9, 0.95]), np.array([0, 0, 1, 1, 1], bool))
    assert (perfect.value, perfect.low, perfect.high) == (1.0, 0.0, 1.0)
    assert auc(np.array([0.1, 0.9]), np.array([False, True])).value is None


def test_reliability_counts_each_picture_once() -> None:
    """Bins hold every picture, also a score of exactly 1; their gaps make the calibration error."""
    scores, positive = np.array([0.05, 0.05, 0.95, 1.0]), np.array([0, 1, 1, 1], bool)
    diagram = reliability(scores, positive)
    assert [(b.low, b.ai_generated.k, b.ai_generated.n) for b in diagram] == [
        (0, 1, 2),
        (0.9, 2, 2),
    ]
    assert calibration_error(diagram) == pytest.approx((2 * 0.45 + 2 * 0.025) / 4)
    assert brier(scores, positive) == pytest.approx((0.05**2 + 0.95**2 + 0.05**2) / 4)
    assert calibration_error(()) is None


def test_cohens_kappa_of_the_textbook() -> None:
    """Fifty proposals of two readers, 20 yes and 15 no in common, have kappa 0.4."""
    pairs = [("y", "y")] * 20 + [("y", "n")] * 5 + [("n", "y")] * 10 + [("n", "n")] * 15
    assert cohen_kappa(pairs) == pytest.approx(0.4)
    assert cohen_kappa([("y", "y")] * 5) is None
    assert cohen_kappa([]) is None


def test_fleiss_kappa_of_the_textbook() -> None:
    """Ten subjects, fourteen raters, five categories: the table everybody quotes has 0.210."""
    table = [
        (0, 0, 0, 0, 14),
        (0, 2, 6, 4, 2),
        (0, 0, 3, 5, 6),
        (0, 3, 9, 2, 0),
        (2, 2, 8, 1, 1),
        (7, 7, 0, 0, 0),
        (3, 2, 6, 3, 0),
        (2, 5, 3, 2, 2),
        (6, 5, 2, 1, 0),
        (0, 2, 2, 3, 7),
    ]
    items = [[c for c, n in zip("abcde", row, strict=True) for _ in range(n)] for row in table]
    assert fleiss_kappa(items) == pytest.approx(0.210, abs=1e-3)
    assert fleiss_kappa([["a"], ["b"]]) is None
    assert pairwise_agreement([["a", "a", "b"], ["a", "a"]]).k == 2


def test_drift_is_told_from_chance() -> None:
    """Two samples of one distribution lie within chance; another distribution lies beyond it."""
    draw = np.random.default_rng(1)

    def sample(shares: list[float], n: int) -> dict[str, float]:
        counts = draw.multinomial(n, shares)
        return {str(i): float(c) for i, c in enumerate(counts)}

    even = [0.25] * 4
    alike = [drift(sample(even, 300), sample(even, 200)) for _ in range(200)]
    beyond = sum(d is not None and d.psi > d.by_chance for d in alike)
    assert 1 <= beyond <= 22  # one in twenty, give or take
    other = drift(sample(even, 300), sample([0.6, 0.2, 0.1, 0.1], 200))
    assert other is not None
    assert other.is_notable
    assert drift({}, {"a": 3}) is None


def test_percentiles_of_counted_steps() -> None:
    """A percentile lies within its step, in proportion to the counts below it."""
    assert percentile({10: 2, 20: 2}, {10: 1, 20: 10}, 0.5) == 11
    assert percentile({10: 2, 20: 2}, {10: 1, 20: 10}, 0.75) == 25
    assert percentile({}, {}, 0.5) is None
