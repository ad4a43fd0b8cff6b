"""What each address takes, answers and asks of its caller, declared once beside its view.

The wall reads the scope and the limits, the decorator parses and renders by the shapes, and
the OpenAPI document is made from the same declaration: they cannot drift apart.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from flask import Flask, Response, request
from flask.typing import ResponseReturnValue

from backend.api import reading
from backend.api.schemas import NoQuery, Shape
from backend.domain import Scope
from backend.errors import BrushmarkError

SMALL_BODY_BYTES = 64 * 1024
OPEN = None
"""In place of a scope: anybody may call it."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one address."""

    summary: str
    details: str
    scope: Scope | None
    query: type[Shape] = NoQuery
    body: type[Shape] | None = None
    body_optional: bool = False
    """No body at all stands for one with nothing in it."""
    uploads: Mapping[str, type[Shape] | None] = field(default_factory=dict)
    """Media types that the view reads by itself; None stands for the file's bytes."""
    answers: type[Shape] | None = None
    media: Mapping[str, str] = field(default_factory=dict)
    """Media types of an answer that is no JSON object of ours, with their description."""
    status: int = 200
    raises: tuple[type[BrushmarkError], ...] = ()
    max_body_bytes: int = SMALL_BODY_BYTES
    visitors: bool = False
    """Open to visitors without a token where the server is public."""
    always: bool = False
    """Answered however busy the server is: no I/O, no rate limit."""


View = Callable[..., Any]


def operation(
    *, scope: Scope | None, **declared: Any
) -> Callable[[View], Callable[..., ResponseReturnValue]]:
    """Declare a view: `summary` and `details` come from its docstring, the rest from here.

    The view gets `query=` and `body=` where shapes other than the defaults are declared; it
    returns a shape, a ready response, or None for no content.
    """

    def decorate(view: View) -> Callable[..., ResponseReturnValue]:
        summary, _, details = (view.__doc__ or "").strip().partition("\n")
        words = " ".join(details.split())
        declaration = Operation(summary=summary, details=words, scope=scope, **declared)

        @functools.wraps(view)
        def wrapper(**path: str) -> ResponseReturnValue:
            query = reading.read_fields(declaration.query, request.args)
            given: dict[str, Any] = dict(path)
            if declaration.query is not NoQuery:
                given["query"] = query
            if declaration.body is not None:
                optional = declaration.body_optional
                given["body"] = reading.read_json(declaration.body, optional=optional)
            return render(view(**given), declaration.status)

        setattr(wrapper, "operation", declaration)  # noqa: B010 - functions have no such field
        return wrapper

    return decorate


def render(answer: Shape | Response | None, status: int = 200) -> Response:
    """Turn what a view returned into a response."""
    if isinstance(answer, Response):
        return answer
    if answer is None:
        return Response(status=204)
    return Response(answer.model_dump_json(), status, content_type="application/json")


def declared_operations(app: Flask) -> dict[str, Operation]:
    """Return the operation of every endpoint.

    Raises:
        LookupError: a view that declares none; such an app must not start.
    """
    found = {}
    for endpoint, view in app.view_functions.items():
        declaration = getattr(view, "operation", None)
        if not isinstance(declaration, Operation):
            raise LookupError(f"the view {endpoint} does not declare who may call it")
        found[endpoint] = declaration
    return found
