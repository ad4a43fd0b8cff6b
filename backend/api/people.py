"""Who asks, and who decided what."""

from __future__ import annotations

import base64
import binascii
from datetime import datetime

from flask import Blueprint

from backend.api import presenting, schemas
from backend.api.context import caller, curation
from backend.api.operations import operation
from backend.curation import Deed
from backend.domain import Scope
from backend.errors import BadInput
from backend.wire import time_from_text, time_to_text

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


@people.get("/audit")
@operation(scope=Scope.READ, query=schemas.TrailQuery, answers=schemas.Trail)
def read_trail(query: schemas.TrailQuery) -> schemas.Trail:
    """Read who decided what.

    Every review and every event of the audit trail, newest first: tokens made and revoked,
    policies published, reviews undone, predictions deleted.
    """
    deeds = curation().trail(query.limit, _place(query.cursor))
    return schemas.Trail(
        deeds=[presenting.deed(deed) for deed in deeds],
        next_cursor=_cursor(deeds[-1]) if len(deeds) == query.limit else None,
    )


def _cursor(deed: Deed) -> str:
    return base64.urlsafe_b64encode(f"{time_to_text(deed.at)} {deed.id}".encode()).decode()


def _place(cursor: str | None) -> tuple[datetime, str] | None:
    if cursor is None:
        return None
    try:
        text = base64.b64decode(cursor, altchars=b"-_", validate=True).decode("ascii")
        moment, _, deed_id = text.partition(" ")
        return time_from_text(moment), deed_id
    except (binascii.Error, ValueError, OverflowError):
        raise BadInput("That cursor is none of ours. Start again without it.") from None
