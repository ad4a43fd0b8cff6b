"""Read the log: records, their pictures, what people said of them, what looks alike."""

from __future__ import annotations

from typing import Any

from dashboard.client.failures import Failure
from dashboard.client.transport import Client, Json


def listed(client: Client, **query: Any) -> Json:
    """Return a page of records with `next_cursor`; a filter of None is left out."""
    return client.get("/predictions", **query)


def one(client: Client, record_id: str) -> Json:
    """Return one record. Raises `Failure` (code `not_found` where it is gone)."""
    return client.get(f"/predictions/{_safe(record_id)}")


def image(client: Client, record_id: str) -> bytes | None:
    """Return the original file; None where it is not kept (any longer)."""
    return _file(client, f"/predictions/{_safe(record_id)}/image")


def thumbnail(client: Client, record_id: str) -> bytes | None:
    """Return a small JPEG of the picture; None where it is not kept (any longer)."""
    return _file(client, f"/predictions/{_safe(record_id)}/thumbnail")


def heatmap(client: Client, record_id: str) -> bytes | None:
    """Return the transparent PNG of a heat map; None where there is none."""
    return _file(client, f"/predictions/{_safe(record_id)}/heatmap")


def report(client: Client, record_id: str) -> bytes:
    """Return the page to hand over. Raises `Failure` (`not_found` where the record is gone)."""
    return client.fetch(f"/predictions/{_safe(record_id)}/report")


def history(client: Client, record_id: str) -> Json:
    """Return every review and appeal about a record's bytes, oldest first."""
    return client.get(f"/predictions/{_safe(record_id)}/history")


def similar(client: Client, record_id: str, limit: int = 12) -> list[Json]:
    """Return near-duplicates with their `distance_bits`, nearest first."""
    found: list[Json] = client.get(f"/predictions/{_safe(record_id)}/similar", limit=limit)[
        "similar"
    ]
    return found


def _file(client: Client, path: str) -> bytes | None:
    try:
        return client.fetch(path)
    except Failure as failure:
        if failure.code == "not_found":
            return None
        raise


def _safe(record_id: str) -> str:
    """Keep an id out of a link from reaching another address: ids are letters and digits."""
    if not (record_id.isascii() and record_id.isalnum() and len(record_id) <= 64):
        raise Failure("This link names no record.", "Open the Gallery and look for it there.")
    return record_id
