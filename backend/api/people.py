"""Who asks: what the backend takes the caller for."""

from __future__ import annotations

from flask import Blueprint

from backend.api import schemas
from backend.api.context import caller
from backend.api.operations import operation
from backend.domain import Scope

people = Blueprint("people", __name__)


@people.get("/whoami")
@operation(scope=Scope.CHECK, answers=schemas.Whoami)
def whoami() -> schemas.Whoami:
    """Read who asks.

    The name is what records, reviews and the audit trail call the caller; the scope is what
    the token, or the role of the person it speaks for, allows.
    """
    who = caller()
    assert who.scope is not None  # noqa: S101 - visitors do not get in here
    return schemas.Whoami(client=who.client, scope=who.scope)
