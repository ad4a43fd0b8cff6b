"""Curves and figures, told by the data they hold."""

import numpy as np
import pytest
from sklearn import metrics as reference

from backend.training.evaluation import curves, figures
from backend.training.evaluation.bootstrap import Interval
from backend.training.metrics import roc_auc

RNG = np.random.default_rng(7)
TARGETS = np.repeat([0, 1], 100)
SCORES = np.round(np.clip(RNG.normal(0.4 + 0.2 * TARGETS, 0.2), 0, 1), 2)


def test_curves_agree_with_scikit_learn() -> None:
    """ROC area and average precision, ties included, are those of an independent library."""
    curve = curves.roc(SCORES, TARGETS)
    assert np.trapezoid(curve.y, curve.x) == pytest.approx(roc_auc(SCORES, TARGETS))
    assert curves.average_precision(SCORES, TARGETS) == pytest.approx(
        reference.average_precision_score(TARGETS, SCORES)
    )


def test_a_roc_runs_from_corner_to_corner() -> None:
    """It begins where nothing is called AI and ends where all is."""
    curve = curves.roc(SCORES, TARGETS)
    assert (curve.x[0], curve.y[0], curve.x[-1], curve.y[-1]) == (0, 0, 1, 1)
    assert np.all(np.diff(curve.x) >= 0)


def test_risk_falls_with_coverage_for_a_model_that_knows() -> None:
    """Deciding the certain ones alone leaves fewer errors; deciding all, the error rate."""
    curve = curves.risk_coverage(SCORES, TARGETS)
    assert curve.x[-1] == 1.0
    assert curve.y[-1] == pytest.approx(np.mean((SCORES >= 0.5) != TARGETS))
    assert curve.y[: len(curve.y) // 4].mean() < curve.y[-1]
    assert curves.area_under_risk(np.array([0.0, 1.0]), np.array([0, 1])) == 0.0


def test_reliability_counts_every_picture_once() -> None:
    """Bins are disjoint, empty ones are left out, and a score of 1 falls into the last."""
    bins = curves.reliability(np.array([0.0, 0.04, 1.0]), np.array([0, 1, 1]))
    assert [b["n"] for b in bins] == [2, 1]
    assert (bins[0]["frequency"], bins[1]["score"]) == (0.5, 1.0)


def test_the_confusion_matrix_shows_counts_and_shares_of_the_truth() -> None:
    """Rows are the truth: their shares sum to one, and the cells carry their counts."""
    figure = figures.confusion(
        {"ai_as_ai": 30, "ai_as_human": 10, "human_as_human": 45, "human_as_ai": 5}
    )
    drawn = figure.data[0]
    assert [list(row) for row in drawn.z] == [[0.9, 0.1], [0.25, 0.75]]
    assert drawn.text[1][0] == "10<br>25.0 %"


def test_the_histogram_holds_every_score() -> None:
    """Bars of both classes sum to their counts; both thresholds are marked."""
    figure = figures.histogram(SCORES, TARGETS, low=0.3, high=0.7)
    assert [int(sum(bar.y)) for bar in figure.data] == [100, 100]
    assert [shape.x0 for shape in figure.layout.shapes] == [0.3, 0.7]


def test_roc_and_precision_figures_draw_their_curves() -> None:
    """The model's line holds the curve's points; chance is drawn beside it."""
    curve = curves.roc(SCORES, TARGETS)
    drawn = figures.roc(curve)
    np.testing.assert_allclose(drawn.data[1].y, curve.y)
    assert [shape.x0 for shape in drawn.layout.shapes] == [0.01, 0.05]
    beside = figures.precision_recall(curves.precision_recall(SCORES, TARGETS), 0.5)
    assert list(beside.data[0].y) == [0.5, 0.5]


def test_reliability_dots_grow_with_their_counts() -> None:
    """A bin with more pictures has the larger dot."""
    bins = curves.reliability(SCORES, TARGETS)
    sizes = figures.reliability(bins).data[1].marker.size
    most = max(range(len(bins)), key=lambda i: bins[i]["n"])
    assert sizes[most] == max(sizes)


def test_serving_stands_on_the_risk_figure() -> None:
    """The diamond lies at the served coverage and error rate."""
    drawn = figures.risk_coverage(curves.risk_coverage(SCORES, TARGETS), coverage=0.6, risk=0.1)
    assert (drawn.data[1].x[0], drawn.data[1].y[0]) == (0.6, 0.1)


def test_dots_carry_their_intervals() -> None:
    """Error bars reach exactly from an interval's low to its high end; long names are cut."""
    values = [Interval(0.8, 0.7, 0.95), Interval(0.5, 0.2, 0.6)]
    figure = figures.dots(["a", "n" * 80], {"recall": (figures.AI, values)}, title="recall")
    bar = figure.data[0].error_x
    np.testing.assert_allclose(bar.array, [0.15, 0.1])
    np.testing.assert_allclose(bar.arrayminus, [0.1, 0.3])
    assert figure.layout.yaxis.ticktext[1].endswith("…")
    assert figure.data[0].customdata[1][0] == "n" * 80


def test_every_colour_has_a_twin_in_the_dark() -> None:
    """What a figure is drawn in can be swapped by the page's script: no other hex colours."""
    drawn = figures.histogram(SCORES, TARGETS, low=0.3, high=0.7).to_json()
    assert {figures.AI, figures.HUMAN, figures.STRONG} <= set(figures.PALETTE)
    for colour in (figures.AI, figures.HUMAN, figures.STRONG):
        assert colour in drawn
