"""Look at a store's file and at kept pictures for what is not as it was written."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from backend.errors import BrushmarkError
from backend.storage import counters
from backend.storage.connections import decode
from backend.storage.derived import disagreements
from backend.storage.documents import searchable_text
from backend.storage.images import ImageStore
from backend.storage.prediction_log import bulk_checksum
from backend.storage.recount import count_anew, standing_reviews
from backend.storage.row_table import checksum
from backend.storage.schema import (
    APPLICATION_ID,
    SHAPES,
    STEPS,
    create_statements,
    sql_name,
    table_name,
)

_ENOUGH = 100
"""Findings of one kind after which the rest are only counted."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is not as it was written: where, and what is wrong."""

    where: str
    what: str


def inspect_pictures(images: ImageStore) -> tuple[int, list[Finding]]:
    """Check the hash of every kept picture; return how many there are, and what is wrong."""
    count = 0
    findings = []
    for sha256 in images.hashes():
        count += 1
        try:
            images.get(sha256)
        except BrushmarkError as error:
            findings.append(Finding(f"picture {sha256}", str(error)))
    return count, findings


def inspect_file(path: Path, *, alone: bool = False) -> tuple[dict[str, int], list[Finding]]:
    """Check a store's file; return the rows of each table, and what is wrong.

    `alone` says that nobody writes to it and that there is no log beside it, as in a backup.
    """
    inspector = _Inspector()
    try:
        with _reading(path, alone) as connection:
            inspector.inspect(connection)
    except (sqlite3.Error, ValueError) as error:
        inspector.findings.append(Finding("file", f"it cannot be opened ({error})"))
    return inspector.documents, inspector.findings


@contextmanager
def _reading(path: Path, alone: bool) -> Iterator[sqlite3.Connection]:
    options = "mode=ro&immutable=1" if alone else "mode=ro"
    address = f"file:{quote(str(path))}?{options}"
    with closing(sqlite3.connect(address, uri=True, isolation_level=None)) as connection:
        connection.text_factory = decode
        connection.execute("PRAGMA busy_timeout = 15000")
        connection.execute("PRAGMA cache_size = -64000")
        connection.execute("BEGIN")  # one moment, whoever writes meanwhile
        yield connection


class _Inspector:
    """Look at one file in several ways, each going on where another had to stop."""

    def __init__(self) -> None:
        self.documents: dict[str, int] = {}
        self.findings: list[Finding] = []

    def inspect(self, connection: sqlite3.Connection) -> None:
        checks: list[tuple[str, Callable[[sqlite3.Connection], None]]] = [
            ("schema", self._schema),
            ("structure", self._structure),
            ("tables", self._tables),
            ("extras", self._extras),
            ("search text", self._searchable),
            ("counters", self._counters),
            ("figures", self._derived),
            ("labels", self._labels),
        ]
        for name, check in checks:
            try:
                check(connection)
            except (sqlite3.Error, ValueError, KeyError, TypeError) as error:
                self._found(name, f"it cannot be read to the end ({error})")

    def _found(self, where: str, what: str) -> None:
        if len(self.findings) == _ENOUGH:
            self.findings.append(Finding("and more", f"the first {_ENOUGH} are listed"))
        elif len(self.findings) < _ENOUGH:
            self.findings.append(Finding(where, what))

    def _schema(self, connection: sqlite3.Connection) -> None:
        (owner,) = connection.execute("PRAGMA application_id").fetchone()
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if owner != APPLICATION_ID or not 1 <= version <= len(STEPS):
            self._found("schema", f"it is marked as version {version} of file kind {owner:#x}")
            version = len(STEPS)
        actual = _definitions(connection)
        for name, sql in _expected(version, actual).items():
            if actual.pop(name, None) != sql:
                self._found("schema", f"the definition of {name} is missing or changed")
        for name in actual:
            self._found("schema", f"there is a {name} that Brushmark did not make")

    def _structure(self, connection: sqlite3.Connection) -> None:
        for (message,) in connection.execute(f"PRAGMA integrity_check({_ENOUGH})"):
            if message != "ok":
                self._found("structure", message.strip().replace("\n", "; "))
        for table, row, *_ in connection.execute("PRAGMA foreign_key_check"):
            self._found(f"{table} row {row}", "it belongs to no prediction")

    def _tables(self, connection: sqlite3.Connection) -> None:
        names = connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")
        tables = [table_name(name) for (name,) in names.fetchall()]
        for table in sorted(name for name in tables if name is not None):
            try:
                self._table(connection, table)
            except sqlite3.Error as error:
                self._found(table, f"it cannot be read to the end ({error})")

    def _table(self, connection: sqlite3.Connection, table: str) -> None:
        self.documents[table] = 0
        columns = SHAPES[table].columns if table in SHAPES else ()
        # `IS` compares a stored column with what the body says now.
        same = " AND ".join(f"{c.name} IS ({c.expression})" for c in columns) or "1"
        derived = f"CASE WHEN json_valid(body) THEN {same} ELSE 0 END"
        sql = f"SELECT doc_id, checksum, body, {derived} FROM {sql_name(table)} NOT INDEXED"
        for doc_id, expected, body, agrees in connection.execute(sql):
            self.documents[table] += 1
            if not isinstance(body, str) or expected != checksum(table, doc_id, body):
                self._found(f"{table} row {doc_id}", "its bytes are not those that were written")
            elif not agrees:
                self._found(f"{table} row {doc_id}", "its columns disagree with its document")

    def _extras(self, connection: sqlite3.Connection) -> None:
        for doc_id, features, activation, expected in connection.execute(
            "SELECT doc_id, features, activation, checksum FROM extras"
        ):
            if expected != bulk_checksum(features, activation):
                self._found(f"extras row {doc_id}", "its bytes are not those that were written")
        for (doc_id,) in connection.execute(
            "SELECT doc_id FROM predictions WHERE json_valid(body)"
            " AND json_extract(body, '$.derived.bulk')"
            " AND doc_id NOT IN (SELECT doc_id FROM extras)"
        ):
            self._found(f"predictions row {doc_id}", "its vector and heat map are gone")

    def _searchable(self, connection: sqlite3.Connection) -> None:
        for doc_id, body, text in connection.execute(
            "SELECT p.doc_id, p.body, s.text FROM predictions p LEFT JOIN searchable s"
            " ON s.doc_id = p.doc_id WHERE json_valid(p.body)"
        ):
            if searchable_text(json.loads(body)) != text:
                self._found(f"predictions row {doc_id}", "its search text is missing or changed")

    def _counters(self, connection: sqlite3.Connection) -> None:
        actual, counted = counters.read(connection), count_anew(connection)
        for name, key in sorted(actual.keys() | counted.keys()):
            if actual[name, key] != counted[name, key]:
                self._found(
                    f"counter {name} {key}".rstrip(),
                    f"it says {actual[name, key]}, the rows say {counted[name, key]}",
                )

    def _derived(self, connection: sqlite3.Connection) -> None:
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        for table in disagreements(connection) if version >= len(STEPS) else ():
            self._found(table, "it does not hold what the predictions say")

    def _labels(self, connection: sqlite3.Connection) -> None:
        standing = {sha256: label for sha256, label, _ in standing_reviews(connection)}
        for doc_id, sha256, label in connection.execute(
            "SELECT doc_id, sha256, label FROM predictions"
        ):
            if label != standing.get(sha256):
                self._found(f"predictions row {doc_id}", "its label is not the standing review's")


def _definitions(connection: sqlite3.Connection) -> dict[str, str]:
    rows = connection.execute("SELECT type, name, sql FROM sqlite_schema WHERE sql IS NOT NULL")
    return {f"{kind} {name}": re.sub(r"\s+", " ", sql) for kind, name, sql in rows.fetchall()}


def _expected(version: int, actual: Mapping[str, str]) -> dict[str, str]:
    """Return the definitions that a file of that version has, with the tables it added."""
    with closing(sqlite3.connect(":memory:")) as blank:
        for step in STEPS[:version]:
            step(blank)
        for name in actual:
            added = table_name(name.removeprefix("table "))
            if name.startswith("table x_") and added is not None:
                for statement in create_statements(added):
                    blank.execute(statement)
        return _definitions(blank)
