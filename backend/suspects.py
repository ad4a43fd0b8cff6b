"""Reviews that may be wrong: where the model and like pictures both speak against the label."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from backend.domain import Label, PredictionRecord
from backend.model.reference import Neighbourhood, Reference
from backend.quality import pictures
from backend.storage.repository import Repository, Reviewed

CANDIDATES = 100
"""Most doubtful by score; of these alone the pictures most alike are looked up."""
_ROUNDING = 1e-9
_LABELS = {label.value for label in Label}


@dataclass(frozen=True, slots=True)
class Suspect:
    """A reviewed picture whose label may be wrong."""

    record: PredictionRecord
    label: Label
    doubt: float
    """0 to 1: the mean of what the score and the training pictures most alike say against it."""
    unlike: float | None
    """Share of the five training pictures most alike that have the other label."""


@dataclass(frozen=True, slots=True)
class Suspects:
    """The most doubtful labels, and how many there seem to be."""

    reviewed: int
    expected: int
    """Labels that confident learning puts on the other side."""
    found: tuple[Suspect, ...]


def suspects(repository: Repository, reference: Reference | None, limit: int) -> Suspects:
    """Rank reviewed pictures by doubt in their label.

    Confident learning picks them out: the score of the other class reaches what that class's
    own pictures have on average (Northcutt et al. 2021, “Confident learning”). Where the
    weights ship their training vectors, the five most alike have half a say in the order.
    """
    rows = [r for r in pictures(repository.reviewed()) if r.score >= 0 and r.label in _LABELS]
    against = np.array([_against(row) for row in rows])
    is_ai = np.array([row.label == Label.AI_GENERATED for row in rows], bool)
    if not is_ai.any() or is_ai.all():
        return Suspects(len(rows), 0, ())
    # What pictures of the other class have, on average, for their own class.
    usual_ai, usual_human = (1 - against[is_ai]).mean(), (1 - against[~is_ai]).mean()
    over = against >= np.where(is_ai, usual_human, usual_ai) - _ROUNDING
    order = np.argsort(-against, kind="stable")
    candidates = [rows[i] for i in order[: max(CANDIDATES, limit)] if over[i]]
    return Suspects(len(rows), int(over.sum()), _ranked(repository, candidates, reference, limit))


def _against(row: Reviewed) -> float:
    """Return the probability that the model gives to the other label."""
    return 1 - row.score if row.label == Label.AI_GENERATED else row.score


def _ranked(
    repository: Repository, rows: list[Reviewed], reference: Reference | None, limit: int
) -> tuple[Suspect, ...]:
    unlike = _unlike(repository, rows, reference)
    doubts = [
        (_against(row) if share is None else (_against(row) + share) / 2, row, share)
        for row, share in zip(rows, unlike, strict=True)
    ]
    doubts.sort(key=lambda each: (-each[0], each[1].id))
    found = []
    for doubt, row, share in doubts[:limit]:
        record = repository.get_prediction(row.id)
        if record is not None:
            found.append(Suspect(record, Label(row.label), doubt, share))
    return tuple(found)


def _unlike(
    repository: Repository, rows: list[Reviewed], reference: Reference | None
) -> list[float | None]:
    shares: list[float | None] = [None] * len(rows)
    if reference is None or not any(row.model == reference.version for row in rows):
        return shares
    near = reference.neighbourhood()
    vectors = {
        i: vector
        for i, row in enumerate(rows)
        if row.model == reference.version
        and (vector := _vector(repository, row.id, near)) is not None
    }
    if vectors:
        ai = near.share_ai(np.stack(list(vectors.values())))
        for i, share in zip(vectors, ai.tolist(), strict=True):
            shares[i] = 1 - share if rows[i].label == Label.AI_GENERATED else share
    return shares


def _vector(
    repository: Repository, prediction_id: str, near: Neighbourhood
) -> np.ndarray[Any, np.dtype[np.float32]] | None:
    features = repository.get_extras(prediction_id).features
    if features is None or len(features) != 2 * near.mean.size:
        return None
    return np.frombuffer(features, "<f2").astype(np.float32)
