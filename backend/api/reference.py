"""Write the HTTP reference of the documentation from the OpenAPI document."""

from __future__ import annotations

import json
from typing import Any

Json = dict[str, Any]

_INTRODUCTION = """\
# The HTTP API

<!-- Written by `make docs` from the code; a test compares. -->

The server listens on `http://127.0.0.1:8765` unless told otherwise (see settings.md). The same
reference is at `/api/v1/docs` of a running server, where requests can be tried, and at
`/api/v1/openapi.json` for programs.

```sh
TOKEN=$(brushmark tokens create --name "my script" --scope check)
curl -H "Authorization: Bearer $TOKEN" -F image=@painting.jpg http://127.0.0.1:8765/api/v1/check
```

## Who may do what

Every address but the open ones wants `Authorization: Bearer …`. Each scope includes those
before it: `check` (what pairing gives a browser), `read`, `review`, `admin`. A token of scope
`check` sees and appeals against its own predictions alone; others' do not exist for it. The
`client` of a record is the token's name with the end of its id.

Refusals for the Host header, the token, the scope and the length are answered as soon as a
request's headers are there; the body is not read. The Host header must be `localhost`,
`127.0.0.1` or `[::1]` with the server's port, or be named in `BRUSHMARK_TRUSTED_HOSTS`. No
answer invites other origins (CORS): a browser extension with the host permission needs none.

## A public server

With `--public` or `BRUSHMARK_PUBLIC=on`, visitors without a token may check pictures and read
about the model: 20 checks a minute for each address, ten at once. Nothing of theirs is kept:
`log` is taken for false whatever they send, and addresses are not fetched for them. A visitor's
address is the peer's; where the peer is on this machine or a private network, as a reverse
proxy is, it is the last entry of `X-Forwarded-For`.

## Limits

A picture has at most 20 MB and 50 megapixels, a batch 64 pictures and 64 MB, any other body
64 KB. Tokens below `admin` have 50 requests a second, 500 at once; open addresses, other than
`/healthz`, 10 a second for each address. `429` and `503` say in `Retry-After` and `retry_after`
when to come back.

## Errors

Every refusal is a problem document (RFC 9457) of type `application/problem+json`:

```json
{"type": "/api/v1/docs#busy", "title": "Service Unavailable", "status": 503, "code": "busy",
 "detail": "Too many pictures are being checked; try again in a second.", "retry_after": 1}
```

`code` is stable, `detail` is for people.
"""


def render(document: Json) -> str:
    """Write an OpenAPI document of ours as Markdown."""
    parts = [_INTRODUCTION, _codes(document), "## Addresses\n"]
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            parts.append(_operation(method.upper(), path, operation))
    parts.append("## Shapes\n\nFields marked `?` may be left out. No other fields are taken.\n")
    for name, schema in document["components"]["schemas"].items():
        parts.append(_shape(name, schema))
    return "\n".join(parts)


def _codes(document: Json) -> str:
    lines = ["| code | status | meaning |", "|---|---|---|"]
    for code, known in document["x-problem-codes"].items():
        lines.append(f"| `{code}` | {known['status']} | {known['meaning']} |")
    return "\n".join(lines) + "\n"


def _operation(method: str, path: str, operation: Json) -> str:
    lines = [f"### `{method} {path}`", "", f"{operation['summary']} {operation['description']}"]
    query = [p for p in operation.get("parameters", []) if p["in"] == "query"]
    if query:
        lines += ["", "| parameter | type | meaning |", "|---|---|---|"]
        lines += [
            f"| `{p['name']}` | {_type(p['schema'])} | {_meaning(p, p['schema'])} |" for p in query
        ]
    if "requestBody" in operation:
        content = operation["requestBody"]["content"]
        lines += ["", "Takes " + _content(content) + "."]
    answers = [
        f"`{status}` {_content(answer['content']) if 'content' in answer else 'no content'}"
        for status, answer in operation["responses"].items()
        if status.startswith("2")
    ]
    refusals = [s for s in operation["responses"] if not s.startswith("2")]
    lines += ["", f"Answers {'; '.join(answers)}. May refuse with {', '.join(refusals)}.", ""]
    return "\n".join(lines)


def _content(content: Json) -> str:
    return ", ".join(f"`{media}` ({_type(kind['schema'])})" for media, kind in content.items())


def _shape(name: str, schema: Json) -> str:
    lines = [f"### {name}", "", " ".join(schema.get("description", "").split()) or name + "."]
    if "enum" in schema:
        lines += ["", _type(schema)]
    if schema.get("properties"):
        required = set(schema.get("required", []))
        lines += ["", "| field | type | meaning |", "|---|---|---|"]
        lines += [
            f"| `{field}{'' if field in required else '?'}` | {_type(kind)} | "
            f"{_meaning(kind, kind)} |"
            for field, kind in schema["properties"].items()
        ]
    return "\n".join([*lines, ""])


def _type(schema: Json) -> str:
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    if "anyOf" in schema:
        return " or ".join(map(_type, schema["anyOf"]))
    if "enum" in schema:
        return ", ".join(f"`{value}`" for value in schema["enum"])
    if "const" in schema:
        return f"`{schema['const']}`"
    if schema.get("type") == "array":
        return f"list of {_type(schema['items'])}"
    if isinstance(schema.get("additionalProperties"), dict):
        return f"map to {_type(schema['additionalProperties'])}"
    return str(schema.get("format", schema.get("type", "any")))


_BOUNDS = {
    "minimum": "at least {}",
    "maximum": "at most {}",
    "maxLength": "at most {} characters",
    "maxItems": "at most {} items",
    "default": "default `{}`",
}


def _meaning(described: Json, schema: Json) -> str:
    plain: Json = next((s for s in schema.get("anyOf", []) if s.get("type") != "null"), {})
    known = {**plain, **schema}
    words = [described["description"].rstrip(".")] if "description" in described else []
    words += [
        pattern.format(json.dumps(known[key]).strip('"'))
        for key, pattern in _BOUNDS.items()
        if known.get(key) is not None
    ]
    return "; ".join(words)
