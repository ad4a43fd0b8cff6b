"""The domain's small values as documents and back; `wire` does the same for records."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import fields
from datetime import datetime
from enum import StrEnum
from functools import cache
from types import UnionType
from typing import Any, TypeVar, get_args, get_type_hints
from urllib.parse import urlsplit

from backend.domain import Activation, PredictionRecord
from backend.storage.repository import Extras
from backend.wire import Json, record_to_document, time_from_text, time_to_text

T = TypeVar("T")
_MAP_HEADER = struct.Struct("<HH4d")


def to_document(value: Any) -> Json:
    """Turn a frozen dataclass of plain fields, moments and enums into a document."""
    return {f.name: _plain(getattr(value, f.name)) for f in fields(value)}


def from_document(kind: type[T], document: Mapping[str, Any]) -> T:
    """Read a value of that kind back; fields of the document that it lacks are passed over.

    Raises:
        KeyError, TypeError, ValueError: the document is not one of these.
    """
    cls: Any = kind
    hints = _hints(cls).items()
    return kind(**{name: _rich(hint, document[name]) for name, hint in hints if name in document})


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return time_to_text(value)
    if isinstance(value, StrEnum):
        return value.value
    return dict(value) if isinstance(value, Mapping) else value


def _rich(hint: Any, value: Any) -> Any:
    if value is None:
        return None
    if hint is datetime:
        return time_from_text(value)
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        return hint(value)
    return value


@cache
def _hints(kind: Any) -> dict[str, Any]:
    return {name: _bare(hint) for name, hint in get_type_hints(kind).items()}


def _bare(hint: Any) -> Any:
    """Take the None off an optional type."""
    if isinstance(hint, UnionType):
        return next(part for part in get_args(hint) if part is not type(None))
    return hint


def log_document(
    record: PredictionRecord, label: str | None, *, bulk: bool, phash: int | None = None
) -> Json:
    """Return a record's document with what the log derives from it and from its reviews.

    `derived` holds the `site`, the `label` of the latest standing review of the bytes, whether
    the context has `expired`, whether there is `bulk` beside the record, its `phash`, and
    whether a re-score has `flipped` its outcome.
    """
    derived = {
        "site": site_of(record),
        "label": label,
        "expired": False,
        "bulk": bulk,
        "phash": phash_to_stored(phash),
        "flipped": False,
    }
    return {**record_to_document(record), "derived": derived}


def phash_to_stored(phash: int | None) -> int | None:
    """Write 64 bits as the signed integer that SQLite has."""
    return None if phash is None else phash - (1 << 64) * (phash >> 63)


def phash_from_stored(stored: int | None) -> int | None:
    """Read the signed integer back as 64 bits."""
    return None if stored is None else stored & (1 << 64) - 1


def site_of(record: PredictionRecord) -> str | None:
    """Return the host of the page's or else of the image's address, in lower case."""
    for address in (record.context.page_url, record.context.image_url):
        try:
            host = urlsplit(address or "").hostname
        except ValueError:
            continue
        if host:
            return host
    return None


def searchable_text(document: Mapping[str, Any]) -> str:
    """Return what `q` is searched in, case folded: id, SHA-256, site, title and summary."""
    parts = (
        document["id"],
        document["image"]["sha256"],
        document["derived"]["site"],
        document["context"]["page_title"],
        document["summary"],
    )
    return fold("\n".join(part for part in parts if part))


def fold(text: str) -> str:
    """Fold case, and replace what UTF-8 cannot say (lone surrogates, which JSON may carry)."""
    return text.casefold().encode(errors="replace").decode()


def pack_activation(activation: Activation | None) -> bytes | None:
    """Pack a map: rows, columns, region, then the values as little-endian doubles."""
    if activation is None:
        return None
    values = [value for row in activation.values for value in row]
    rows, columns = len(activation.values), len(activation.values[0])
    head = _MAP_HEADER.pack(rows, columns, *activation.region)
    return head + struct.pack(f"<{len(values)}d", *values)


def unpack_activation(data: bytes | None) -> Activation | None:
    """Read a packed map back. Raises `struct.error`, `ValueError` where it is none."""
    if data is None:
        return None
    rows, columns, left, top, right, bottom = _MAP_HEADER.unpack_from(data)
    values = struct.unpack_from(f"<{rows * columns}d", data, _MAP_HEADER.size)
    return Activation(
        tuple(values[i * columns : (i + 1) * columns] for i in range(rows)),
        (left, top, right, bottom),
    )


def unpack_extras(
    features: bytes | None, activation: bytes | None, phash: int | None = None
) -> Extras:
    """Turn the columns beside a record into what they hold."""
    return Extras(unpack_activation(activation), features, phash_from_stored(phash))
