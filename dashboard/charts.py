"""Pure figures: numbers in, Plotly out."""

from __future__ import annotations

import plotly.graph_objects as go

TOWARDS_AI = {"light": "#d9581f", "dark": "#f0874f"}
TOWARDS_HUMAN = {"light": "#1e6ebe", "dark": "#6eaee8"}
_HEIGHT_PX = 16


def probability_bar(ai_generated: float, human_made: float, *, theme: str = "light") -> go.Figure:
    """Draw both probabilities as one bar: AI-generated from the left, human-made from the right.

    Args:
        ai_generated, human_made: calibrated probabilities that sum to one.
        theme: `light` or `dark`.

    Raises:
        ValueError: they are no such pair.
    """
    if not (0 <= ai_generated <= 1 and abs(ai_generated + human_made - 1) < 1e-3):
        raise ValueError(f"{ai_generated} and {human_made} are no probabilities of two classes")
    parts = (
        ("AI-generated", ai_generated, TOWARDS_AI[theme]),
        ("human-made", human_made, TOWARDS_HUMAN[theme]),
    )
    figure = go.Figure(
        [
            go.Bar(
                x=[share],
                y=[""],
                name=name,
                orientation="h",
                marker={"color": colour, "line": {"width": 0}},
                hoverinfo="skip",
            )
            for name, share, colour in parts
        ]
    )
    figure.update_layout(
        barmode="stack",
        bargap=0,
        showlegend=False,
        height=_HEIGHT_PX,
        margin={"l": 0, "r": 0, "t": 0, "b": 0},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        xaxis={"visible": False, "range": [0, 1], "fixedrange": True},
        yaxis={"visible": False, "fixedrange": True},
    )
    return figure
