"""Figures of Quality and Activity, by the data in them."""

from __future__ import annotations

from typing import Any

import pytest

from backend.domain import Outcome
from dashboard import activity_charts, quality_charts
from dashboard.rates import is_wide, reviews_wanted

THEMES = pytest.mark.parametrize("theme", ["light", "dark"])
STEPS = {
    "thousandth": [50, 300, 820, 950],
    "ai_generated": [0, 1, 1, 2],
    "human_made": [3, 1, 1, 0],
}


def rate(k: int, n: int, low: float = 0.0, high: float = 1.0) -> dict[str, Any]:
    return {"k": k, "n": n, "value": k / n if n else None, "low": low, "high": high}


def group(name: str, accused: int, n: int, auc: float | None = 0.8) -> dict[str, Any]:
    verdicts = {
        "pictures": 2 * n,
        "human_called_ai": rate(accused, n),
        "ai_called_human": rate(0, n),
    }
    area = {"value": auc, "low": 0.7, "high": 0.9}
    return {"name": name, "verdicts": verdicts, "auc": area}


def cell(label: str, outcome: str, pictures: int, policy: int = 1) -> dict[str, Any]:
    return {"label": label, "outcome": outcome, "pictures": pictures, "policy": policy}


@THEMES
def test_each_cell_of_the_confusion_matrix_can_be_chosen(theme: str) -> None:
    """Each marker names its label and outcome, holds the sum of all policies, and grows with it."""
    cells = [
        cell("human_made", "ai_generated", 2, policy=1),
        cell("human_made", "ai_generated", 1, policy=2),
        cell("human_made", "human_made", 9),
        cell("cannot_tell", "uncertain", 7),
    ]
    (marks,) = quality_charts.confusion(cells, theme).data
    found = {tuple(c): t for c, t in zip(marks.customdata, marks.text, strict=True)}
    assert len(found) == 8
    assert found["human_made", "ai_generated"] == "<b>3</b><br>25 %"
    assert found["ai_generated", "ai_generated"] == "0"
    sizes = dict(zip(map(tuple, marks.customdata), marks.marker.size, strict=True))
    assert sizes["human_made", "human_made"] > sizes["human_made", "ai_generated"]
    assert marks.mode == "markers+text"


def test_the_curve_goes_from_nobody_called_to_everybody() -> None:
    """Each step down calls its pictures too: rates and precision follow by counting."""
    points = quality_charts.curve(STEPS)
    assert [p["threshold"] for p in points] == [1.0, 0.95, 0.82, 0.3, 0.05]
    assert [p["recall"] for p in points] == [0, 0.5, 0.75, 1, 1]
    assert [p["fpr"] for p in points] == [0, 0, 0.2, 0.4, 1]
    assert [p["precision"] for p in points][1:] == [1, 0.75, 4 / 6, 4 / 9]


@THEMES
def test_roc_and_precision_mark_the_thresholds(theme: str) -> None:
    """A threshold is marked at the rates of all that reach it."""
    line, diagonal, mark = quality_charts.roc(STEPS, theme, [0.82]).data
    assert (list(line.x)[-1], list(line.y)[-1]) == (1, 1)
    assert (list(diagonal.x), (mark.x[0], mark.y[0])) == ([0, 1], (0.2, 0.75))
    line, mark = quality_charts.precision_recall(STEPS, theme, [0.9]).data
    assert (mark.x[0], mark.y[0]) == (0.5, 1)
    empty = {"thousandth": [], "ai_generated": [], "human_made": []}
    assert len(quality_charts.roc(empty, theme, [0.5]).data) == 3


@THEMES
def test_the_histogram_counts_both_labels(theme: str) -> None:
    """Bars of twenty bins hold every reviewed picture; thresholds are lines."""
    figure = quality_charts.histogram(STEPS, theme, [0.2, 0.8])
    human, ai = figure.data
    assert (sum(human.y), sum(ai.y)) == (5, 4)
    assert (human.y[1], ai.y[19]) == (3, 2)
    assert [shape.x0 for shape in figure.layout.shapes] == [0.2, 0.8]


@THEMES
def test_reliability_has_intervals(theme: str) -> None:
    """Each bin is a point at its mean score, with its interval as asymmetric bars."""
    bins = [{"low": 0.8, "high": 0.9, "mean_score": 0.85, "ai_generated": rate(3, 4, 0.3, 0.95)}]
    _, points = quality_charts.reliability(bins, theme).data
    assert (points.x[0], points.y[0]) == (0.85, 0.75)
    assert points.error_y.array[0] == pytest.approx(0.2)
    assert points.error_y.arrayminus[0] == pytest.approx(0.45)


@THEMES
def test_groups_show_both_kinds_of_mistake(theme: str) -> None:
    """Each group has a point a mistake; a group without such pictures has none."""
    figure = quality_charts.by_group([group("a", 1, 4), group("b", 0, 0)], theme)
    accused, missed = figure.data
    assert (list(accused.x), list(missed.x)) == ([0.25], [0.0])
    assert list(figure.layout.yaxis.ticktext) == ["a  (8)", "b  (0)"]
    assert tuple(accused.customdata[0]) == (1, 4, 0, "human_made", "ai_generated")
    (area,) = quality_charts.models([group("v1", 0, 4), group("v2", 0, 4, None)], theme).data
    assert (list(area.x), list(area.y)) == ([0.8], ["v1"])


def day(name: str, ai: int, appeals: int = 0, p50: float | None = 9.0) -> dict[str, Any]:
    outcomes = dict.fromkeys(Outcome, 0) | {Outcome.AI_GENERATED: ai}
    latency = {"p50": p50, "p90": p50, "p99": p50}
    score = 0.4 if ai else None
    return {
        "day": name,
        "by_outcome": outcomes,
        "appeals": appeals,
        "latency": latency,
        "mean_score": score,
    }


@THEMES
def test_days_are_stacked_by_outcome(theme: str) -> None:
    """Volumes have a bar an outcome and day; days with appeals are marked on top."""
    days = [day("2026-11-01", 3), day("2026-11-02", 5, appeals=2), day("2026-11-03", 0, p50=None)]
    *bars, marks = activity_charts.volumes(days, theme).data
    assert [bar.name for bar in bars] == [outcome.words for outcome in Outcome]
    assert list(bars[0].y) == [3, 5, 0]
    assert (list(marks.x), list(marks.y), list(marks.customdata)) == (["2026-11-02"], [5], [2])
    assert list(activity_charts.latency(days, theme).data[0].y) == [9.0, 9.0, None]
    assert list(activity_charts.mean_score(days, theme).data[0].x) == ["2026-11-01", "2026-11-02"]


@THEMES
def test_comparisons_are_of_shares(theme: str) -> None:
    """Both distributions are drawn as shares over the same classes, named for people."""
    compared = {
        "property": "side",
        "against": "the 7 days before",
        "expected": {"200": 1, "400": 3},
        "actual": {"200": 10, "400": 10, "other": 20},
    }
    then, now = activity_charts.comparison(compared, theme).data
    assert list(then.x) == ["200 px", "400 px", "other"]
    assert (list(then.y), list(now.y)) == ([0.25, 0.75, 0], [0.25, 0.25, 0.5])
    nothing = activity_charts.comparison({**compared, "actual": {}}, theme).data[1]
    assert list(nothing.y) == [0, 0]
    (first, *_) = activity_charts.sites({"a.example": {"ai_generated": 4}}, theme).data
    assert (list(first.y), list(first.x)) == (["a.example"], [4])


def test_few_reviews_are_called_few() -> None:
    """A rate without pictures or with a wide interval is wide, and says how many more it wants."""
    assert is_wide(rate(0, 0))
    assert is_wide(rate(1, 8, 0.02, 0.5))
    assert not is_wide(rate(10, 200, 0.03, 0.09))
    assert reviews_wanted(rate(0, 0)) == 390
    assert reviews_wanted(rate(10, 200, 0.03, 0.09)) == 10


def test_figures_bring_no_looks_but_ours() -> None:
    """What is sent to the browser holds none of Plotly's own template, several times its size."""
    figure = quality_charts.roc(STEPS, "dark")
    assert len(figure.to_json()) < 3000
    assert "colorway" not in str(figure.to_plotly_json()["layout"]["template"])
    assert figure.layout.xaxis.tickformat == ".0%"
