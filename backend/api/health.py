"""Is it up, can it work, how does it do."""

from __future__ import annotations

from flask import Blueprint, Response

from backend.api import schemas
from backend.api.context import api, service
from backend.api.metrics import CONTENT_TYPE
from backend.api.operations import OPEN, operation
from backend.domain import Scope
from backend.errors import NoModel, OutOfSpace, StoreUnavailable

health = Blueprint("health", __name__)


@health.get("/healthz")
@operation(scope=OPEN, status=204, always=True)
def healthz() -> None:
    """Say that the server is up: no content, and no I/O."""


@health.get("/readyz")
@operation(scope=OPEN, answers=schemas.Ready, raises=(NoModel, StoreUnavailable, OutOfSpace))
def readyz() -> schemas.Ready:
    """Say whether a check would be judged and logged now."""
    service().ready()
    return schemas.Ready(status="ready")


@health.get("/metrics")
@operation(scope=Scope.ADMIN, media={"text/plain": "Prometheus' text format."})
def metrics() -> Response:
    """Read metrics for Prometheus."""
    return Response(api().metrics.render(), content_type=CONTENT_TYPE)
