"""Figures of the Activity page: the backend's counts in, Plotly out. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import plotly.graph_objects as go

from backend.domain import Outcome
from dashboard.chart_style import BEFORE, FAINT, GOOD, INK, OUTCOMES, styled
from dashboard.client import Json
from dashboard.words import size

_PERCENTILES = (("p50", "half are faster", 2.5, "solid"), ("p90", "90 %", 1.8, "dash"),
                ("p99", "99 %", 1.2, "dot"))  # fmt: skip


def volumes(days: Sequence[Json], theme: str) -> go.Figure:
    """Draw the checks of each day by outcome, and its appeals."""
    when = [day["day"] for day in days]
    figure = go.Figure(
        [
            go.Bar(
                x=when,
                y=[day["by_outcome"][outcome] for day in days],
                name=outcome.words,
                marker={"color": OUTCOMES[outcome][theme], "line": {"width": 0}},
                hovertemplate="%{x|%d %b}: %{y}<extra>" + outcome.words + "</extra>",
            )
            for outcome in Outcome
        ]
    )
    appealed = [day for day in days if day["appeals"]]
    figure.add_scatter(
        x=[day["day"] for day in appealed],
        y=[sum(day["by_outcome"].values()) for day in appealed],
        mode="markers",
        marker={"symbol": "triangle-down", "size": 9, "color": INK[theme]},
        customdata=[day["appeals"] for day in appealed],
        hovertemplate="%{x|%d %b}: %{customdata}<extra>appeals</extra>",
        name="appeals came",
    )
    styled(figure, theme, 300)
    figure.update_layout(barmode="stack", bargap=0.15)
    figure.update_yaxes(title_text="Checks", rangemode="tozero")
    return _over_days(figure, days)


def _over_days(figure: go.Figure, days: Sequence[Json]) -> go.Figure:
    """Have the axis go over all days, also those without a point, half a day wider."""
    first, last = (datetime.fromisoformat(days[i]["day"]) for i in (0, -1))
    half = timedelta(hours=12)
    span = [(first - half).isoformat(), (last + half).isoformat()]
    figure.update_xaxes(type="date", tickformat="%d %b", showgrid=False, range=span)
    return figure


def latency(days: Sequence[Json], theme: str) -> go.Figure:
    """Draw the percentiles of the time from bytes to verdict, day by day."""
    figure = go.Figure(
        [
            go.Scatter(
                x=[day["day"] for day in days],
                y=[day["latency"][name] for day in days],
                name=words,
                mode="lines+markers",
                line={"color": GOOD[theme], "width": width, "dash": dash},
                marker={"size": 4},
                hovertemplate="%{x|%d %b}: %{y:.0f} ms<extra>" + words + "</extra>",
            )
            for name, words, width, dash in _PERCENTILES
        ]
    )
    styled(figure, theme, 260)
    figure.update_yaxes(title_text="Milliseconds", rangemode="tozero")
    return _over_days(figure, days)


def mean_score(days: Sequence[Json], theme: str) -> go.Figure:
    """Draw the mean score of each day: it moves when what is checked changes."""
    known = [day for day in days if day["mean_score"] is not None]
    figure = go.Figure(
        go.Scatter(
            x=[day["day"] for day in known],
            y=[day["mean_score"] for day in known],
            mode="lines+markers",
            line={"color": GOOD[theme], "width": 2},
            marker={"size": 5},
            hovertemplate="%{x|%d %b}: %{y:.0%}<extra></extra>",
        )
    )
    styled(figure, theme, 260, legend=False)
    figure.update_yaxes(title_text="Mean score", range=[0, 1], tickformat=".0%")
    return _over_days(figure, days)


def sites(by_site: Mapping[str, Mapping[str, int]], theme: str) -> go.Figure:
    """Draw the sites with most checks, by outcome, the busiest on top."""
    names = list(by_site)
    figure = go.Figure(
        [
            go.Bar(
                y=names,
                x=[by_site[name].get(outcome, 0) for name in names],
                name=outcome.words,
                orientation="h",
                marker={"color": OUTCOMES[outcome][theme], "line": {"width": 0}},
                hovertemplate="%{y}: %{x}<extra>" + outcome.words + "</extra>",
            )
            for outcome in Outcome
        ]
    )
    # The colours are those of the days above, whose legend names them.
    styled(figure, theme, 40 + 26 * max(len(names), 1), legend=False)
    figure.update_layout(barmode="stack", bargap=0.25)
    figure.update_yaxes(autorange="reversed", showgrid=False, type="category")
    return figure


def comparison(compared: Json, theme: str) -> go.Figure:
    """Draw a property's shares now beside those that it is compared with."""
    names = list(dict.fromkeys([*compared["expected"], *compared["actual"]]))
    shown = [class_name(compared["property"], name) for name in names]
    figure = go.Figure()
    for part, words, colour in (
        ("expected", "then" if compared["against"].startswith("the ") else "learnt from", BEFORE),
        ("actual", "now", GOOD),
    ):
        counts = compared[part]
        total = sum(counts.values())
        figure.add_bar(
            x=shown,
            y=[counts.get(name, 0) / total if total else 0 for name in names],
            name=words,
            marker={"color": colour[theme], "line": {"width": 0}},
            customdata=[counts.get(name, 0) for name in names],
            hovertemplate="%{x}: %{y:.1%} (%{customdata})<extra></extra>",
        )
    styled(figure, theme, 240)
    figure.update_layout(barmode="group", bargap=0.25, bargroupgap=0.05)
    every = 1 + len(shown) // 12
    figure.update_xaxes(type="category", showgrid=False, tickvals=shown[::every], tickfont_size=11)
    figure.update_yaxes(tickformat=".0%", rangemode="tozero", tickfont_color=FAINT[theme])
    return figure


def class_name(kind: str, key: str) -> str:
    """Write a class as people read it.

    >>> class_name("score", "3"), class_name("side", "600"), class_name("bytes", "200000")
    ('15 %', '600 px', '200 kB')
    """
    if not key.isdecimal():
        return key
    if kind == "score":
        return f"{int(key) * 5} %"
    return f"{key} px" if kind == "side" else size(int(key))
