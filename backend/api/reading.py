"""Read what a request brings into shapes; what does not fit is said in a person's words."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, NoReturn, TypeVar

from flask import request
from pydantic import ValidationError
from werkzeug.datastructures import MultiDict

from backend.api.schemas import Shape
from backend.errors import BadInput, UnknownField, UnsupportedType

S = TypeVar("S", bound=Shape)


def read_fields(shape: type[S], source: MultiDict[str, str]) -> S:
    """Read text fields: query parameters or the fields of a form.

    Raises:
        BadInput: a field given twice, or whose value will not do.
        UnknownField: a field that the shape does not have.
    """
    given = {}
    for name, values in source.lists():
        if len(values) > 1:
            raise _twice(name)
        given[name] = values[0]
    try:
        return shape.model_validate(given)
    except ValidationError as error:
        _refuse(error, shape.model_fields)


def read_json(shape: type[S], *, optional: bool = False) -> S:
    """Read the body as a JSON object, strictly; where it is optional, none is an empty one.

    Raises:
        UnsupportedType: the body is not called application/json.
        BadInput, UnknownField: it is not such an object.
    """
    if optional and not request.content_length and not request.mimetype:
        return shape()
    if request.mimetype != "application/json":
        raise UnsupportedType("Send JSON, with Content-Type: application/json.")
    raw = request.get_data(cache=False)
    if optional and not raw:
        return shape()
    _require_object(raw)
    try:
        return shape.model_validate_json(raw, strict=True)
    except ValidationError as error:
        _refuse(error, shape.model_fields)


def merge(first: S, second: Shape) -> S:
    """Add the fields that the second was given to the first. Raises `BadInput` where both were."""
    for name in first.model_fields_set & second.model_fields_set:
        raise _twice(name)
    return first.model_copy(update={n: getattr(second, n) for n in second.model_fields_set})


def _require_object(raw: bytes) -> None:
    # Pydantic takes the last of duplicate keys without a word, so they are looked for here.
    if not raw:
        raise BadInput("The body is empty; a JSON object is wanted.")
    try:
        document = json.loads(raw.decode("utf-8"), object_pairs_hook=_without_duplicates)
    except (ValueError, RecursionError):
        raise BadInput("The body is not valid JSON.") from None
    if not isinstance(document, dict):
        raise BadInput("The body is JSON but no object; write { … }.")


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise _twice(name)
        found[name] = value
    return found


def _twice(name: str) -> BadInput:
    return BadInput(f"“{name[:64]}” is given more than once.")


def _refuse(error: ValidationError, known: Iterable[str]) -> NoReturn:
    # An unknown name explains a missing one, so it is told first.
    found = error.errors(include_url=False, include_context=False)
    first = next((each for each in found if each["type"] == "extra_forbidden"), found[0])
    where = ".".join(str(part) for part in first["loc"])[:120]
    if first["type"] == "extra_forbidden":
        raise UnknownField(str(first["loc"][-1])[:64], known) from None
    if first["type"] == "json_invalid":
        raise BadInput("The body is not valid JSON.") from None
    if first["type"] == "missing":
        raise BadInput(f"“{where}” is missing.") from None
    words = first["msg"].removeprefix("Value error, ").removeprefix("Input ")
    raise BadInput(f"“{where}”: {words}.") from None
