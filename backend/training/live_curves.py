"""The curves of a run as one self-contained page, written after every epoch."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from html import escape
from importlib.resources import files
from typing import Any

import plotly.graph_objects as go
from plotly.offline import get_plotlyjs

from backend.training.evaluation.figures import AI, HUMAN, PALETTE, QUIET, STRONG
from backend.training.evaluation.markup import beside, chart, paragraph, section, tiles
from backend.training.run import Run, kept_epoch, write_text

REFRESH_S = 15
"""Seconds after which an open page of a running run is loaded anew."""
_POLICY = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; "
    "img-src data: blob:; base-uri 'none'; form-action 'none'"
)
_HEIGHT_PX = 340
_FIGURES = (
    ("accuracy", "Accuracy", HUMAN, "solid"),
    ("balanced-accuracy", "Balanced accuracy", STRONG, "dot"),
    ("auc", "AUC", AI, "solid"),
)


def write_curves(run: Run) -> None:
    """Write a run's history as a page; it loads itself anew until the run has all its epochs."""
    write_text(run.curves_path, page(run.config(), run.history()))


def page(config: Mapping[str, Any], history: Sequence[Mapping[str, Any]]) -> str:
    """Return the page of a run's configuration and history, one entry an epoch."""
    done, wanted = len(history), int(config["epochs"])
    title = f"{config['recipe']['name']}, seed {config['seed']}"
    state = f"{done} of {wanted} epochs" if done < wanted else "finished"
    again = f'<meta http-equiv="refresh" content="{REFRESH_S}">' if done < wanted else ""
    return "\n".join(
        (
            "<!doctype html>",
            '<html lang="en"><head><meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">{again}',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            '<meta name="color-scheme" content="light dark">',
            f"<title>{escape(title)} · Brushmark training</title>",
            f"<style>{_asset('report.css')}</style><script>{get_plotlyjs()}</script></head>",
            '<body><header><div class="top"><p class="brand">Brushmark training</p>'
            '<button type="button" id="theme">Dark or light</button></div>'
            f"<h1>{escape(title)}</h1>{paragraph(_lead(config, state), 'lead')}</header>",
            f"<main>{_best(config, history)}{_charts(history)}</main>",
            f'<script type="application/json" id="palette">{json.dumps(PALETTE)}</script>',
            f"<script>{_asset('report.js')}</script></body></html>",
        )
    )


def _asset(name: str) -> str:
    return files("backend.training.evaluation").joinpath(name).read_text(encoding="utf-8")


def _lead(config: Mapping[str, Any], state: str) -> str:
    rows = config["rows"]
    learnt, validated = (sum(rows[split].values()) for split in ("train", "val"))
    return (
        f"{state[0].upper()}{state[1:]}. {learnt:,} pictures learnt from, {validated:,} choose the "
        f"epoch by {config['select_by']}."
    )


def _best(config: Mapping[str, Any], history: Sequence[Mapping[str, Any]]) -> str:
    best = kept_epoch(history, config["select_by"])
    figures = [(title, f"{best[name]:.3f}", "") for name, title, _, _ in _FIGURES]
    kept = ("Epoch kept", str(best["epoch"] + 1), f"of {len(history)} so far")
    return section("best", "On validation pictures", tiles([kept, *figures]))


def _charts(history: Sequence[Mapping[str, Any]]) -> str:
    if "head_loss" in history[0]:
        return section("curves", "Curves", beside(_head_losses(history[0]), _folds(history[0])))
    return section("curves", "Curves", beside(_loss(history), _validation(history)))


def _loss(history: Sequence[Mapping[str, Any]]) -> str:
    figure = go.Figure(_line([e["loss"] for e in history], "loss", AI))
    _mark_unfreezing(figure, history)
    caption = "Mean cross-entropy of each epoch's training views." + _unfreezing(history)
    return chart("loss", _laid_out(figure, "epoch", "loss"), "Training loss", caption)


def _validation(history: Sequence[Mapping[str, Any]]) -> str:
    figure = go.Figure([_line([e[name] for e in history], *look) for name, *look in _FIGURES])
    _mark_unfreezing(figure, history)
    caption = "Figures on the validation split after each epoch." + _unfreezing(history)
    return chart("validation", _laid_out(figure, "epoch", "share"), "Validation", caption)


def _head_losses(entry: Mapping[str, Any]) -> str:
    figure = go.Figure(
        [
            _line(losses, f"head {number}", colour)
            for number, (losses, colour) in enumerate(
                zip(
                    entry["head_loss"], (AI, HUMAN, STRONG) * len(entry["head_loss"]), strict=False
                ),
                start=1,
            )
        ]
    )
    caption = "Mean loss of each epoch over the statistics, one line a head."
    return chart("loss", _laid_out(figure, "epoch", "loss"), "Training loss", caption)


def _folds(entry: Mapping[str, Any]) -> str:
    values = entry["fold_auc"]
    names = [f"fold {n}" for n in range(1, len(values) + 1)]
    figure = go.Figure(
        go.Bar(x=names, y=values, marker={"color": HUMAN}, text=values, textposition="outside")
    )
    _laid_out(figure, "", "AUC").update_yaxes(range=[0.5, 1])
    caption = "AUC on sources and generator families that each fold's heads did not see."
    return chart("folds", figure, "Unseen sources and families", caption)


def _line(values: Sequence[float], name: str, colour: str, dash: str = "solid") -> go.Scatter:
    return go.Scatter(
        x=list(range(1, len(values) + 1)),
        y=list(values),
        name=name,
        mode="lines+markers",
        line={"color": colour, "dash": dash, "width": 2},
    )


def _first_unfrozen(history: Sequence[Mapping[str, Any]]) -> int | None:
    return next((int(e["epoch"]) for e in history if not e["frozen"]), None)


def _mark_unfreezing(figure: go.Figure, history: Sequence[Mapping[str, Any]]) -> None:
    first = _first_unfrozen(history)
    if first is not None:
        figure.add_vline(x=first + 0.5, line={"color": QUIET, "width": 1, "dash": "dash"})


def _unfreezing(history: Sequence[Mapping[str, Any]]) -> str:
    return "" if _first_unfrozen(history) is None else " The dashed line: all layers unfrozen."


def _laid_out(figure: go.Figure, x: str, y: str) -> go.Figure:
    return figure.update_layout(
        template="none",
        height=_HEIGHT_PX,
        margin={"l": 60, "r": 16, "t": 10, "b": 48},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        xaxis={"title": {"text": x}, "zeroline": False},
        yaxis={"title": {"text": y}, "zeroline": False},
        legend={"orientation": "h", "y": 1.12},
        hovermode="x unified",
    )
