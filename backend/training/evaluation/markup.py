"""Small pieces of HTML: every text is escaped here, once."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from html import escape

import plotly.graph_objects as go

from backend.training.evaluation.bootstrap import Interval


def percent(share: float) -> str:
    """Write a share as a percentage that no line breaks: 0.934 -> "93.4 %"."""
    return f"{100 * share:.1f}\N{NO-BREAK SPACE}%"


def span(low: float, high: float, digits: int = 3) -> str:
    """Write an interval that no line breaks: "0.912–0.951"."""
    dash = "\N{WORD JOINER}–\N{WORD JOINER}"
    return f"{low:.{digits}f}{dash}{high:.{digits}f}"


def with_interval(figure: Interval) -> str:
    """Write a share with its interval: "93.4 % (91.2–95.1)"."""
    return f"{percent(figure.value)} ({span(100 * figure.low, 100 * figure.high, 1)})"


def plain_with_interval(figure: Interval) -> str:
    """Write a figure with its interval: "0.934 (0.912–0.951)"."""
    return f"{figure.value:.3f} ({span(figure.low, figure.high)})"


def section(anchor: str, title: str, *parts: str) -> str:
    """Return a section with its heading."""
    return f'<section id="{escape(anchor)}"><h2>{escape(title)}</h2>{"".join(parts)}</section>'


def paragraph(text: str, kind: str = "") -> str:
    """Return a paragraph of plain text; `kind` is its class."""
    attribute = f' class="{escape(kind)}"' if kind else ""
    return f"<p{attribute}>{escape(text)}</p>"


def table(heads: Sequence[str], rows: Sequence[Sequence[str]], caption: str = "") -> str:
    """Return a table of plain text; columns after the first are set as figures."""
    head = "".join(f'<th scope="col">{escape(h)}</th>' for h in heads)
    body = "".join(
        "<tr>"
        + f'<th scope="row">{escape(row[0])}</th>'
        + "".join(f"<td>{escape(cell)}</td>" for cell in row[1:])
        + "</tr>"
        for row in rows
    )
    named = f"<caption>{escape(caption)}</caption>" if caption else ""
    return (
        f'<div class="wide" tabindex="0"><table>{named}<thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def folded(summary: str, content: str) -> str:
    """Return what opens on a click."""
    return f"<details><summary>{escape(summary)}</summary>{content}</details>"


def chart(name: str, figure: go.Figure, title: str, caption: str) -> str:
    """Return a figure as data that the page's script draws, with a title and what it says."""
    # "</" must not end the script element; the escape is the same JSON.
    data = json.dumps(json.loads(figure.to_json()), separators=(",", ":")).replace("</", "<\\/")
    height = int(figure.layout.height or 0)
    return (
        f'<figure><h3>{escape(title)}</h3><div class="chart" id="chart-{escape(name)}" role="img" '
        f'aria-label="{escape(f"{title}. {caption}")}" style="height:{height}px"></div>'
        f'<script type="application/json" data-chart="chart-{escape(name)}">{data}</script>'
        f"<figcaption>{escape(caption)}</figcaption></figure>"
    )


def beside(*parts: str) -> str:
    """Return parts side by side where there is room."""
    return f'<div class="pair">{"".join(parts)}</div>'


def tiles(pairs: Sequence[tuple[str, str, str]]) -> str:
    """Return headline figures: name, figure, interval."""
    inner = "".join(
        f"<div><dt>{escape(name)}</dt><dd>{escape(figure)}<small>{escape(note)}</small></dd></div>"
        for name, figure, note in pairs
    )
    return f'<dl class="tiles">{inner}</dl>'


def jpeg(data: bytes, alt: str) -> str:
    """Return a picture that travels within the page."""
    source = base64.b64encode(data).decode("ascii")
    return f'<img src="data:image/jpeg;base64,{source}" alt="{escape(alt)}">'
