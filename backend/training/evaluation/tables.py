"""Who is found and who is accused: a line for each generator, family, source and kind."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from backend.domain import Label
from backend.training.evaluate import Scores
from backend.training.evaluation.bootstrap import Interval, interval, rate
from backend.training.manifest import Row

LEAST_ORIGINALS = 5
"""A name with fewer originals is in the table, but cannot be called the worst."""


@dataclass(frozen=True, slots=True)
class Line:
    """One name's figures; `right` is recall at score .5, `wronged` the served wrong verdict."""

    name: str
    originals: int
    groups: int
    right: Interval
    wronged: float
    undecided: float
    mean_score: float

    @property
    def enough(self) -> bool:
        """Say whether there are originals enough to be called the worst."""
        return self.originals >= LEAST_ORIGINALS


@dataclass(frozen=True, slots=True)
class Table:
    """Lines of one class, worst first; `macro` weighs every name alike."""

    title: str
    label: Label
    lines: tuple[Line, ...]
    macro: Interval

    @property
    def worst(self) -> Line | None:
        """The name with the least recall among those with enough originals."""
        enough = [line for line in self.lines if line.enough]
        return min(enough, key=lambda line: line.right.value) if enough else None

    def to_json(self) -> dict[str, Any]:
        """Turn into what `metrics.json` holds."""
        return {
            "title": self.title,
            "label": self.label.value,
            "macro_recall": self.macro.to_json(),
            "worst": asdict(self.worst) if self.worst else None,
            "lines": [asdict(line) for line in self.lines],
        }


COLUMNS: tuple[tuple[str, str, Label], ...] = (
    ("family", "Generator families", Label.AI_GENERATED),
    ("generator", "Generators", Label.AI_GENERATED),
    ("ai_source", "Sources of generated pictures", Label.AI_GENERATED),
    ("human_source", "Sources of human-made pictures", Label.HUMAN_MADE),
    ("human_kind", "Kinds of human-made pictures", Label.HUMAN_MADE),
    ("ai_kind", "Kinds of generated pictures", Label.AI_GENERATED),
)


def tables(scores: Scores, *, low: float, high: float) -> dict[str, Table]:
    """Return every table; `low` and `high` are the served thresholds."""
    return {
        key: table(scores, key.split("_")[-1], title, label, low=low, high=high)
        for key, title, label in COLUMNS
    }


def table(
    scores: Scores, column: str, title: str, label: Label, *, low: float, high: float
) -> Table:
    """Return the lines of one class by one column of the manifest."""
    target = int(label is Label.AI_GENERATED)
    by_name: dict[str, list[int]] = {}
    for i, row in enumerate(scores.rows):
        if row.target == target:
            by_name.setdefault(value_of(row, column), []).append(i)
    lines = [
        _line(name, scores, np.array(index), target, low=low, high=high)
        for name, index in by_name.items()
    ]
    lines.sort(key=lambda line: (line.right.value, -line.originals, line.name))
    recalls = np.array([line.right.value for line in lines])
    macro = interval(lambda i: float(recalls[i].mean()), [line.name for line in lines])
    return Table(title, label, tuple(lines), macro)


def value_of(row: Row, column: str) -> str:
    """Return a row's value in a column that every manifest has, or that this one adds."""
    if column in ("generator", "source", "kind"):
        return str(getattr(row, column))
    return row.more.get(column) or "not stated"


def _line(name: str, scores: Scores, index: Any, target: int, *, low: float, high: float) -> Line:
    part = scores.scores[index]
    groups = _groups(scores.rows, index)
    right = part >= 0.5 if target else part < 0.5
    wronged = part <= low if target else part >= high
    return Line(
        name=name,
        originals=len(index),
        groups=len(set(groups)),
        right=rate(right, groups),
        wronged=float(np.mean(wronged)),
        undecided=float(np.mean((part > low) & (part < high))),
        mean_score=float(part.mean()),
    )


def _groups(rows: Sequence[Row], index: Any) -> list[str]:
    return [rows[int(i)].group for i in index]
