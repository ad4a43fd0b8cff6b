"""What a candidate would have said of live traffic: its head on the vectors as they are logged.

A candidate with the served network below its head sees the very vector that was served, so it
judges every logged check at no cost to the one who asked.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from backend.domain import Label, Policy, PredictionRecord
from backend.model.card import Card
from backend.storage.repository import MAX_PAGE, PredictionFilter, Repository
from backend.tuning.examples import sharing_trunk
from backend.tuning.rejudge import Rejudge, Said

LATEST = 2000
"""Records looked at, the newest."""


@dataclass(frozen=True, slots=True)
class ShadowReport:
    """How a candidate's verdicts on live traffic lie beside those that were given."""

    looked_at: int
    changed: int
    outcomes: tuple[tuple[str, str, int], ...]
    """What was said, what the candidate says, and how often."""
    labelled: int
    """Of those looked at, how many a curator has labelled as one of the two."""
    served_right: int
    candidate_right: int
    mean_score_change: float


def shadow_report(
    candidate: Card,
    known: Sequence[Card],
    repository: Repository,
    since: datetime,
    policy: Policy | None,
) -> ShadowReport:
    """Judge the checks logged since a moment by a candidate, and count what would change."""
    models = {card.ref.sha256 for card in sharing_trunk(candidate, known)}
    rows = list(_rows(repository, models, since))
    if not rows:
        return ShadowReport(0, 0, (), 0, 0, 0, 0.0)
    features = np.stack([np.frombuffer(vector, "<f2") for _, vector in rows])
    judge = Rejudge(candidate, policy or candidate.policy)
    said = judge.say([record for record, _ in rows], features)
    pairs = [(record, new) for (record, _), new in zip(rows, said, strict=True)]
    table = Counter((r.verdict.outcome.value, new.outcome.value) for r, new in pairs)
    labels = repository.latest_reviews([record.image.sha256 for record, _ in pairs])
    judged = [
        (record.verdict.outcome.value, new.outcome.value, labels[record.image.sha256].label.value)
        for record, new in pairs
        if record.image.sha256 in labels
        and labels[record.image.sha256].label.value in {label.value for label in Label}
    ]
    return ShadowReport(
        looked_at=len(pairs),
        changed=sum(n for (old, new), n in table.items() if old != new),
        outcomes=tuple((old, new, n) for (old, new), n in sorted(table.items())),
        labelled=len(judged),
        served_right=sum(old == label for old, _, label in judged),
        candidate_right=sum(new == label for _, new, label in judged),
        mean_score_change=float(np.mean([_change(record, new) for record, new in pairs])),
    )


def _rows(
    repository: Repository, models: set[str], since: datetime
) -> Iterator[tuple[PredictionRecord, bytes]]:
    cursor, seen = None, 0
    while seen < LATEST:
        page = repository.list_predictions(
            PredictionFilter(since=since), limit=MAX_PAGE, cursor=cursor
        )
        for record in page.records:
            seen += 1
            if record.model is None or record.model.sha256 not in models:
                continue
            vector = repository.get_extras(record.id).features
            if vector is not None:
                yield record, vector
        cursor = page.next_cursor
        if cursor is None:
            return


def _change(record: PredictionRecord, said: Said) -> float:
    prediction = record.verdict.prediction
    return said.score - prediction.score if prediction else 0.0
