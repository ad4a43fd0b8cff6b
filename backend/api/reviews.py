"""What people say of a prediction: reviews by curators, appeals by visitors."""

from __future__ import annotations

from flask import Blueprint

from backend.api import presenting, schemas
from backend.api.context import caller, curation, service
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
    raises=(NotFound, Conflict),
)
def submit_review(prediction_id: str, body: schemas.ReviewIn) -> schemas.ReviewOut:
    """Review a prediction.

    The label is for its bytes, wherever they turn up. Nothing is overwritten: the latest
    review that was not undone counts. `cannot_tell` is never exported.
    """
    written = curation().review(prediction_id, body.label, caller().client, body.note, body.seen)
    return presenting.review(written)


@reviews.post("/reviews")
@operation(
    scope=Scope.REVIEW,
    body=schemas.BatchReviewIn,
    answers=schemas.ReviewList,
    status=201,
    raises=(NotFound,),
)
def submit_reviews(body: schemas.BatchReviewIn) -> schemas.ReviewList:
    """Review many predictions.

    All or none. Predictions about the same bytes get one review between them.
    """
    written = curation().review_many(body.ids, body.label, caller().client, body.note)
    return schemas.ReviewList(reviews=[presenting.review(each) for each in written])


@reviews.post("/reviews/undo")
@operation(
    scope=Scope.REVIEW,
    body=schemas.UndoIn,
    answers=schemas.ReviewList,
    raises=(NotFound, Conflict),
)
def undo_reviews(body: schemas.UndoIn) -> schemas.ReviewList:
    """Undo many reviews.

    All or none, as for one.
    """
    undone = curation().undo_many(body.ids, caller().client)
    return schemas.ReviewList(reviews=[presenting.review(each) for each in undone])


@reviews.get("/predictions/<prediction_id>/history")
@operation(scope=Scope.READ, answers=schemas.History, raises=(NotFound,))
def read_history(prediction_id: str) -> schemas.History:
    """Read what people said of a prediction's bytes.

    Every review, undone ones too, and every appeal.
    """
    digest = service().get(prediction_id).image.sha256
    return schemas.History(
        reviews=[presenting.review(r) for r in service().repository.reviews_of(digest)],
        appeals=[presenting.appeal(a) for a in service().repository.appeals_of(digest)],
    )


@reviews.get("/appeals")
@operation(scope=Scope.CHECK, query=schemas.AppealQuery, answers=schemas.AppealList)
def list_appeals(query: schemas.AppealQuery) -> schemas.AppealList:
    """List appeals.

    The newest first, each with the review of its picture that stands now: one that came after
    the appeal is its answer. A token of scope `check` sees its own alone.
    `GET /queue?strategy=appealed` gives those nobody decided on.
    """
    newest = service().repository.list_appeals(query.limit, owner())
    reviews = service().repository.latest_reviews([appeal.sha256 for appeal in newest])
    return schemas.AppealList(
        appeals=[presenting.listed_appeal(a, reviews.get(a.sha256)) for a in newest]
    )


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
