"""Labelled pictures from elsewhere into the log."""

from __future__ import annotations

from flask import Blueprint, request

from backend.api import export_shapes as shapes
from backend.api.context import api, caller
from backend.api.operations import operation
from backend.domain import Job, Scope
from backend.errors import NoModel, UnsupportedType
from backend.wire import time_to_text

imports = Blueprint("imports", __name__)

MAX_IMPORT_BYTES = 4 * 1024**3
_ZIPS = ("application/zip", "application/x-zip-compressed", "application/octet-stream")


@imports.post("/imports")
@operation(
    scope=Scope.ADMIN,
    uploads=dict.fromkeys(_ZIPS),
    answers=shapes.ImportOut,
    status=201,
    raises=(NoModel,),
    max_body_bytes=MAX_IMPORT_BYTES,
)
def import_zip() -> shapes.ImportOut:
    """Import a zip of labelled pictures.

    Taken are exports of Brushmark, folders of pictures by label (also with Hugging Face's
    metadata.jsonl) and Label Studio's JSON: all of it, or nothing. Pictures without a verdict are
    judged. A label that stands here already is not changed by a foreign one. An import that a
    crash cut off after the upload goes on when the backend starts again.
    """
    if request.mimetype not in _ZIPS:
        raise UnsupportedType("Send the zip as the body, with Content-Type: application/zip.")
    job, _ = api().imports.take(request.stream, caller().client)
    return _shown(job)


@imports.get("/imports")
@operation(scope=Scope.ADMIN, answers=shapes.ImportList)
def list_imports() -> shapes.ImportList:
    """List imports over HTTP, newest first."""
    return shapes.ImportList(imports=[_shown(job) for job in api().imports.history()])


def _shown(job: Job) -> shapes.ImportOut:
    result = job.options.get("result")
    return shapes.ImportOut(
        id=job.id,
        created_at=time_to_text(job.created_at),
        finished_at=time_to_text(job.finished_at) if job.finished_at else None,
        state=job.state,  # type: ignore[arg-type]
        detail=job.detail,
        actor=str(job.options.get("actor", "")),
        result=result if isinstance(result, dict) else None,
    )
