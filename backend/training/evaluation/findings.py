"""All that an evaluation found, as typed values; the report and `metrics.json` are made of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from backend.domain import Label
from backend.training.evaluate import Scores
from backend.training.evaluation import aims, curves
from backend.training.evaluation.bootstrap import DRAWS, Interval, intervals
from backend.training.evaluation.leaks import Control, original_short_side
from backend.training.evaluation.leave_out import LeftOut
from backend.training.evaluation.mistakes import Mistake
from backend.training.evaluation.scoring import Examined
from backend.training.evaluation.tables import Table
from backend.training.metrics import summary

LIKE_SIZE_PX = (512, 1100)
"""Short sides of originals between which both classes are common."""
_GRID_DRAWS = 300
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Setting:
    """What was evaluated, on what, how and when."""

    command: str
    date: str
    version: str
    model_sha256: str
    device: str
    manifest_sha256: str
    split: str
    views: str
    originals_in_split: int
    limited: bool
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Subset:
    """Figures of a part of the originals; none where a class has fewer than ten."""

    title: str
    n: Mapping[str, int]
    figures: Mapping[str, Interval]


@dataclass(frozen=True, slots=True)
class GridLine:
    """One cell's figures; `assessed` is the share that the gate lets through by size."""

    cell: str
    title: str
    family: str
    figures: Mapping[str, Interval]
    assessed: float


@dataclass(frozen=True, slots=True)
class Findings:
    """Everything that was found. `controls` and `left_out` are empty where not asked for."""

    setting: Setting
    clean: Examined
    overall: Mapping[str, Interval]
    summary: Mapping[str, Any]
    subsets: tuple[Subset, ...]
    tables: Mapping[str, Table]
    grid: tuple[GridLine, ...]
    controls: tuple[Control, ...]
    left_out: Mapping[str, tuple[LeftOut, ...]]
    classifier: str
    openings: Mapping[str, Mapping[str, int]]
    mistakes: Mapping[Label, tuple[Mistake, ...]]

    @property
    def standing(self) -> list[tuple[aims.Aim, float]]:
        """Each aim of the split with the figure reached; none for a quick look."""
        return [] if self.setting.limited else aims.standing(self.setting.split, self._aimed())

    def _aimed(self) -> dict[str, float]:
        found = {k: self.overall[k].value for k in ("auc", "balanced_accuracy", "ece")}
        accused = [line.wronged for line in self.tables["human_source"].lines if line.enough]
        if accused:
            found["worst_human_source_accused"] = max(accused)
        cells = [
            line.figures["balanced_accuracy"].value for line in self.grid if line.cell != "clean"
        ]
        if cells:
            found["degraded_balanced_accuracy"] = float(np.mean(cells))
            found["worst_cell_balanced_accuracy"] = min(cells)
        return found

    def to_json(self) -> dict[str, Any]:
        """Turn into what `metrics.json` holds."""
        s, scores = self.setting, self.clean.scores
        return {
            "command": s.command,
            "date": s.date,
            "model": {"version": s.version, "sha256": s.model_sha256},
            "scored_with": f"{s.device}; {s.views}",
            "manifest_sha256": s.manifest_sha256,
            "split": s.split,
            "limited": s.limited,
            "originals_in_split": s.originals_in_split,
            "openings": self.openings,
            "intervals": f"95 %, bootstrap over groups, {DRAWS} draws",
            "summary": self.summary,
            "average_precision": curves.average_precision(scores.scores, scores.targets),
            "area_under_risk_coverage": curves.area_under_risk(scores.scores, scores.targets),
            "overall": _plain(self.overall),
            "subsets": {
                subset.title: {"n": subset.n, **_plain(subset.figures)} for subset in self.subsets
            },
            "by": {key: table.to_json() for key, table in self.tables.items()},
            "degradation_grid": [
                {"cell": g.cell, "title": g.title, "assessed": g.assessed, **_plain(g.figures)}
                for g in self.grid
            ],
            "leak_controls": {control.name: control.to_json() for control in self.controls},
            "left_out": {
                field: {"fitted": self.classifier, "names": [line.to_json() for line in lines]}
                for field, lines in self.left_out.items()
            },
            "aims": [
                {"aim": a.title, "wanted": a.wanted, "reached": value, "met": a.met_by(value)}
                for a, value in self.standing
            ],
        }


def _plain(figures: Mapping[str, Interval]) -> dict[str, Any]:
    return {name: figure.to_json() for name, figure in figures.items()}


def overall(scores: Scores, *, low: float, high: float, draws: int = DRAWS) -> dict[str, Interval]:
    """Return every figure of `metrics.summary` with its interval over resampled groups."""

    def figures(index: npt.NDArray[np.int64]) -> dict[str, float]:
        found = summary(scores.scores[index], scores.targets[index], low=low, high=high)
        names = ("auc", "balanced_accuracy", "accuracy", "ece", "brier")
        return {
            **{name: found[name] for name in names},
            "tpr_at_1_percent_fpr": found["tpr_at_1_percent_fpr"],
            "tpr_at_5_percent_fpr": found["tpr_at_5_percent_fpr"],
            "recall_ai_generated": found["recall"]["ai_generated"],
            "recall_human_made": found["recall"]["human_made"],
            **found["served"],
        }

    return intervals(figures, [r.group for r in scores.rows], draws=draws)


def grid_line(examined: Examined, *, low: float, high: float) -> GridLine:
    """Return one cell's figures, scored ungated."""
    cell = examined.cell
    figures = overall(examined.scores, low=low, high=high, draws=_GRID_DRAWS)
    share = float(np.mean(examined.assessed))
    return GridLine(cell.name, cell.title, cell.family, figures, share)


def subsets(scores: Scores, *, low: float, high: float) -> tuple[Subset, ...]:
    """Return the figures of originals of like size, and of pictures that are no graphics."""
    sides = [original_short_side(row) for row in scores.rows]
    least, most = LIKE_SIZE_PX
    like = np.array([side is not None and least <= side <= most for side in sides])
    pictures = np.array([row.kind != "graphic" for row in scores.rows])
    title = f"originals of like size (short side {least} to {most:,} px)"
    found = [_subset(title, scores, like, low=low, high=high)]
    if not pictures.all():
        found.append(_subset("without graphics", scores, pictures, low=low, high=high))
        found.append(_subset("graphics alone", scores, ~pictures, low=low, high=high))
    return tuple(subset for subset in found if subset is not None)


def _subset(title: str, scores: Scores, mask: Mask, *, low: float, high: float) -> Subset | None:
    n = {label.value: _count(scores, mask, label) for label in Label}
    if min(n.values()) < 10:
        return None
    part = taken(scores, np.flatnonzero(mask))
    return Subset(title, n, overall(part, low=low, high=high, draws=_GRID_DRAWS))


def _count(scores: Scores, mask: Mask, label: Label) -> int:
    return int(np.sum(mask & (scores.targets == int(label is Label.AI_GENERATED))))


def taken(scores: Scores, index: Sequence[int] | npt.NDArray[np.int64]) -> Scores:
    """Return the entries at some indices."""
    keep = np.asarray(index)
    return Scores(
        tuple(scores.rows[int(i)] for i in keep),
        scores.logits[keep],
        scores.scores[keep],
        scores.features[keep],
        scores.targets[keep],
    )
