"""What all figures share: colours of labels and outcomes, paper, axes. For both themes."""

from __future__ import annotations

from collections.abc import Mapping

import plotly.graph_objects as go

from backend.domain import Outcome

Colours = Mapping[str, str]

INK: Colours = {"light": "#26292e", "dark": "#e8e6e1"}
FAINT: Colours = {"light": "#6d6a62", "dark": "#a5a29a"}
GRID: Colours = {"light": "#e4e0d7", "dark": "#32363b"}
GOOD: Colours = {"light": "#2f5d62", "dark": "#8fc1bd"}
BAD: Colours = {"light": "#b3372b", "dark": "#f08a7c"}
AI: Colours = {"light": "#d9581f", "dark": "#f0874f"}
HUMAN: Colours = {"light": "#1e6ebe", "dark": "#6eaee8"}
BEFORE: Colours = {"light": "#b9b2a3", "dark": "#6a6e74"}
"""What something is compared with."""
OUTCOMES: Mapping[Outcome, Colours] = {
    Outcome.AI_GENERATED: AI,
    Outcome.HUMAN_MADE: HUMAN,
    Outcome.UNCERTAIN: {"light": "#a08c4a", "dark": "#c7b36e"},
    Outcome.NOT_ASSESSED: {"light": "#c9c3b6", "dark": "#565a60"},
}
_FAMILY = '"Source Sans", sans-serif'
"""What Streamlit sets its own text in."""
_CLEAR = "rgba(0,0,0,0)"


def styled(figure: go.Figure, theme: str, height_px: int, *, legend: bool = True) -> go.Figure:
    """Lay a figure on the page's own paper, with quiet axes that cannot be dragged."""
    axis = {
        "gridcolor": GRID[theme],
        "linecolor": GRID[theme],
        "zeroline": False,
        "fixedrange": True,
        "automargin": True,
        "title": {"font": {"color": FAINT[theme], "size": 12}, "standoff": 8},
        "tickfont": {"color": FAINT[theme], "size": 12},
    }
    own = figure.layout.to_plotly_json()
    # Set as a whole: an update would check and announce every property on its own.
    figure.layout = {
        **own,
        "template": "none",  # all that counts is said here and by each figure
        "height": height_px,
        "margin": {"l": 8, "r": 12, "t": 12 if not legend else 34, "b": 8},
        "paper_bgcolor": _CLEAR,
        "plot_bgcolor": _CLEAR,
        "font": {"color": INK[theme], "size": 13, "family": _FAMILY},
        "hovermode": "closest",
        "hoverlabel": {"font": {"size": 12}, "align": "left"},
        "showlegend": legend,
        "legend": {
            "orientation": "h",
            "x": 0,
            "y": 1.0,
            "yanchor": "bottom",
            "title": None,
            "traceorder": "normal",
        },
        "dragmode": False,
        "xaxis": axis,
        "yaxis": axis,
    }
    return figure
