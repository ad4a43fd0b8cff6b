"""Figures of the Quality page: the backend's numbers in, Plotly out. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import accumulate

import plotly.graph_objects as go

from backend.domain import Label, Outcome
from dashboard.chart_style import AI, BAD, FAINT, GOOD, GRID, HUMAN, INK, styled
from dashboard.client import Json

LABELS = {Label.AI_GENERATED: "AI-generated", Label.HUMAN_MADE: "human-made"}
OUTCOMES = {outcome: outcome.words for outcome in Outcome}
_SHORT = {
    Outcome.AI_GENERATED: "AI",
    Outcome.HUMAN_MADE: "human",
    Outcome.UNCERTAIN: "uncertain",
    Outcome.NOT_ASSESSED: "not<br>assessed",
}
_LARGEST_PX = 54
_BINS = 20
_ON_CURVE = "threshold %{customdata:.3f}<br>%{x:.1%} → %{y:.1%}<extra></extra>"
_STEPS = 1000


def confusion(cells: Sequence[Json], theme: str) -> go.Figure:
    """Draw labels against outcomes as markers that can be chosen one by one.

    Each marker's area is its share of its label's pictures, and `customdata` names label and
    outcome: Streamlit returns selections of markers, not of a heat map's cells.
    """
    counts = confusion_counts(cells)
    marks = [
        (outcome, label, counts[label][outcome], sum(counts[label].values()))
        for label in LABELS
        for outcome in OUTCOMES
    ]
    figure = go.Figure(
        go.Scatter(
            x=[list(OUTCOMES).index(outcome) for outcome, *_ in marks],
            y=[list(LABELS).index(label) for _, label, *_ in marks],
            customdata=[[label.value, outcome.value] for outcome, label, *_ in marks],
            text=[f"<b>{n}</b><br>{_share(n, of)}" if n else "0" for *_, n, of in marks],
            mode="markers+text",
            marker={
                "symbol": "square",
                "size": [_size(n, of) for *_, n, of in marks],
                "color": [_verdict_colour(label, outcome, theme) for outcome, label, *_ in marks],
                "opacity": 0.28,
                "line": {"width": 0},
            },
            textfont={"color": INK[theme], "size": 13},
            hovertext=[f"{LABELS[label]}, called {OUTCOMES[o]}" for o, label, *_ in marks],
            hoverinfo="text",
            selected={"marker": {"opacity": 0.5}},
            unselected={"marker": {"opacity": 0.28}, "textfont": {"color": INK[theme]}},
        )
    )
    styled(figure, theme, 260, legend=False)
    figure.update_xaxes(
        title_text="The verdict said",
        side="top",
        showgrid=False,
        tickvals=list(range(len(OUTCOMES))),
        ticktext=[_SHORT[outcome] for outcome in OUTCOMES],
        tickangle=0,
        range=[-0.55, len(OUTCOMES) - 0.45],
    )
    figure.update_yaxes(
        title_text="Curators say",
        showgrid=False,
        tickvals=list(range(len(LABELS))),
        ticktext=[_SHORT[Outcome(label.value)] for label in LABELS],
        tickangle=-90,
        range=[len(LABELS) - 0.45, -0.55],
    )
    return figure


def confusion_counts(cells: Sequence[Json]) -> dict[Label, dict[Outcome, int]]:
    """Sum the cells of all policies by label and outcome; who cannot tell is left out."""
    counts = {label: dict.fromkeys(OUTCOMES, 0) for label in LABELS}
    for cell in cells:
        if cell["label"] in counts:
            counts[Label(cell["label"])][Outcome(cell["outcome"])] += cell["pictures"]
    return counts


def _share(n: int, of: int) -> str:
    return f"{100 * n / of:.0f} %" if of else ""


def _size(n: int, of: int) -> float:
    return 26 + (_LARGEST_PX - 26) * math.sqrt(n / of if of else 0)


def _verdict_colour(label: Label, outcome: Outcome, theme: str) -> str:
    if outcome not in {Outcome.AI_GENERATED, Outcome.HUMAN_MADE}:
        return FAINT[theme]
    return GOOD[theme] if outcome.value == label.value else BAD[theme]


def roc(steps: Json, theme: str, chosen: Sequence[float] = ()) -> go.Figure:
    """Draw the share of AI-generated pictures found against that of people falsely accused.

    `chosen` are thresholds to mark on the curve.
    """
    points = curve(steps)
    figure = _line([p["fpr"] for p in points], [p["recall"] for p in points], points, theme)
    figure.add_trace(_diagonal(theme))
    _mark(figure, points, chosen, "fpr", "recall", theme)
    styled(figure, theme, 320, legend=False)
    figure.update_xaxes(title_text="Human-made pictures called AI", **_PER_CENT)
    figure.update_yaxes(title_text="AI-generated pictures found", **_PER_CENT)
    return figure


def precision_recall(steps: Json, theme: str, chosen: Sequence[float] = ()) -> go.Figure:
    """Draw precision against recall of the call “AI-generated”."""
    points = [p for p in curve(steps) if p["precision"] is not None]
    figure = _line([p["recall"] for p in points], [p["precision"] for p in points], points, theme)
    _mark(figure, points, chosen, "recall", "precision", theme)
    styled(figure, theme, 320, legend=False)
    figure.update_xaxes(title_text="AI-generated pictures found", **_PER_CENT)
    figure.update_yaxes(title_text="Right among those called AI", **_PER_CENT)
    return figure


_PER_CENT: Mapping[str, object] = {"range": [-0.02, 1.02], "tickformat": ".0%"}


def curve(steps: Json) -> list[dict[str, float | None]]:
    """Return threshold, recall, false-positive rate and precision from the highest step down.

    A picture is called AI-generated from the step's lower edge on, which is the threshold.
    """
    rows = sorted(
        zip(steps["thousandth"], steps["ai_generated"], steps["human_made"], strict=True),
        reverse=True,
    )
    found, accused = (list(accumulate(row[i] for row in rows)) for i in (1, 2))
    ai, human = (found[-1], accused[-1]) if rows else (0, 0)
    points: list[dict[str, float | None]] = [
        {"threshold": 1.0, "recall": 0.0, "fpr": 0.0, "precision": None}
    ]
    for (step, *_), tp, fp in zip(rows, found, accused, strict=True):
        points.append(
            {
                "threshold": step / _STEPS,
                "recall": tp / ai if ai else 0.0,
                "fpr": fp / human if human else 0.0,
                "precision": tp / (tp + fp),
            }
        )
    return points


def _line(
    x: Sequence[float | None], y: Sequence[float | None], points: Sequence[Json], theme: str
) -> go.Figure:
    return go.Figure(
        go.Scatter(
            x=x,
            y=y,
            mode="lines",
            line={"color": GOOD[theme], "width": 2.5, "shape": "hv"},
            customdata=[p["threshold"] for p in points],
            hovertemplate=_ON_CURVE,
        )
    )


def _diagonal(theme: str) -> go.Scatter:
    line = {"color": GRID[theme], "dash": "dot"}
    return go.Scatter(x=[0, 1], y=[0, 1], mode="lines", hoverinfo="skip", line=line)


def _mark(
    figure: go.Figure, points: Sequence[Json], chosen: Sequence[float], x: str, y: str, theme: str
) -> None:
    for threshold in chosen:
        # The point whose step is the lowest that still reaches the threshold.
        reached = [p for p in points if p["threshold"] >= threshold - 1e-9] or points[:1]
        if reached:
            figure.add_scatter(
                x=[reached[-1][x]],
                y=[reached[-1][y]],
                mode="markers",
                marker={"color": INK[theme], "size": 9},
                customdata=[threshold],
                hovertemplate=_ON_CURVE,
            )


def reliability(bins: Sequence[Json], theme: str) -> go.Figure:
    """Draw how many were AI-generated among pictures of like scores, with intervals."""
    rates = [b["ai_generated"] for b in bins]
    figure = go.Figure(
        [
            _diagonal(theme),
            go.Scatter(
                x=[b["mean_score"] for b in bins],
                y=[r["value"] for r in rates],
                error_y={
                    "type": "data",
                    "symmetric": False,
                    "array": [r["high"] - r["value"] for r in rates],
                    "arrayminus": [r["value"] - r["low"] for r in rates],
                    "color": FAINT[theme],
                    "thickness": 1.2,
                    "width": 3,
                },
                mode="markers+lines",
                line={"color": GOOD[theme], "width": 1.5},
                marker={"color": GOOD[theme], "size": 8},
                customdata=[r["n"] for r in rates],
                hovertemplate="score %{x:.0%}: %{y:.0%} AI-generated"
                " of %{customdata} pictures<extra></extra>",
            ),
        ]
    )
    styled(figure, theme, 320, legend=False)
    figure.update_xaxes(title_text="What the model said", **_PER_CENT)
    figure.update_yaxes(title_text="How many were AI-generated", **_PER_CENT)
    return figure


def histogram(
    steps: Json, theme: str, chosen: Sequence[float] = (), *, under_slider: bool = False
) -> go.Figure:
    """Draw how many reviewed pictures of each label have which score; mark thresholds.

    `under_slider` leaves the vertical axis out, so that scores lie below the slider's own.
    """
    width = _STEPS // _BINS
    figure = go.Figure()
    for label, colour in ((Label.HUMAN_MADE, HUMAN), (Label.AI_GENERATED, AI)):
        counts = [0] * _BINS
        for step, n in zip(steps["thousandth"], steps[label.value], strict=True):
            counts[step // width] += n
        figure.add_bar(
            x=[(i + 0.5) / _BINS for i in range(_BINS)],
            y=counts,
            width=0.94 / _BINS,
            name=LABELS[label],
            marker={"color": colour[theme], "line": {"width": 0}},
            hovertemplate="score around %{x:.1%}: %{y}<extra>" + LABELS[label] + "</extra>",
        )
    for threshold in chosen:
        figure.add_vline(x=threshold, line={"color": INK[theme], "width": 1.5, "dash": "dash"})
    styled(figure, theme, 260)
    figure.update_layout(barmode="stack", bargap=0)
    figure.update_xaxes(title_text="Score: probability of AI-generated", **_PER_CENT)
    figure.update_yaxes(title_text="Reviewed pictures", rangemode="tozero")
    if under_slider:
        figure.update_yaxes(visible=False)
        figure.update_xaxes(range=[0, 1])
        figure.update_layout(margin={"l": 6, "r": 6})
    return figure


def by_group(groups: Sequence[Json], theme: str) -> go.Figure:
    """Draw both kinds of mistake for each group, with intervals; most pictures on top.

    Each point can be chosen: its `customdata` ends with the group's place, the label and the
    outcome that it is about.
    """
    figure = go.Figure()
    names = [f"{g['name']}  ({g['verdicts']['pictures']})" for g in groups]
    human, ai = Label.HUMAN_MADE.value, Label.AI_GENERATED.value
    for measure, name, colour, symbol, shift, about in (
        ("human_called_ai", "people's work called AI", AI, "circle", -0.14, (human, ai)),
        ("ai_called_human", "AI called people's work", HUMAN, "diamond", 0.14, (ai, human)),
    ):
        rates = [(i, g["verdicts"][measure]) for i, g in enumerate(groups)]
        known = [(i, r) for i, r in rates if r["value"] is not None]
        figure.add_scatter(
            x=[r["value"] for _, r in known],
            y=[i + shift for i, _ in known],
            error_x={
                "type": "data",
                "symmetric": False,
                "array": [r["high"] - r["value"] for _, r in known],
                "arrayminus": [r["value"] - r["low"] for _, r in known],
                "color": colour[theme],
                "thickness": 1.4,
                "width": 0,
            },
            mode="markers",
            marker={"color": colour[theme], "size": 9, "symbol": symbol},
            name=name,
            text=[groups[i]["name"] for i, _ in known],
            customdata=[[r["k"], r["n"], i, *about] for i, r in known],
            hovertemplate="%{text}: %{customdata[0]} of %{customdata[1]}, %{x:.1%}<extra></extra>",
        )
    styled(figure, theme, 90 + 38 * max(len(groups), 1))
    highs = [r["high"] for g in groups for r in _mistakes(g) if r["value"] is not None]
    reach = min(1.02, 1.04 * max(highs, default=1))
    figure.update_xaxes(nticks=4, tickangle=0, tickformat=".0%", range=[-0.04 * reach, reach])
    figure.update_yaxes(
        tickvals=list(range(len(groups))), ticktext=names, showgrid=False,
        range=[len(groups) - 0.5, -0.5],
    )  # fmt: skip
    return figure


def _mistakes(group: Json) -> tuple[Json, Json]:
    return group["verdicts"]["human_called_ai"], group["verdicts"]["ai_called_human"]


def models(groups: Sequence[Json], theme: str) -> go.Figure:
    """Draw the area under the curve of each model version, with intervals."""
    known = [g for g in groups if g["auc"] and g["auc"]["value"] is not None]
    figure = go.Figure(
        go.Scatter(
            x=[g["auc"]["value"] for g in known],
            y=[g["name"] for g in known],
            error_x={
                "type": "data",
                "symmetric": False,
                "array": [g["auc"]["high"] - g["auc"]["value"] for g in known],
                "arrayminus": [g["auc"]["value"] - g["auc"]["low"] for g in known],
                "color": GOOD[theme],
                "thickness": 1.4,
                "width": 0,
            },
            mode="markers",
            marker={"color": GOOD[theme], "size": 10},
            hovertemplate="%{y}: %{x:.3f}<extra></extra>",
        )
    )
    styled(figure, theme, 80 + 42 * max(len(known), 1), legend=False)
    figure.update_xaxes(title_text="Area under the ROC curve", range=[0.5, 1.005])
    return figure
