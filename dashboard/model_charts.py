"""Figures of the Models page: comparisons and curves in, Plotly out. Pure."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go

from dashboard.chart_style import BAD, BEFORE, FAINT, GOOD, styled
from dashboard.client import Json

NAMES = {
    "balanced_accuracy": "Balanced accuracy",
    "human_called_ai": "Human pictures called AI",
    "calibration_error": "Calibration error",
}
HIGHER_IS_BETTER = {"balanced_accuracy"}
_ROW_PX = 56


def changes(figures: Sequence[Json], theme: str) -> go.Figure:
    """Draw each figure's change with its interval; right is better, the margin is marked.

    Changes are in points (hundredths), turned so that better is to the right.
    """
    rows = list(reversed(figures))
    figure = go.Figure()
    for row in rows:
        sign = 1 if row["name"] in HIGHER_IS_BETTER else -1
        change = 100 * sign * (row["candidate"] - row["champion"])
        ends = sorted((100 * sign * row["low"], 100 * sign * row["high"]))
        figure.add_scatter(
            x=[change],
            y=[NAMES[row["name"]]],
            mode="markers",
            marker={"size": 12, "color": (BAD if row["refused"] else GOOD)[theme]},
            error_x={
                "type": "data",
                "symmetric": False,
                "array": [ends[1] - change],
                "arrayminus": [change - ends[0]],
                "color": FAINT[theme],
                "thickness": 2,
                "width": 6,
            },
            hovertemplate=f"{change:+.1f} points ({ends[0]:+.1f} to {ends[1]:+.1f})<extra></extra>",
        )
        if row["guarded"]:
            figure.add_scatter(
                x=[-100 * row["margin"]],
                y=[NAMES[row["name"]]],
                mode="markers",
                marker={
                    "symbol": "line-ns",
                    "size": 22,
                    "line": {"width": 2, "color": BAD[theme]},
                },
                hovertemplate="worse than this is refused<extra></extra>",
            )
    styled(figure, theme, 60 + _ROW_PX * len(rows), legend=False)
    figure.add_vline(x=0, line={"color": FAINT[theme], "width": 1})
    figure.update_xaxes(title_text="worse  ←  points  →  better", ticksuffix="")
    return figure


def curve(history: Sequence[Json], theme: str) -> go.Figure:
    """Draw a fine-tune's losses, and its balanced accuracy on the evaluation set, by step."""
    steps = [point["step"] for point in history]
    figure = go.Figure(
        [
            go.Scatter(
                x=steps,
                y=[point[name] for point in history],
                name=words,
                mode="lines+markers",
                line={"color": colour[theme], "width": 2, "dash": dash},
                marker={"size": 5},
                yaxis=axis,
                hovertemplate="step %{x}: %{y:.3f}<extra>" + words + "</extra>",
            )
            for name, words, colour, dash, axis in (
                ("loss", "loss on your pictures", BAD, "solid", "y"),
                ("replay_loss", "loss on what it knew", BEFORE, "dash", "y"),
                (
                    "evaluation_balanced_accuracy",
                    "balanced accuracy on the evaluation set (right)",
                    GOOD,
                    "solid",
                    "y2",
                ),
            )
        ]
    )
    styled(figure, theme, 280)
    figure.update_layout(
        yaxis2={
            "overlaying": "y",
            "side": "right",
            "showgrid": False,
            "tickfont": {"color": FAINT[theme], "size": 12},
            "tickformat": ".2f",
            "fixedrange": True,
            "automargin": True,
        }
    )
    figure.update_xaxes(title_text="Step", showgrid=False)
    figure.update_yaxes(rangemode="tozero", selector={"side": None})
    return figure
