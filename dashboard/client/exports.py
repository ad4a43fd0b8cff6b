"""Data sets of reviewed pictures: count, make, follow, fetch and remove exports."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dashboard.client.failures import Failure, strange
from dashboard.client.transport import API, Client, Json

_TOO_LARGE = (
    "This zip holds or unpacks to more than is taken.",
    "Split it, or import it on the backend's machine: `brushmark import FILE`.",
)
_IMPORT_TIMEOUT_S = (3.0, 3600.0)
"""A large data set is judged picture by picture before the answer."""
_FLAGS = ("reviewed", "conflict", "audit")
_NUMBERS = ("min_score", "max_score")


def preview(client: Client, query: Mapping[str, str]) -> Json:
    """Return how many predictions pass a filter, by label. Raises `Failure`."""
    return client.post("/exports/preview", {"filter": as_filter(query)})


def start(client: Client, query: Mapping[str, str], form: str, split: Mapping[str, float]) -> Json:
    """Begin an export and return its entry. Raises `Failure`."""
    body = {"filter": as_filter(query), "format": form, "split": dict(split)}
    return client.post("/exports/start", body)


def listed(client: Client) -> list[Json]:
    """Return the history, newest first. Raises `Failure`."""
    found: list[Json] = client.get("/exports")["exports"]
    return found


def one(client: Client, export_id: str) -> Json:
    """Return one export. Raises `Failure`."""
    return client.get(f"/exports/{export_id}")


def zipped(client: Client, export: Json) -> bytes:
    """Return an export's zip. Raises `Failure`."""
    return client.fetch(export["file"].removeprefix(API))


def remove(client: Client, export: Json) -> None:
    """Remove an export's zip; the history keeps its entry. Raises `Failure`."""
    client.delete(f"/exports/{export['id']}")


def bring_in(client: Client, data: bytes) -> Json:
    """Import a zip of labelled pictures; return what became of it. Raises `Failure`."""
    try:
        answer = client.send(
            "POST", f"{API}/imports", kind="application/zip", data=data, timeout=_IMPORT_TIMEOUT_S
        )
    except Failure as failure:
        # What is said of too large a picture does not fit a zip.
        raise (Failure(*_TOO_LARGE) if failure.code == "too_large" else failure) from None
    try:
        result: Json = answer.json()["result"]
    except (ValueError, KeyError, TypeError):
        raise strange(answer) from None
    return result


def as_filter(query: Mapping[str, str]) -> dict[str, Any]:
    """Turn a query's texts into the values that JSON has for them.

    >>> as_filter({"reviewed": "true", "min_score": "0.5", "site": "a.example"})
    {'reviewed': True, 'min_score': 0.5, 'site': 'a.example'}
    """
    return {name: _value(name, text) for name, text in query.items()}


def _value(name: str, text: str) -> str | bool | float:
    if name == "policy":
        return int(text)
    if name in _FLAGS:
        return text == "true"
    return float(text) if name in _NUMBERS else text
