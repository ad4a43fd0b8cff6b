"""Draw the plots that docs show from what was measured here: `make plots`.

The learning curve comes from `runs/screening.jsonl` (`python -m backend.training.screening --table
curve`), the copies from the reports of the served version (`brushmark evaluate --split test` and
`--split unseen`). What was not measured is not drawn.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import plotly.graph_objects as go
from plotly.offline import get_plotlyjs

from backend.domain import Outcome
from backend.model.registry import find_card
from backend.settings import Settings
from backend.training.commands import RUNS, SHARED_DATA
from backend.training.ideas import BASE, TABLES, Idea
from backend.training.manifest import read_manifest
from backend.training.screening import RESULTS, SEEDS, Notebook
from dashboard.chart_style import AI, FAINT, GOOD, HUMAN, OUTCOMES, styled
from tests.dashboard.browser import chromium

PAPER = {"light": "#fcfbf8", "dark": "#17191c"}
WIDTH, HEIGHT = 760, 340


def main(folder: Path) -> None:
    """Write each plot, light and dark, into a folder."""
    curve, copies = _curve(), _copies()
    with chromium() as browser:
        for theme in ("light", "dark"):
            for name, figure in (
                ("learning-curve", learning_curve(curve, theme)),
                ("copies", degradation(copies, theme)),
            ):
                page = browser.new_page(
                    viewport={"width": WIDTH, "height": figure.layout.height + 24},
                    device_scale_factor=2,
                )
                page.set_content(_page(figure, theme))
                page.wait_for_selector(".main-svg")
                page.screenshot(path=folder / f"{name}-{theme}.png")
                page.close()


def learning_curve(found: dict[str, list[tuple[float, float]]], theme: str) -> go.Figure:
    """Draw AUC over pictures for each way of having fewer: points (pictures, AUC)."""
    figure = go.Figure()
    colours = (AI[theme], HUMAN[theme], FAINT[theme])
    for (name, points), colour in zip(found.items(), colours, strict=True):
        pictures, auc = zip(*sorted(points), strict=True)
        figure.add_scatter(
            x=pictures,
            y=auc,
            name=name,
            mode="lines+markers",
            line={"color": colour, "width": 2},
            marker={"size": 8},
        )
    styled(figure, theme, HEIGHT)
    figure.update_xaxes(title_text="pictures learnt from", tickformat=",d", rangemode="tozero")
    figure.update_yaxes(title_text="AUC, sources not met", tickformat=".2f", dtick=0.02)
    return figure


def degradation(found: dict[str, list[dict[str, Any]]], theme: str) -> go.Figure:
    """Draw each split's AUC, with its interval, on every kind of copy."""
    figure = go.Figure()
    colours = (GOOD[theme], OUTCOMES[Outcome.UNCERTAIN][theme])
    for number, ((split, cells), colour) in enumerate(zip(found.items(), colours, strict=True)):
        auc = [cell["auc"] for cell in cells]
        figure.add_scatter(
            x=[each["value"] for each in auc],
            y=[row + 0.3 * number - 0.15 for row in range(len(cells))],
            name=split,
            mode="markers",
            marker={"color": colour, "size": 9},
            error_x={
                "array": [each["high"] - each["value"] for each in auc],
                "arrayminus": [each["value"] - each["low"] for each in auc],
                "color": colour,
                "thickness": 1.5,
                "width": 0,
            },
        )
    titles = [cell["title"] for cell in next(iter(found.values()))]
    styled(figure, theme, 520)
    figure.update_xaxes(title_text="AUC and its 95 % interval", tickformat=".2f")
    figure.update_yaxes(
        tickvals=list(range(len(titles))), ticktext=titles, autorange="reversed", showgrid=False
    )
    return figure


def _curve() -> dict[str, list[tuple[float, float]]]:
    notebook = Notebook(RESULTS, read_manifest(SHARED_DATA / "manifest.csv").sha256[:16])
    ideas = TABLES["curve"]
    ways = {
        "fewer sources": [idea for idea in ideas if idea.sources < 1],
        "fewer pictures": [idea for idea in ideas if idea.pictures < 1],
        "fewer of each source": [idea for idea in ideas if idea.each is not None],
    }
    return {
        name: [_point(notebook, idea) for idea in (*chosen, BASE)] for name, chosen in ways.items()
    }


def _point(notebook: Notebook, idea: Idea) -> tuple[float, float]:
    found = [notebook.find(idea, seed) for seed in SEEDS]
    missing = "run `python -m backend.training.screening --table curve` first"
    figures = [each for each in found if each is not None]
    if len(figures) < len(SEEDS):
        raise SystemExit(f"{idea.name}: {missing}")
    return (
        float(np.mean([each["learnt"][0] for each in figures])),
        float(np.mean([each["auc"][0] for each in figures])),
    )


def _copies() -> dict[str, list[dict[str, Any]]]:
    version = find_card(Settings(home=Path("no-home")), None).ref.version
    found = {}
    for split in ("test", "unseen"):
        path = RUNS / "reports" / f"{version}-{split}" / "metrics.json"
        if not path.exists():
            raise SystemExit(f"{path} is not there: run `brushmark evaluate --split {split}` first")
        found[split] = json.loads(path.read_text(encoding="utf-8"))["degradation_grid"]
    return found


def _page(figure: go.Figure, theme: str) -> str:
    drawn = figure.to_html(full_html=False, include_plotlyjs=False, config={"staticPlot": True})
    return (
        f"<!doctype html><meta charset='utf-8'><script>{get_plotlyjs()}</script>"
        f"<body style='margin:12px;background:{PAPER[theme]}'>{drawn}</body>"
    )


def _given(arguments: Sequence[str]) -> Path:
    return Path(arguments[0] if arguments else "docs/images")


if __name__ == "__main__":
    main(_given(sys.argv[1:]))
