"""Evaluate released weights on a split, from the first score to the findings."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from backend.domain import Label, utc_now
from backend.errors import BadManifest
from backend.model.card import FEATURES, Card
from backend.model.card_judge import CardJudge
from backend.training.evaluation import leaks, leave_out, openings
from backend.training.evaluation.findings import (
    Findings,
    GridLine,
    Setting,
    grid_line,
    overall,
    subsets,
)
from backend.training.evaluation.grid import CLEAN, GRID, Cell
from backend.training.evaluation.mistakes import contact_sheet
from backend.training.evaluation.scoring import Examined, Scorer, limited
from backend.training.evaluation.tables import tables
from backend.training.manifest import Manifest, Row
from backend.training.metrics import summary
from backend.training.screen import original_of
from backend.training.train import Progress

LEDGER_NAME = "openings.jsonl"
_CONTROLS_LEARN_FROM = 4
"""Originals that leak controls learn from for each one judged, in a quick look."""


@dataclass(frozen=True, slots=True)
class Question:
    """What to evaluate.

    `view` is a view's name, or None for all views averaged; `limit` so many originals alone;
    `leave_out` names `generator`, `source` or both.
    """

    split: str
    view: str | None = None
    limit: int | None = None
    grid: bool = True
    leaks: bool = True
    leave_out: tuple[str, ...] = ()
    command: str = "brushmark evaluate"


def assess(
    judge: CardJudge,
    card: Card,
    manifest: Manifest,
    question: Question,
    runs: Path,
    progress: Progress = lambda done, total, text: None,
) -> Findings:
    """Score a split and find out all that the report shows.

    Args:
        judge: scores as serving does.
        runs: where scores are remembered and looks at sealed splits are recorded.

    Raises:
        BadManifest: no such pictures, or one that cannot be read.
        WeightsMissing: leaving one out was asked for and the weights carry no vectors.
    """
    rows = manifest.of(question.split, view=question.view)
    if not rows:
        raise BadManifest(
            f"The manifest has no {question.view or 'labelled'} pictures in its split "
            f"{question.split}."
        )
    # What may fail at once fails before a sealed split is opened.
    vault = leave_out.read_vault(card.folder / FEATURES) if question.leave_out else None
    now = utc_now().isoformat(timespec="seconds")
    looked = openings.Opening(
        now, card.ref.version, card.ref.sha256, question.split, manifest.sha256, question.command
    )
    openings.record(runs / LEDGER_NAME, looked)
    chosen = limited(rows, question.limit)
    memory = runs / "scores"
    scorer = Scorer(judge, card.calibration, _name(card, judge), memory)
    examined = _examine(scorer, GRID if question.grid else (CLEAN,), chosen, progress)
    clean, policy = examined[0], card.policy
    low, high = policy.human_at_most, policy.ai_at_least
    return Findings(
        setting=Setting(
            command=question.command,
            date=now,
            version=card.ref.version,
            model_sha256=card.ref.sha256,
            device=judge.device,
            manifest_sha256=manifest.sha256,
            split=question.split,
            views=f"the {question.view} view" if question.view else "views averaged",
            originals_in_split=len({original_of(r) for r in rows}),
            limited=question.limit is not None and len(chosen) < len(rows),
            low=low,
            high=high,
        ),
        clean=clean,
        overall=overall(clean.scores, low=low, high=high),
        summary=summary(clean.scores.scores, clean.scores.targets, low=low, high=high),
        subsets=subsets(clean.scores, low=low, high=high),
        tables=tables(clean.scores, low=low, high=high),
        grid=_grid(examined, low, high, progress) if question.grid else (),
        controls=_controls(manifest, question, chosen, memory, progress),
        left_out=_left_out(vault, question.leave_out, memory, progress),
        classifier=vault.classifier if vault else "",
        openings=openings.count(runs / LEDGER_NAME, card.ref.sha256, card.document),
        mistakes={
            label: contact_sheet(judge, clean.scores, chosen, label) for label in reversed(Label)
        },
    )


def _name(card: Card, judge: CardJudge) -> str:
    """Tell apart what may score differently: weights, precision, library, processor."""
    return f"{card.ref.sha256[:16]}-{hashlib.sha256(judge.device.encode()).hexdigest()[:8]}"


def _examine(
    scorer: Scorer, cells: Sequence[Cell], rows: Sequence[Row], progress: Progress
) -> list[Examined]:
    total = len(cells) * len(rows)
    found = []
    for number, cell in enumerate(cells):
        before = number * len(rows)

        def show(done: int, _of: int, text: str, before: int = before) -> None:
            progress(before + done, total, text)

        found.append(scorer.examine(cell, rows, show))
    return found


def _grid(
    examined: Sequence[Examined], low: float, high: float, progress: Progress
) -> tuple[GridLine, ...]:
    lines = []
    for number, one in enumerate(examined, start=1):
        lines.append(grid_line(one, low=low, high=high))
        progress(number, len(examined), "intervals of the grid")
    return tuple(lines)


def _controls(
    manifest: Manifest,
    question: Question,
    judged: Sequence[Row],
    memory: Path,
    progress: Progress,
) -> tuple[leaks.Control, ...]:
    learn = manifest.of("train")
    if not question.leaks or not learn or question.split == "train":
        return ()
    many = None if question.limit is None else _CONTROLS_LEARN_FROM * question.limit
    return leaks.controls(limited(learn, many), judged, memory, progress)


def _left_out(
    vault: leave_out.Vault | None, fields: Sequence[str], memory: Path, progress: Progress
) -> Mapping[str, tuple[leave_out.LeftOut, ...]]:
    if vault is None:
        return {}
    return {field: leave_out.leave_one_out(vault, field, memory, progress) for field in fields}
