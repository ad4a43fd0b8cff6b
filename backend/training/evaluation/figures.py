"""Pure figures: rows in, Plotly out. The page puts on light or dark colours.

Colours are those of `PALETTE`; the page's script swaps each for its twin in the dark.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from backend.training.evaluation.bootstrap import Interval
from backend.training.evaluation.curves import Curve
from backend.training.metrics import Array, Targets

AI, HUMAN, QUIET, STRONG = "#c94f1c", "#1e6ebe", "#8a8f98", "#24282f"
PALETTE = {AI: "#f0874f", HUMAN: "#6eaee8", QUIET: "#858b96", STRONG: "#e6e8ec"}
"""Each colour in the light and its twin in the dark."""
_PLAIN_PX = 380
_LINE_PX = 24
_UPSIDE_DOWN = {"autorange": "reversed", "showgrid": False}


def confusion(cells: Mapping[str, int]) -> go.Figure:
    """Draw the four cells, each with its count and its share of the true class."""
    table = [
        [cells["human_as_human"], cells["human_as_ai"]],
        [cells["ai_as_human"], cells["ai_as_ai"]],
    ]
    share = [[n / max(1, sum(row)) for n in row] for row in table]
    text = [
        [f"{n}<br>{100 * s:.1f} %" for n, s in zip(row, shares, strict=True)]
        for row, shares in zip(table, share, strict=True)
    ]
    figure = go.Figure(
        go.Heatmap(
            z=share,
            x=["judged human-made", "judged AI-generated"],
            y=["human-made", "AI-generated"],
            text=text,
            texttemplate="%{text}",
            textfont={"size": 16, "color": STRONG},
            zmin=0,
            zmax=1,
            colorscale=[[0, "rgba(30,110,190,0.04)"], [1, "rgba(30,110,190,0.55)"]],
            showscale=False,
            hovertemplate="%{y}, %{x}: %{text}<extra></extra>",
            xgap=3,
            ygap=3,
        )
    )
    return _laid_out(figure, xaxis={"showgrid": False}, yaxis=_UPSIDE_DOWN)


def roc(curve: Curve) -> go.Figure:
    """Draw the ROC curve with its diagonal and the points at 1 % and 5 % false positives."""
    figure = go.Figure(
        [
            _line([0, 1], [0, 1], QUIET, "chance", dash="dot"),
            _line(curve.x, curve.y, AI, "this model", customdata=curve.threshold),
        ]
    )
    figure.data[
        1
    ].hovertemplate = (
        "false positives %{x:.1%}<br>found %{y:.1%}<br>at score %{customdata:.3f}<extra></extra>"
    )
    for rate in (0.01, 0.05):
        figure.add_vline(x=rate, line={"color": QUIET, "width": 1, "dash": "dash"})
    return _laid_out(
        figure,
        xaxis=_share("human-made called AI-generated"),
        yaxis=_share("AI-generated found"),
    )


def precision_recall(curve: Curve, prevalence: float) -> go.Figure:
    """Draw precision against recall; the dotted line is what calling everything AI gives."""
    figure = go.Figure(
        [
            _line([0, 1], [prevalence, prevalence], QUIET, "all called AI", dash="dot"),
            _line(curve.x, curve.y, AI, "this model"),
        ]
    )
    return _laid_out(
        figure,
        xaxis=_share("AI-generated found (recall)"),
        yaxis=_share("right of those called AI (precision)"),
    )


def reliability(bins: Sequence[Mapping[str, Any]]) -> go.Figure:
    """Draw each bin's share of AI-generated against its mean score; areas follow counts."""
    most = max(b["n"] for b in bins)
    figure = go.Figure(
        [
            _line([0, 1], [0, 1], QUIET, "perfect", dash="dot"),
            go.Scatter(
                x=[b["score"] for b in bins],
                y=[b["frequency"] for b in bins],
                customdata=[b["n"] for b in bins],
                mode="lines+markers",
                name="this model",
                line={"color": AI, "width": 2},
                marker={"color": AI, "size": [6 + 22 * (b["n"] / most) ** 0.5 for b in bins]},
                hovertemplate="score %{x:.2f}<br>AI-generated %{y:.1%}"
                "<br>%{customdata} originals<extra></extra>",
            ),
        ]
    )
    return _laid_out(
        figure, xaxis=_share("mean score of the bin"), yaxis=_share("AI-generated in truth")
    )


def histogram(scores: Array, targets: Targets, *, low: float, high: float) -> go.Figure:
    """Draw both classes' scores; between the dashed thresholds lies `uncertain`."""
    edges = np.linspace(0, 1, 41)
    figure = go.Figure()
    for target, name, colour in ((0, "human-made", HUMAN), (1, "AI-generated", AI)):
        count, _ = np.histogram(scores[targets == target], edges)
        figure.add_bar(
            x=(edges[:-1] + edges[1:]) / 2,
            y=count,
            name=name,
            marker={"color": colour, "opacity": 0.75, "line": {"width": 0}},
            hovertemplate="score %{x:.2f}: %{y} originals<extra>" + name + "</extra>",
        )
    for threshold in (low, high):
        figure.add_vline(x=threshold, line={"color": STRONG, "width": 1, "dash": "dash"})
    figure.update_layout(barmode="overlay", bargap=0)
    return _laid_out(figure, xaxis=_share("score"), yaxis={"title": {"text": "originals"}})


def risk_coverage(curve: Curve, *, coverage: float, risk: float) -> go.Figure:
    """Draw error rate against the share decided; the diamond is where serving stands."""
    figure = go.Figure(
        [
            _line(curve.x, curve.y, AI, "least certain left out first"),
            go.Scatter(
                x=[coverage],
                y=[risk],
                mode="markers",
                name="served thresholds",
                marker={"color": STRONG, "size": 12, "symbol": "diamond"},
                hovertemplate="decided %{x:.1%}<br>wrong %{y:.1%}<extra>served</extra>",
            ),
        ]
    )
    return _laid_out(
        figure,
        xaxis=_share("decided (coverage)"),
        yaxis={"title": {"text": "wrong of those decided"}, "tickformat": ".0%"},
    )


def dots(
    names: Sequence[str],
    series: Mapping[str, tuple[str, Sequence[Interval]]],
    *,
    title: str,
    least: float = 0.0,
    marks: Sequence[float] = (),
) -> go.Figure:
    """Draw a line of dots with intervals for each name, the first name on top.

    Args:
        names: one a line.
        series: a legend's name with its colour and one interval a line.
        title: of the axis.
        least: where the axis begins.
        marks: shares at which a dashed line stands.
    """
    figure = go.Figure()
    spread = 0.16 if len(series) > 1 else 0.0
    for number, (legend, (colour, values)) in enumerate(series.items()):
        shift = spread * (2 * number - (len(series) - 1))
        figure.add_scatter(
            x=[v.value for v in values],
            y=[line + shift for line in range(len(names))],
            customdata=[[name, v.low, v.high] for name, v in zip(names, values, strict=True)],
            error_x={
                "type": "data",
                "symmetric": False,
                "array": [v.high - v.value for v in values],
                "arrayminus": [v.value - v.low for v in values],
                "color": colour,
                "thickness": 1.4,
                "width": 3,
            },
            mode="markers",
            name=legend,
            marker={"color": colour, "size": 8},
            hovertemplate="%{customdata[0]}: %{x:.1%}"
            " (%{customdata[1]:.1%} to %{customdata[2]:.1%})<extra>" + legend + "</extra>",
        )
    for mark in marks:
        figure.add_vline(x=mark, line={"color": QUIET, "width": 1, "dash": "dash"})
    return _laid_out(
        figure,
        height=110 + _LINE_PX * len(names),
        xaxis=_share(title) | {"range": [least, 1.01]},
        yaxis={
            "tickvals": list(range(len(names))),
            "ticktext": [_short(name) for name in names],
            "range": [len(names) - 0.4, -0.6],
            "showgrid": False,
        },
        showlegend=len(series) > 1,
    )


def _short(name: str, most: int = 52) -> str:
    return name if len(name) <= most else name[: most - 1] + "…"


def _line(
    x: Any, y: Any, colour: str, name: str, *, dash: str = "solid", **more: Any
) -> go.Scatter:
    return go.Scatter(
        x=x,
        y=y,
        mode="lines",
        name=name,
        line={"color": colour, "width": 1.5 if dash == "dot" else 2.5, "dash": dash},
        **more,
    )


def _share(title: str) -> dict[str, Any]:
    return {"title": {"text": title, "standoff": 8}, "range": [-0.01, 1.01], "tickformat": ".0%"}


def _laid_out(figure: go.Figure, *, height: int = _PLAIN_PX, **layout: Any) -> go.Figure:
    axes = {
        axis: {"automargin": True, "zeroline": False} | layout.pop(axis, {})
        for axis in ("xaxis", "yaxis")
    }
    figure.update_layout(
        template="none",
        height=height,
        margin={"l": 8, "r": 16, "t": 12, "b": 14},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        legend={"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom"},
        hovermode="closest",
        **axes,
        **layout,
    )
    return figure
