"""Filters, orders and cursors of the log as SQL."""

from __future__ import annotations

import base64
import binascii
import json
import math
import sqlite3
from dataclasses import dataclass
from datetime import datetime

from backend.errors import BadInput
from backend.storage.documents import fold
from backend.storage.query_sql import Condition, bindable
from backend.storage.repository import MAX_PAGE, NO_EVIDENCE, SORTS, PredictionFilter
from backend.wire import time_from_text, time_to_text

_FEW = 2000
"""Search hits up to this many are fetched by id; more are met soon enough in any order."""


@dataclass(frozen=True, slots=True)
class Order:
    """A sort order: its column, its direction, and the index that is in that order."""

    name: str

    @property
    def column(self) -> str:
        """The column sorted on; ties are broken by id in the same direction."""
        return self.name.removeprefix("-")

    @property
    def index(self) -> str:
        """The wide index led by the column."""
        return "predictions_time" if self.column == "created_at" else "predictions_score"

    @property
    def sql(self) -> str:
        """The ORDER BY clause."""
        way = "DESC" if self.name.startswith("-") else "ASC"
        return f"ORDER BY {self.column} {way}, id {way}"

    def after(self, cursor: str | None) -> Condition:
        """Return the condition that lets through what follows a cursor. Raises `BadInput`."""
        if cursor is None:
            return Condition()
        sign = "<" if self.name.startswith("-") else ">"
        return Condition(f"({self.column}, id) {sign} (?, ?)", _read_cursor(cursor, self))

    def cursor(self, key: str | float, record_id: str) -> str:
        """Write the cursor of what follows a record."""
        text = json.dumps([self.name, key, record_id], separators=(",", ":"))
        return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def order(sort: str) -> Order:
    """Return the order of that name. Raises `BadInput`."""
    if sort not in SORTS:
        raise BadInput(f"There is no order “{sort[:40]}”; there are {', '.join(SORTS)}.")
    return Order(sort)


def earlier_than(place: tuple[datetime, str] | None) -> Condition:
    """Return the condition that lets through what was written before a moment and an id."""
    if place is None:
        return Condition()
    moment, value_id = place
    return Condition("(created_at, id) < (?, ?)", (time_to_text(moment), bindable(value_id)))


def checked_limit(limit: int) -> int:
    """Return the limit if it is one. Raises `BadInput`."""
    if not 1 <= limit <= MAX_PAGE:
        raise BadInput(f"A page has 1 to {MAX_PAGE} records, not {limit}.")
    return limit


def _read_cursor(cursor: str, wanted: Order) -> tuple[str | float, str]:
    try:
        if len(cursor) > 400:
            raise ValueError("too long")
        padded = cursor + "=" * (-len(cursor) % 4)
        raw = base64.b64decode(padded.encode("ascii"), altchars=b"-_", validate=True)
        name, key, record_id = json.loads(raw)
        if name != wanted.name or not isinstance(record_id, str):
            raise ValueError("of another order")
        record_id.encode()
        if wanted.column == "created_at":
            return time_to_text(time_from_text(key)), record_id
        if not isinstance(key, int | float) or not math.isfinite(key):
            raise ValueError("no score")
        return float(key), record_id
    except (ValueError, TypeError, AttributeError, OverflowError, binascii.Error) as error:
        raise BadInput(
            "That cursor is none of ours, or belongs to another order. Start again without it."
        ) from error


def where_sql(where: PredictionFilter, order: Order) -> Condition:
    """Translate a filter, all but `q`.

    A plus sign keeps SQLite from walking another index than the one in the order asked for.
    """
    time = "created_at" if order.column == "created_at" else "+created_at"
    score = "score" if order.column == "score" else "+score"
    tests: list[tuple[str, object]] = [
        ("+outcome = ?", where.outcome and where.outcome.value),
        ("+label = ?", where.label and where.label.value),
        ("+model = ?", where.model),
        ("+site = ?", where.site and where.site.strip().lower()),
        ("+source = ?", where.source and where.source.value),
        ("+client = ?", where.client),
        ("+policy = ?", where.policy),
        ("+generator = ?", where.generator),
        ("+format = ?", where.format and where.format.strip().upper()),
        (f"{time} >= ?", where.since and time_to_text(where.since)),
        (f"{time} < ?", where.until and time_to_text(where.until)),
        (f"{score} >= ?", where.min_score),
        (f"{score} <= ?", where.max_score),
    ]
    given = [(sql, value) for sql, value in tests if value is not None]
    clauses = [sql for sql, _ in given]
    values = [value for _, value in given]
    if where.max_score is not None:
        clauses.append(f"{score} >= 0")  # what has no score is not below one either
    if where.reviewed is not None:
        clauses.append(f"+label IS {'NOT ' if where.reviewed else ''}NULL")
    for name, wanted in (("conflict", where.conflict), ("audit", where.audit)):
        clauses += [] if wanted is None else [f"+{name} = {int(wanted)}"]
    if where.size is not None:
        least, beyond = where.size.edges_px
        clauses.append(f"+short_side_px >= {least}")
        clauses += [] if beyond is None else [f"+short_side_px < {beyond}"]
    if where.evidence is not None:
        found = _evidence_sql(where.evidence)
        clauses.append(found.sql)
        values += found.parameters
    return Condition(
        " AND ".join(clauses) or "1",
        tuple(bindable(v) if isinstance(v, str) else v for v in values),
    )


def _evidence_sql(evidence: str) -> Condition:
    if evidence == NO_EVIDENCE:
        beside = "SELECT 1 FROM findings f WHERE f.doc_id = predictions.doc_id"
        return Condition(f"NOT EXISTS ({beside})")
    kind, _, status = evidence.partition(" ")
    those = f"kind = ?{' AND status = ?' if status else ''}"
    return Condition(
        f"doc_id IN (SELECT doc_id FROM findings WHERE {those})",
        (kind, status) if status else (kind,),
    )


def search_sql(connection: sqlite3.Connection, q: str) -> tuple[Condition, bool]:
    """Translate `q`; also say whether the hits are few, to be fetched by their ids."""
    hit = "instr(text, ?) > 0"
    folded = fold(q)
    rows = connection.execute(
        f"SELECT doc_id FROM searchable WHERE {hit} LIMIT ?", (folded, _FEW + 1)
    ).fetchall()
    if len(rows) <= _FEW:
        ids = json.dumps([doc_id for (doc_id,) in rows])
        return Condition("doc_id IN (SELECT value FROM json_each(?))", (ids,)), True
    beside = f"SELECT 1 FROM searchable s WHERE s.doc_id = predictions.doc_id AND {hit}"
    return Condition(f"EXISTS ({beside})", (folded,)), False
