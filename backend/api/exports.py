"""Reviewed pictures as a data set: make, follow, fetch and remove exports."""

from __future__ import annotations

from dataclasses import asdict

from flask import Blueprint, Response, send_file

from backend.api import PREFIX
from backend.api import export_shapes as shapes
from backend.api.context import api, caller, service
from backend.api.headers import PICTURE_HEADERS
from backend.api.operations import operation
from backend.domain import Job, Scope
from backend.errors import Conflict, NotFound, NothingToExport
from backend.exporting.desk import ExportDesk
from backend.exporting.preview import preview
from backend.wire import time_to_text

exports = Blueprint("exports", __name__)

_ZIP = "application/zip"
_ASKED = ("filter", "format", "split")


def desk() -> ExportDesk:
    """Return what makes exports in this backend."""
    return api().exports


@exports.post("/exports")
@operation(
    scope=Scope.ADMIN,
    body=shapes.ExportIn,
    media={_ZIP: "The zip. Content-Location says where to fetch it again, or the rest of it."},
    raises=(NothingToExport, Conflict),
)
def make_export(body: shapes.ExportIn) -> Response:
    """Export reviewed pictures.

    Answers once the zip is made; `POST /exports/start` does not wait. The zip respects the filter:
    the label is that of the latest review, `cannot_tell` is never exported, no split cuts a group
    of near-duplicates. The same log gives the same bytes.
    """
    job = desk().make(body.to_request(), caller().client)
    answer = _file(job.id)
    answer.headers["Content-Location"] = f"{PREFIX}/exports/{job.id}/file"
    return answer


@exports.post("/exports/start")
@operation(
    scope=Scope.ADMIN,
    body=shapes.ExportIn,
    answers=shapes.ExportOut,
    status=202,
    raises=(Conflict,),
)
def start_export(body: shapes.ExportIn) -> shapes.ExportOut:
    """Begin an export in the background.

    `GET /exports/{export_id}` tells how far it has come and, in the end, where its file is.
    """
    return _shown(desk().start(body.to_request(), caller().client))


@exports.post("/exports/preview")
@operation(scope=Scope.ADMIN, body=shapes.PreviewIn, answers=shapes.PreviewOut)
def preview_export(body: shapes.PreviewIn) -> shapes.PreviewOut:
    """Count what an export of a filter would hold."""
    counted = preview(service().repository, body.filter.to_filter())
    return shapes.PreviewOut.model_validate(asdict(counted))


@exports.get("/exports")
@operation(scope=Scope.ADMIN, answers=shapes.ExportList)
def list_exports() -> shapes.ExportList:
    """List exports, newest first."""
    return shapes.ExportList(exports=[_shown(job) for job in desk().shelf.history()])


@exports.get("/exports/<export_id>")
@operation(scope=Scope.ADMIN, answers=shapes.ExportOut, raises=(NotFound,))
def read_export(export_id: str) -> shapes.ExportOut:
    """Read one export: how far it has come, or what is in it."""
    return _shown(desk().shelf.get(export_id))


@exports.get("/exports/<export_id>/file")
@operation(
    scope=Scope.ADMIN,
    media={_ZIP: "The zip; with a Range header (RFC 9110) the part asked for, as 206."},
    raises=(NotFound, Conflict),
)
def read_export_file(export_id: str) -> Response:
    """Fetch an export's zip.

    It stays for seven days. A download that broke off goes on with `Range` and `If-Range`; the
    ETag is the file's SHA-256.
    """
    return _file(export_id)


@exports.delete("/exports/<export_id>")
@operation(scope=Scope.ADMIN, raises=(NotFound, Conflict), status=204)
def delete_export(export_id: str) -> None:
    """Remove an export's zip; the history keeps its entry."""
    desk().shelf.delete(export_id)


def _file(export_id: str) -> Response:
    job, path = desk().shelf.file(export_id)
    result = job.options["result"]
    assert isinstance(result, dict)  # noqa: S101
    name = f"brushmark-export-{job.created_at:%Y%m%d-%H%M%S}.zip"
    answer = send_file(
        path, _ZIP, as_attachment=True, download_name=name, etag=result["sha256"], max_age=0
    )
    answer.headers.update(PICTURE_HEADERS)
    answer.headers["Cache-Control"] = "no-store"
    return answer


def _shown(job: Job) -> shapes.ExportOut:
    shelf = desk().shelf
    seen = desk().seen(job)
    result = seen.options.get("result")
    return shapes.ExportOut(
        id=seen.id,
        created_at=time_to_text(seen.created_at),
        finished_at=time_to_text(seen.finished_at) if seen.finished_at else None,
        state=seen.state,  # type: ignore[arg-type]
        progress=seen.progress,
        detail=seen.detail,
        actor=str(seen.options.get("actor", "")),
        request={name: seen.options[name] for name in _ASKED if name in seen.options},
        result=result if isinstance(result, dict) else None,
        file=f"{PREFIX}/exports/{seen.id}/file" if shelf.has_file(seen) else None,
    )
