"""The OpenAPI document, and a page of our own to browse it; nothing comes from elsewhere."""

from __future__ import annotations

from importlib.resources import files

from flask import Blueprint, Response

from backend.api.context import api
from backend.api.headers import PAGE_HEADERS
from backend.api.operations import OPEN, operation
from backend.errors import NotFound

docs = Blueprint("docs", __name__)

_STATIC = {"docs.css": "text/css; charset=utf-8", "docs.js": "text/javascript; charset=utf-8"}


@docs.get("/openapi.json")
@operation(scope=OPEN, media={"application/json": "An OpenAPI 3.1 document."})
def openapi() -> Response:
    """Read the OpenAPI document."""
    return Response(api().document(), content_type="application/json")


@docs.get("/docs")
@operation(scope=OPEN, media={"text/html": "A page."})
def page() -> Response:
    """Browse the API."""
    return Response(_read("docs.html"), 200, PAGE_HEADERS, content_type="text/html; charset=utf-8")


@docs.get("/docs/<name>")
@operation(
    scope=OPEN,
    raises=(NotFound,),
    media={kind.partition(";")[0]: "A file of that page." for kind in _STATIC.values()},
)
def asset(name: str) -> Response:
    """Read the style or the script of that page."""
    if name not in _STATIC:
        raise NotFound("There is no such file.")
    return Response(_read(name), content_type=_STATIC[name])


def _read(name: str) -> bytes:
    return files("backend.api").joinpath("static", name).read_bytes()
