"""Queues of review."""

from __future__ import annotations

from flask import Blueprint

from backend.api import presenting, schemas
from backend.api.context import caller, curation
from backend.api.operations import operation
from backend.domain import Scope

queue = Blueprint("queue", __name__)


@queue.get("/queue")
@operation(scope=Scope.READ, query=schemas.QueueQuery, answers=schemas.QueueOut)
def read_queue(query: schemas.QueueQuery) -> schemas.QueueOut:
    """Read the next pictures to review.

    `uncertain` gives those nearest to the middle between the thresholds first; `conflict` those
    where model and file disagree; `appealed` those with an appeal and no review since; `random`
    the audit sample, drawn when it was logged; `flipped` those that another model version
    judges otherwise. What is given to one curator is kept from others for five minutes, and
    again for as long as they ask; who may only read is given the same and keeps nothing.
    Pictures that are not kept are left out.
    """
    may_review = caller().may(Scope.REVIEW)
    holder = f"{caller().client}\n{query.session}" if may_review else None
    without = frozenset(filter(None, query.without.split(",")))
    page = curation().queue(query.strategy, query.limit, holder, without)
    return schemas.QueueOut(
        strategy=query.strategy,
        waiting=page.waiting,
        predictions=[presenting.prediction(checked) for checked in page.items],
    )
