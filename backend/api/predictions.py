"""The log: predictions, their pictures and heat maps."""

from __future__ import annotations

from collections.abc import Sequence

from flask import Blueprint, Response

from backend.api import presenting, schemas
from backend.api.context import caller, curation, service
from backend.api.headers import PICTURE_HEADERS
from backend.api.operations import operation
from backend.domain import PredictionRecord, Scope
from backend.errors import Busy, Forbidden, NotFound
from backend.model.explain import render_overlay
from backend.service import Checked
from backend.storage.repository import PredictionFilter

predictions = Blueprint("predictions", __name__)

# Only these are ever sent as pictures: nothing that a browser might run.
_MEDIA = {
    "JPEG": ("image/jpeg", "jpg"),
    "PNG": ("image/png", "png"),
    "WEBP": ("image/webp", "webp"),
    "GIF": ("image/gif", "gif"),
    "AVIF": ("image/avif", "avif"),
}
_UNKNOWN = ("application/octet-stream", "bin")


def owner() -> str | None:
    """Return whose records alone the caller sees; None stands for everybody's."""
    return None if caller().may(Scope.READ) else caller().client


@predictions.get("/predictions")
@operation(scope=Scope.CHECK, query=schemas.PredictionQuery, answers=schemas.PredictionPage)
def list_predictions(query: schemas.PredictionQuery) -> schemas.PredictionPage:
    """List predictions.

    Every given filter must hold. A token of scope `check` sees its own predictions alone.
    """
    given = query.model_dump(exclude={"sort", "limit", "cursor", "count", "likeness"})
    mine = owner()
    if mine is not None:
        if query.client not in {None, mine}:
            raise Forbidden("A token of scope “check” sees its own predictions alone.")
        given["client"] = mine
    where = PredictionFilter(**given)
    page, cursor = service().list(where, sort=query.sort, limit=query.limit, cursor=query.cursor)
    return schemas.PredictionPage(
        predictions=[presenting.prediction(checked) for checked in page],
        next_cursor=cursor,
        total=service().repository.count_predictions(where) if query.count else None,
        likeness=_likeness(page) if query.likeness else None,
    )


def _likeness(page: Sequence[Checked]) -> dict[str, str]:
    known = service().repository.phashes([c.record.id for c in page])
    return {record_id: f"{phash:016x}" for record_id, phash in known.items()}


@predictions.get("/predictions/<prediction_id>")
@operation(scope=Scope.CHECK, answers=schemas.Prediction, raises=(NotFound,))
def read_prediction(prediction_id: str) -> schemas.Prediction:
    """Read one prediction.

    A token of scope `check` finds its own predictions alone.
    """
    record = service().get(prediction_id, owner())
    return presenting.prediction(service().describe_one(record))


@predictions.delete("/predictions/<prediction_id>")
@operation(scope=Scope.ADMIN, raises=(NotFound,), status=204)
def delete_prediction(prediction_id: str) -> None:
    """Delete a prediction.

    Its picture goes with it where no other prediction is about the same bytes.
    """
    service().delete(prediction_id, caller().client)


@predictions.get("/predictions/<prediction_id>/image")
@operation(
    scope=Scope.READ,
    raises=(NotFound,),
    media={kind: "The original file." for kind, _ in [*_MEDIA.values(), _UNKNOWN]},
)
def read_image(prediction_id: str) -> Response:
    """Read the original file, if it was kept."""
    record, data = service().image(prediction_id)
    media, suffix = _MEDIA.get(record.image.format.upper(), _UNKNOWN)
    return _picture(record, data, media, suffix)


@predictions.get("/predictions/<prediction_id>/thumbnail")
@operation(
    scope=Scope.READ,
    raises=(NotFound, Busy),
    media={"image/jpeg": "At most 256 pixels a side, encoded afresh."},
)
def read_thumbnail(prediction_id: str) -> Response:
    """Read a small copy of a kept picture."""
    record, data = service().thumbnail(prediction_id)
    return _picture(record, data, "image/jpeg", "thumbnail.jpg")


@predictions.get("/predictions/<prediction_id>/heatmap")
@operation(
    scope=Scope.CHECK,
    raises=(NotFound,),
    media={"image/png": "A transparent layer of the picture's shape, long side at most 640."},
)
def read_heatmap(prediction_id: str) -> Response:
    """Read the heat map of a prediction.

    Warm colours speak for AI-generated, cool ones for human-made. A token of scope `check`
    finds its own predictions alone.
    """
    record, activation = service().activation(prediction_id, owner())
    png = render_overlay(activation, record.image.width, record.image.height)
    return _picture(record, png, "image/png", "heatmap.png")


@predictions.get("/predictions/<prediction_id>/similar")
@operation(
    scope=Scope.READ, query=schemas.SimilarQuery, answers=schemas.SimilarOut, raises=(NotFound,)
)
def list_similar(prediction_id: str, query: schemas.SimilarQuery) -> schemas.SimilarOut:
    """List near-duplicates.

    Predictions whose pictures look the same: re-encoded, resized, or the very same bytes. A
    verdict is never taken from one.
    """
    found = curation().similar(prediction_id, query.limit)
    return schemas.SimilarOut(
        similar=[
            schemas.SimilarPrediction(distance_bits=bits, prediction=presenting.prediction(checked))
            for checked, bits in found
        ]
    )


def _picture(record: PredictionRecord, data: bytes, media: str, suffix: str) -> Response:
    # The name is made of the hash alone: nothing that a page once called its file.
    name = f"{record.image.sha256[:16]}.{suffix}"
    headers = {**PICTURE_HEADERS, "Content-Disposition": f'inline; filename="{name}"'}
    return Response(data, 200, headers, content_type=media)
