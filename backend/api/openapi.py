"""The OpenAPI 3.1 document, made from the declared operations and the shapes."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

from flask import Flask
from pydantic.json_schema import models_json_schema
from werkzeug.routing import Rule

from backend.api import problems, schemas
from backend.api.operations import Operation, declared_operations
from backend.errors import (
    BadInput,
    BrushmarkError,
    Busy,
    Forbidden,
    HostRefused,
    OutOfSpace,
    SlowDown,
    StoreUnavailable,
    TooLarge,
    Unauthenticated,
    UnsupportedType,
)

Json = dict[str, Any]

_ABOUT = (
    "Did a person make this picture, or a generator? Every address but the open ones wants "
    "`Authorization: Bearer …`. Errors are problem documents (RFC 9457) with a stable `code`. "
    "Unknown fields are refused. The Host header must name this server."
)
_REF = "#/components/schemas/{model}"
_BINARY = {"type": "string", "format": "binary"}
_ID = {"type": "string", "minLength": 1, "maxLength": 64}


def document(app: Flask, public: bool) -> bytes:
    """Describe an app as JSON; of a public server, also what visitors may do."""
    operations = declared_operations(app)
    shapes = _shapes(list(operations.values()))
    _, definitions = models_json_schema(
        [(shape, "validation") for shape in shapes], ref_template=_REF
    )
    paths: Json = {}
    for rule in sorted(app.url_map.iter_rules(), key=lambda rule: rule.rule):
        path = re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule)
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            declared = operations[rule.endpoint]
            paths.setdefault(path, {})[method.lower()] = _operation(rule, declared, public)
    whole = {
        "openapi": "3.1.0",
        "info": {"title": "Brushmark", "version": version("brushmark"), "description": _ABOUT},
        "paths": paths,
        "components": {
            "schemas": definitions["$defs"],
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
        "x-problem-codes": {
            code: {"status": status, "meaning": words}
            for code, (status, words) in problems.known_codes().items()
        },
    }
    return json.dumps(whole, ensure_ascii=False).encode()


def _shapes(operations: list[Operation]) -> list[type[schemas.Shape]]:
    found: list[type[schemas.Shape]] = [schemas.Problem]
    for declared in operations:
        for shape in (declared.body, declared.answers, *declared.uploads.values()):
            if shape is not None and shape not in found:
                found.append(shape)
    return found


def _operation(rule: Rule, declared: Operation, public: bool) -> Json:
    described: Json = {
        "operationId": rule.endpoint.rpartition(".")[2],
        "tags": [rule.endpoint.partition(".")[0]],
        "summary": declared.summary,
        "description": _description(declared),
        "security": _security(declared, public),
        "responses": _responses(declared),
    }
    parameters = [
        {"name": name, "in": "path", "required": True, "schema": _ID}
        for name in sorted(rule.arguments)
    ] + _query_parameters(declared.query)
    if parameters:
        described["parameters"] = parameters
    body = _request_body(declared)
    if body:
        described["requestBody"] = body
    if declared.scope is not None:
        described["x-scope"] = declared.scope.value
    return described


def _description(declared: Operation) -> str:
    if declared.scope is None:
        return f"{declared.details} Open to everybody.".strip()
    visitors = " A public server lets visitors in too." if declared.visitors else ""
    return f"{declared.details} Needs the scope `{declared.scope}`.{visitors}".strip()


def _security(declared: Operation, public: bool) -> list[Json]:
    if declared.scope is None:
        return []
    return [{"token": []}, *([{}] if public and declared.visitors else [])]


def _query_parameters(shape: type[schemas.Shape]) -> list[Json]:
    # Taken one by one and not by reference: parameters have schemas of their own.
    schema = shape.model_json_schema(ref_template=_REF)
    named = schema.get("$defs", {})
    parameters = []
    for name, field in schema.get("properties", {}).items():
        plain = _inline(_without_null(field), named)
        words = plain.pop("description", None)
        plain.pop("title", None)
        parameter: Json = {"name": name, "in": "query", "required": False, "schema": plain}
        if words:
            parameter["description"] = words
        parameters.append(parameter)
    return parameters


def _without_null(field: Json) -> Json:
    # Text cannot be null: an optional parameter is simply absent.
    rest = {k: v for k, v in field.items() if k not in {"anyOf", "default"} or v is not None}
    options = rest.pop("anyOf", None)
    if options is None:
        return rest
    (only,) = [option for option in options if option.get("type") != "null"]
    return {**only, **rest}


def _inline(field: Json, named: Mapping[str, Json]) -> Json:
    reference = field.pop("$ref", None)
    if reference is None:
        return field
    target = {k: v for k, v in named[reference.rpartition("/")[2]].items() if k != "description"}
    return {**target, **field}


def _request_body(declared: Operation) -> Json | None:
    if declared.body is not None:
        content = {"application/json": {"schema": _ref(declared.body)}}
    elif declared.uploads:
        content = {
            media: {"schema": _ref(shape) if shape else _BINARY}
            for media, shape in declared.uploads.items()
        }
    else:
        return None
    return {"required": not declared.body_optional, "content": content}


def _responses(declared: Operation) -> Json:
    done: Json = {"description": _outcome(declared)}
    if declared.answers is not None:
        done["content"] = {"application/json": {"schema": _ref(declared.answers)}}
    elif declared.media:
        done["content"] = {media: {"schema": _BINARY} for media in declared.media}
    responses = {str(declared.status): done}
    for status, kinds in sorted(_refusals(declared).items()):
        responses[str(status)] = {
            "description": " ".join(dict.fromkeys((k.__doc__ or "").strip() for k in kinds)),
            "content": {problems.MEDIA_TYPE: {"schema": _ref(schemas.Problem)}},
        }
    return responses


def _outcome(declared: Operation) -> str:
    if declared.media:
        return " ".join(dict.fromkeys(declared.media.values()))
    if declared.answers is not None:
        return " ".join((declared.answers.__doc__ or "").split())
    return "Done; no content."


def _refusals(declared: Operation) -> dict[int, list[type[BrushmarkError]]]:
    kinds: list[type[BrushmarkError]] = [BadInput, HostRefused, TooLarge]
    if declared.scope is not None:
        kinds += [Unauthenticated, Forbidden]
    if not declared.always:
        kinds += [SlowDown, Busy]
    if declared.scope is not None or declared.raises:
        kinds += [StoreUnavailable]
    if declared.body or declared.uploads:
        kinds += [UnsupportedType, OutOfSpace]
    found: dict[int, list[type[BrushmarkError]]] = {}
    for kind in [*kinds, *declared.raises]:
        status = next(problems.STATUS[k] for k in kind.__mro__ if k in problems.STATUS)
        found.setdefault(status, []).append(kind)
    return found


def _ref(shape: type[schemas.Shape]) -> Json:
    return {"$ref": _REF.format(model=shape.__name__)}
