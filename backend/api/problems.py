"""Errors become HTTP here and nowhere else: problem documents (RFC 9457) with a stable code."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus

from flask import Flask, Response
from werkzeug.exceptions import HTTPException

from backend import errors
from backend.api import PREFIX
from backend.api.schemas import Problem

log = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"

# The nearest class on an error's line of ancestors counts.
STATUS: Mapping[type[errors.BrushmarkError], int] = {
    errors.BadInput: 400,
    errors.Unauthenticated: 401,
    errors.Forbidden: 403,
    errors.NotFound: 404,
    errors.Conflict: 409,
    errors.TooLarge: 413,
    errors.UnsupportedType: 415,
    errors.UndecodableImage: 422,
    errors.SlowDown: 429,
    errors.Unavailable: 503,
    errors.OutOfSpace: 507,
}

# What werkzeug and waitress refuse by themselves: status to code and words.
_PLAIN: Mapping[int, tuple[str, str]] = {
    400: ("malformed", "The request is not of the right form."),
    404: ("not_found", f"There is no such address here; {PREFIX}/docs lists them."),
    405: ("method_not_allowed", "This address does not take that method."),
    408: ("timed_out", "The request took too long to arrive."),
    411: ("malformed", "The request does not say how long it is."),
    413: ("too_large", "The request is larger than this address takes."),
    414: ("too_large", "The address is too long."),
    415: ("unsupported_type", "This address does not take that type of content."),
    417: ("malformed", "The request expects something that is not done here."),
    431: ("too_large", "The request's headers are too large."),
    501: ("malformed", "The request uses a transfer coding that is not understood here."),
}
# What the store says names folders of the server, which are its owner's business: to the log.
_TOLD_INSTEAD: Mapping[type[errors.BrushmarkError], str] = {
    errors.StoreDamaged: "The store is damaged; the server's log says where.",
    errors.StoreUnavailable: "The store cannot be used now; the server's log says why.",
    errors.OutOfSpace: "The server's disk is full: nothing was kept. Make room, then try again.",
}
_AT_START = {errors.AlreadyRunning}
"""Errors of starting a server, which no request meets."""
_INTERNAL = "Something went wrong on the server; its log says what. Nothing was acknowledged."


@dataclass(frozen=True, slots=True)
class Answer:
    """A problem document with its status and the headers that go with it."""

    problem: Problem
    headers: Mapping[str, str] = field(default_factory=dict)

    def to_response(self) -> Response:
        """Turn it into a Flask response."""
        return Response(
            self.body(), self.problem.status, dict(self.headers), content_type=MEDIA_TYPE
        )

    def body(self) -> bytes:
        """Return the document; an absent `retry_after` is left out."""
        return self.problem.model_dump_json(exclude_none=True).encode()


def describe(error: BaseException) -> Answer:
    """Turn any error into what a client is told; the unforeseen tells nothing of the inside."""
    if isinstance(error, errors.BrushmarkError):
        return _describe_ours(error)
    if isinstance(error, HTTPException) and error.code is not None:
        allow = getattr(error, "valid_methods", None)
        return plain(error.code, {"Allow": ", ".join(sorted(allow))} if allow else {})
    return _answer(500, "internal", _INTERNAL)


def plain(status: int, headers: Mapping[str, str] | None = None) -> Answer:
    """Describe a refusal that has nothing but a status; 501 is the client's fault here: 400."""
    code, detail = _PLAIN.get(status, ("malformed", "The request cannot be followed."))
    if status >= 500:
        if status not in _PLAIN:
            return _answer(500, "internal", _INTERNAL)
        status = 400
    return _answer(status, code, detail, headers)


def _describe_ours(error: errors.BrushmarkError) -> Answer:
    status = next((STATUS[kind] for kind in type(error).__mro__ if kind in STATUS), None)
    if status is None:
        log.error("an error without a status", exc_info=error)
        return _answer(500, "internal", _INTERNAL)
    headers = {}
    wait_s = getattr(error, "retry_after_s", None)
    if wait_s is not None:
        headers["Retry-After"] = str(wait_s)
    if status == 401:
        headers["WWW-Authenticate"] = 'Bearer realm="brushmark"'
    detail = str(error)
    instead = next((_TOLD_INSTEAD[k] for k in type(error).__mro__ if k in _TOLD_INSTEAD), None)
    if instead is not None:
        log.error("%s: %s", error.code, detail)
        detail = instead
    return _answer(status, error.code, detail, headers, wait_s)


def _answer(
    status: int,
    code: str,
    detail: str,
    headers: Mapping[str, str] | None = None,
    retry_after: int | None = None,
) -> Answer:
    problem = Problem(
        type=f"{PREFIX}/docs#{code}",
        title=HTTPStatus(status).phrase,
        status=status,
        detail=detail,
        code=code,
        retry_after=retry_after,
    )
    return Answer(problem, headers or {})


def install(app: Flask) -> None:
    """Make every error of an app a problem document."""

    def handle(error: Exception) -> Response:
        answer = describe(error)
        if answer.problem.status == 500:
            log.error("unforeseen error", exc_info=error)
        return answer.to_response()

    app.register_error_handler(Exception, handle)


def known_codes() -> dict[str, tuple[int, str]]:
    """Return every code with its status and meaning, for the documentation."""
    known = {code: (status, words) for status, (code, words) in _PLAIN.items() if status < 500}
    for kind in vars(errors).values():
        if isinstance(kind, type) and issubclass(kind, errors.BrushmarkError):
            status = next((STATUS[k] for k in kind.__mro__ if k in STATUS), None)
            if status is not None and kind not in _AT_START:
                known[kind.code] = (status, (kind.__doc__ or "").strip())
    known["internal"] = (500, _INTERNAL)
    return dict(sorted(known.items(), key=lambda item: (item[1][0], item[0])))
