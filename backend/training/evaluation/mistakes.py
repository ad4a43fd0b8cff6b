"""The worst mistakes, each as a small picture with its heat map beside it."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from backend.domain import Label
from backend.model.card_judge import CardJudge
from backend.model.explain import blend
from backend.training.evaluate import Scores
from backend.training.evaluation.scoring import open_named
from backend.training.manifest import Row
from backend.training.screen import original_of

A_SHEET = 12
_LONG_SIDE_PX = 220
_QUALITY = 78


@dataclass(frozen=True, slots=True)
class Mistake:
    """One picture that the model took for the other class, as bytes of two JPEG files."""

    row: Row
    score: float
    picture: bytes
    heat_map: bytes


def worst(scores: Scores, label: Label, most: int = A_SHEET) -> list[int]:
    """Return the originals of a class that are furthest on the wrong side, worst first."""
    target = int(label is Label.AI_GENERATED)
    wrong = np.flatnonzero((scores.targets == target) & ((scores.scores >= 0.5) != bool(target)))
    return [int(i) for i in wrong[np.argsort(-np.abs(scores.scores[wrong] - 0.5))][:most]]


def contact_sheet(
    judge: CardJudge, scores: Scores, rows: Sequence[Row], label: Label
) -> tuple[Mistake, ...]:
    """Draw the worst mistakes on a class.

    Args:
        judge: draws the maps.
        scores: one entry an original.
        rows: every row that was scored; an original is shown by its whole view.
    """
    whole = {original_of(r): r for r in rows if r.view == "whole"}
    found = []
    for index in worst(scores, label):
        row = whole.get(original_of(scores.rows[index]), scores.rows[index])
        image = open_named(row)
        drawn = blend(image, judge.score(image).activation)
        found.append(Mistake(row, float(scores.scores[index]), small(image), small(drawn)))
    return tuple(found)


def small(image: Image.Image) -> bytes:
    """Return a small copy as the bytes of a JPEG file."""
    copy = image.convert("RGB")
    copy.thumbnail((_LONG_SIDE_PX, _LONG_SIDE_PX), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    copy.save(buffer, "JPEG", quality=_QUALITY)
    return buffer.getvalue()
