"""What people say of a prediction: reviews by curators, appeals by visitors."""

from __future__ import annotations

from flask import Blueprint

from backend.api import presenting, schemas
from backend.api.context import caller, service
from backend.api.operations import operation
from backend.api.predictions import owner
from backend.domain import Scope
from backend.errors import Conflict, NotFound

reviews = Blueprint("reviews", __name__)


@reviews.post("/predictions/<prediction_id>/reviews")
@operation(
    scope=Scope.REVIEW,
    body=schemas.ReviewIn,
    answers=schemas.ReviewOut,
    status=201,
    raises=(NotFound,),
)
def submit_review(prediction_id: str, body: schemas.ReviewIn) -> schemas.ReviewOut:
    """Review a prediction.

    The label is for its bytes, wherever they turn up. Nothing is overwritten: the latest
    review that was not undone counts. `cannot_tell` is never exported.
    """
    written = service().submit_review(prediction_id, body.label, caller().client, body.note)
    return presenting.review(written)


@reviews.delete("/reviews/<review_id>")
@operation(scope=Scope.REVIEW, answers=schemas.ReviewOut, raises=(NotFound, Conflict))
def undo_review(review_id: str) -> schemas.ReviewOut:
    """Undo a review.

    The log keeps both the review and that it was undone.
    """
    return presenting.review(service().undo_review(review_id, caller().client))


@reviews.post("/predictions/<prediction_id>/appeals")
@operation(
    scope=Scope.CHECK,
    body=schemas.AppealIn,
    answers=schemas.AppealOut,
    status=201,
    raises=(NotFound,),
)
def submit_appeal(prediction_id: str, body: schemas.AppealIn) -> schemas.AppealOut:
    """Appeal against a prediction.

    The picture is kept for a curator where the server still has it. A token of scope `check`
    appeals against its own predictions alone.
    """
    written = service().submit_appeal(
        prediction_id, body.claim, body.reason, caller().client, owner()
    )
    return presenting.appeal(written)
