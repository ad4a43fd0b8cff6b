"""What an export of a filter would hold, counted in a moment."""

from __future__ import annotations

from dataclasses import dataclass, replace

from backend.domain import ReviewLabel
from backend.storage.repository import PredictionFilter, Repository


@dataclass(frozen=True, slots=True)
class Preview:
    """Predictions that match, by what a review says; several may be of one picture."""

    matching: int
    ai_generated: int
    human_made: int
    cannot_tell: int
    unreviewed: int


def preview(repository: Repository, where: PredictionFilter) -> Preview:
    """Count the predictions that a filter lets through, by label."""

    def labelled(label: ReviewLabel) -> int:
        if where.label not in {None, label} or where.reviewed is False:
            return 0
        return repository.count_predictions(replace(where, label=label))

    counts = {label: labelled(label) for label in ReviewLabel}
    matching = repository.count_predictions(where)
    return Preview(
        matching=matching,
        ai_generated=counts[ReviewLabel.AI_GENERATED],
        human_made=counts[ReviewLabel.HUMAN_MADE],
        cannot_tell=counts[ReviewLabel.CANNOT_TELL],
        unreviewed=matching - sum(counts.values()),
    )
