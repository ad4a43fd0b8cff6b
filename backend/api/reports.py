"""Reports: one page on one picture, to hand over."""

from __future__ import annotations

from flask import Blueprint, Response

from backend.api.context import service
from backend.api.operations import operation
from backend.api.predictions import owner
from backend.domain import Scope
from backend.errors import Busy, NotFound
from backend.report.page import POLICY
from backend.reporting import logged_report

reports = Blueprint("reports", __name__)

_HEADERS = {"Content-Security-Policy": f"{POLICY}; frame-ancestors 'none'; sandbox"}


@reports.get("/predictions/<prediction_id>/report")
@operation(
    scope=Scope.CHECK,
    raises=(NotFound, Busy),
    media={"text/html": "One self-contained page: picture, hash, verdict, evidence, limits."},
)
def read_report(prediction_id: str) -> Response:
    """Read the report of a prediction.

    A page to keep and hand over, valid offline; `brushmark check --verify-report` checks it
    against the picture. It holds the picture where that was kept. A token of scope `check` finds
    its own predictions alone.
    """
    page = logged_report(service(), prediction_id, owner())
    # The name is made of the id alone, which is ours.
    name = f"brushmark-report-{prediction_id[:26]}.html"
    headers = {**_HEADERS, "Content-Disposition": f'attachment; filename="{name}"'}
    return Response(page, 200, headers, content_type="text/html; charset=utf-8")
