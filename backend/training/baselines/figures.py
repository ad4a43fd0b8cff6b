"""The results of a sweep as one self-contained page of Plotly figures."""

from __future__ import annotations

import html
from collections.abc import Callable, Sequence
from typing import Any

import plotly.graph_objects as go
from plotly.offline import get_plotlyjs
from plotly.subplots import make_subplots

from backend.training.baselines.cells import WHOLE
from backend.training.baselines.results import Results
from backend.training.baselines.table import Line, lines_of, markdown

PANELS = ("Accuracy on test", "Seconds to fit", "Peak MiB")
COLOURS = ("#4477AA", "#EE6677", "#228833", "#CCBB44", "#AA3377")
"""Paul Tol's bright scheme, which colour-blind readers can tell apart."""


def page(results: Results) -> str:
    """Write the page; it needs nothing from the network."""
    lines = lines_of(results)
    figures = [figure for figure in _figures(lines) if figure.data]
    body = "\n".join(figure.to_html(full_html=False, include_plotlyjs=False) for figure in figures)
    title = f"Baselines on task {results.head['task']}"
    return (
        "<!doctype html>\n"
        f'<html lang="en"><meta charset="utf-8"><title>{html.escape(title)}</title>\n'
        f"<script>{get_plotlyjs()}</script>\n"
        '<body style="font-family:sans-serif;max-width:1200px;margin:2em auto">\n'
        f"<h1>{html.escape(title)}</h1>\n{body}\n"
        f"<h2>Tables</h2>\n<pre>{html.escape(markdown(results))}</pre></body></html>\n"
    )


def _figures(lines: Sequence[Line]) -> list[Any]:
    whole = [line for line in lines if line.eighths == WHOLE]
    share_px = {line.px for line in lines if line.eighths != WHOLE}
    shares = [line for line in lines if line.px in share_px]
    return [
        _trade_off(whole, lambda line: line.px, "pixels along an edge"),
        _trade_off(shares, lambda line: line.seeds[0]["learnt"], "pictures learnt from"),
        _matrices(whole),
    ]


def _trade_off(lines: Sequence[Line], place: Callable[[Line], int], axis: str) -> Any:
    figure = make_subplots(1, 3, subplot_titles=PANELS, horizontal_spacing=0.07)
    kinds = list(dict.fromkeys(line.kind for line in lines))
    for title in dict.fromkeys(line.title for line in lines):
        series = sorted((line for line in lines if line.title == title), key=place)
        colour = COLOURS[kinds.index(series[0].kind) % len(COLOURS)]
        for column, values in enumerate(_panels(series), start=1):
            trace = go.Scatter(
                x=[place(line) for line in series],
                y=values,
                name=title,
                legendgroup=title,
                showlegend=column == 1,
                mode="lines+markers",
                line={"color": colour, "dash": "dash" if series[0].tuned else "solid"},
            )
            figure.add_trace(trace, row=1, col=column)
    figure.update_xaxes(title_text=axis, type="log")
    figure.update_yaxes(type="log", row=1, col=2)
    figure.update_yaxes(type="log", row=1, col=3)
    figure.update_layout(template="plotly_white", height=460, title=f"Against {axis}")
    return figure


def _panels(series: Sequence[Line]) -> tuple[list[float | None], ...]:
    accuracy = [_mean_accuracy(line) for line in series]
    return (
        accuracy,
        [line.mean("fit_s") for line in series],
        [line.mean("peak_mib") for line in series],
    )


def _mean_accuracy(line: Line) -> float | None:
    if "test" not in line.seeds[0]["judged"]:
        return None
    values = line.accuracies("test")
    return sum(values) / len(values)


def _matrices(lines: Sequence[Line]) -> Any:
    if not lines:
        return go.Figure()
    top = max(line.px for line in lines)
    chosen = [line for line in lines if line.px == top and "test" in line.seeds[0]["judged"]]
    if not chosen:
        return go.Figure()
    columns = 3
    rows = -(-len(chosen) // columns)
    figure = make_subplots(rows, columns, subplot_titles=[line.title for line in chosen])
    for number, line in enumerate(chosen):
        cells = line.cells("test")
        values = [
            [cells["ai_as_ai"], cells["ai_as_human"]],
            [cells["human_as_ai"], cells["human_as_human"]],
        ]
        matrix = go.Heatmap(
            z=values,
            x=["called AI", "called human"],
            y=["AI-generated", "human-made"],
            text=values,
            texttemplate="%{text}",
            colorscale="Blues",
            showscale=False,
        )
        figure.add_trace(matrix, row=number // columns + 1, col=number % columns + 1)
    figure.update_yaxes(autorange="reversed")
    figure.update_layout(
        template="plotly_white",
        height=300 * rows,
        title=f"Confusion on test at {top} px, summed over the seeds",
    )
    return figure
