"""Erase a site, an address, a client or a time from the home."""

from __future__ import annotations

from flask import Blueprint

from backend.api import export_shapes as shapes
from backend.api.context import caller, service
from backend.api.operations import operation
from backend.domain import Scope
from backend.errors import Conflict
from backend.forgetting.forget import Forgetting
from backend.forgetting.oblivion import Oblivion

forgetting = Blueprint("forgetting", __name__)

MAX_BODY_BYTES = 256 * 1024
"""An address of 8192 characters has up to twelve bytes for each of them in JSON's ASCII."""


@forgetting.post("/forget")
@operation(
    scope=Scope.ADMIN,
    body=shapes.ForgetIn,
    answers=shapes.ForgottenOut,
    raises=(Conflict,),
    max_body_bytes=MAX_BODY_BYTES,
)
def forget(body: shapes.ForgetIn) -> shapes.ForgottenOut:
    """Erase a site, an address, a client or all before a moment.

    Records go with their pictures, heat maps, feature vectors, reviews and appeals, as do stored
    exports that hold them; then the store is rewritten without a trace. The answer names what is
    out of reach. The audit trail keeps that something was forgotten, and not what.
    """
    parts = service()
    use_case = Forgetting(
        parts.settings, parts.repository, parts.images, drop_from_memory=parts.forget_bytes
    )
    done = use_case.forget(Oblivion(**body.model_dump()), caller().client)
    return shapes.ForgottenOut(
        records=done.records,
        pictures=done.pictures,
        reviews=done.reviews,
        appeals=done.appeals,
        exports=done.exports,
        clean=done.clean,
        out_of_reach=[
            shapes.ElsewhereOut(kind=e.kind, name=e.name, words=e.words) for e in done.elsewhere
        ],
    )
