"""Put a report together from a check, the picture and the model that judged it."""

from __future__ import annotations

from backend.domain import Activation, Policy, PredictionRecord, Review, utc_now
from backend.imaging.decode import decode
from backend.model.judge import Judge
from backend.report.facts import facts
from backend.report.page import render
from backend.report.pictures import heat_map, preview


def compose(
    record: PredictionRecord,
    *,
    data: bytes | None,
    activation: Activation | None,
    review: Review | None,
    judge: Judge | None,
    policy: Policy | None,
) -> str:
    """Return the page of a check.

    Args:
        record: the check.
        data: the picture's original bytes; None where they were not kept.
        activation: the heat map's numbers, where the picture was scored.
        review: the standing review of the bytes.
        judge: the model at hand; its card is shown where it is the one that judged.
        policy: the thresholds of the check, where they are known.
    """
    card = judge.card if judge is not None and judge.ref == record.model else None
    said = facts(record, policy=policy, card=card, review=review, made_at=utc_now())
    if data is None:
        return render(said, None, None)
    image = decode(data).image
    return render(said, preview(image), heat_map(image, activation) if activation else None)
