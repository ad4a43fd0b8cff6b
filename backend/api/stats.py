"""Counts over the log."""

from __future__ import annotations

from flask import Blueprint

from backend.api import presenting, schemas
from backend.api.context import service
from backend.api.operations import operation
from backend.domain import Scope

stats = Blueprint("stats", __name__)


@stats.get("/stats")
@operation(scope=Scope.READ, answers=schemas.Statistics)
def read_stats() -> schemas.Statistics:
    """Read the counts that every page shows."""
    return presenting.statistics(service().stats())
