"""A browser comes by its token."""

from __future__ import annotations

from flask import Blueprint

from backend.access import client_name
from backend.api import schemas
from backend.api.context import api
from backend.api.operations import OPEN, operation
from backend.errors import SlowDown, Unauthenticated

pairing = Blueprint("pairing", __name__)


@pairing.post("/pair")
@operation(
    scope=OPEN,
    body=schemas.PairIn,
    answers=schemas.Paired,
    status=201,
    raises=(Unauthenticated, SlowDown),
)
def pair(body: schemas.PairIn) -> schemas.Paired:
    """Exchange a pairing code for a token.

    `brushmark pair` shows a code that holds once and for ten minutes. The token has the scope
    `check` and is shown this once. Ten wrong codes lock pairing for a quarter of an hour.
    """
    secret, token = api().desk.redeem(body.code, body.name)
    port = api().service.settings.dashboard_port
    return schemas.Paired(
        token=secret, client=client_name(token), scope=token.scope, dashboard_port=port
    )
