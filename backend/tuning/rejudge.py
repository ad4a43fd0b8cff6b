"""What a release's head says of vectors that the log kept: no picture is needed."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy.typing as npt

from backend.domain import Outcome, Policy, Prediction, PredictionRecord
from backend.model.card import Card
from backend.storage.repository import MAX_PAGE, PredictionFilter, Repository
from backend.training.calibrate import apply
from backend.tuning.head import read_head
from backend.verdict import decide


@dataclass(frozen=True, slots=True)
class Said:
    """A score and the outcome it has, with the record's evidence, under some thresholds."""

    score: float
    outcome: Outcome


class Rejudge:
    """A release and thresholds, ready to judge logged records again."""

    def __init__(self, card: Card, policy: Policy) -> None:
        self._card, self._policy = card, policy
        self._head = read_head(card)

    def say(self, records: Sequence[PredictionRecord], features: npt.NDArray[Any]) -> list[Said]:
        """Return what the release says of records, given their vectors (n, d)."""
        scores = apply(self._card.calibration, self._head.logits(features))
        return said(self._card, self._policy, records, scores.tolist())


def said(
    card: Card, policy: Policy, records: Sequence[PredictionRecord], scores: Sequence[float]
) -> list[Said]:
    """Return what a release says of records, given its scores and their evidence."""
    return [
        Said(score, decide(Prediction(score, card.ref), record.verdict.evidence, policy).outcome)
        for record, score in zip(records, scores, strict=True)
    ]


def latest_vectors(
    repository: Repository, models: Collection[str], count: int
) -> list[tuple[PredictionRecord, bytes]]:
    """Return the newest records scored by one of those models, with their vectors."""
    found: list[tuple[PredictionRecord, bytes]] = []
    cursor = None
    while len(found) < count:
        page = repository.list_predictions(PredictionFilter(), limit=MAX_PAGE, cursor=cursor)
        for record in page.records:
            if record.model is not None and record.model.sha256 in models:
                vector = repository.get_extras(record.id).features
                if vector is not None:
                    found.append((record, vector))
        cursor = page.next_cursor
        if cursor is None:
            break
    return found[:count]
