"""The use case of a report: what was found of a picture in the log, to hand over."""

from __future__ import annotations

from contextlib import nullcontext

from backend.domain import Policy
from backend.errors import NotFound
from backend.report.compose import compose
from backend.service import Service


def logged_report(service: Service, prediction_id: str, owner: str | None = None) -> str:
    """Return the report of a record; without its picture where that is gone.

    Raises:
        NotFound: there is no such record, or none of that client's.
        Busy: the queue is full.
    """
    record = service.get(prediction_id, owner)
    (described,) = service.describe([record])
    try:
        _, data = service.image(record.id)
    except NotFound:  # the record was found: it is the picture that was not kept
        data = None
    with service.queue.place() if data is not None else nullcontext():
        return compose(
            record,
            data=data,
            activation=service.repository.get_extras(prediction_id).activation,
            review=described.review,
            judge=service.judge,
            policy=_policy(service, record.policy),
        )


def _policy(service: Service, number: int | None) -> Policy | None:
    """Return the thresholds of that number, where they are in force or the card's."""
    latest = service.repository.latest_policy()
    if latest is not None and latest.number == number:
        return latest
    card = service.judge.policy if service.judge else None
    return card if card is not None and card.number == number else None
