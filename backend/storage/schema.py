"""The shape of the file: a SQLite table a document table, and the steps between versions.

Every document is a row (`doc_id`, `checksum`, `body`); the body is its JSON. What is filtered
or sorted on is a *stored* generated column, so that it can never disagree with the body and
can be read from an index without touching the body, which fills most of a page. A column that
came with a later version is *virtual*, since SQLite adds no stored ones to a table; an index
holds it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from backend.errors import StoreDamaged, StoreUnavailable
from backend.storage.derived import derive, derive_findings

APPLICATION_ID = 0x42727368  # "Brsh"


@dataclass(frozen=True, slots=True)
class Column:
    """A generated column: its name, the expression over `body`, the version that brought it.

    It has no declared type, so that SQLite compares values as they are, without converting.
    """

    name: str
    expression: str
    since: int = 1


@dataclass(frozen=True, slots=True)
class Shape:
    """The generated columns of one document table, and the indexes of its first version."""

    columns: tuple[Column, ...] = ()
    indexes: tuple[str, ...] = ()
    """Each as `[unique] name: column, … [where condition]`; what later versions change stands in
    their steps."""


def _text(name: str, path: str | None = None, since: int = 1) -> Column:
    return Column(name, f"json_extract(body, '$.{path or name}')", since)


_ID = _text("id")
_CREATED = _text("created_at")
_SHA256 = _text("sha256")
# Two wide indexes carry every filtered column, so that any mixture of filters is decided on
# the index alone, in the order asked for: 30 ms for 200,000 rows where nothing matches.
_FILTERED = "outcome, label, model, site, source, client"

SHAPES: dict[str, Shape] = {
    "predictions": Shape(
        (
            _ID,
            _CREATED,
            _text("outcome"),
            # Unscored pictures sort below every score.
            Column("score", "coalesce(json_extract(body, '$.probabilities.ai_generated'), -1.0)"),
            _text("sha256", "image.sha256"),
            _text("model", "model.version"),
            _text("source", "context.source"),
            _text("client"),
            _text("site", "derived.site"),
            _text("label", "derived.label"),
            Column(
                "due",
                "json_extract(body, '$.derived.label') IS NULL"
                " AND NOT json_extract(body, '$.derived.expired')",
            ),
            Column("conflict", "coalesce(json_extract(body, '$.conflict'), 0)", since=2),
            _text("phash", "derived.phash", since=3),
            Column("audit", "coalesce(json_extract(body, '$.audit'), 0)", since=3),
            Column("flipped", "coalesce(json_extract(body, '$.derived.flipped'), 0)", since=3),
            _text("format", "image.format", since=6),
            Column(
                "short_side_px",
                "min(json_extract(body, '$.image.width'), json_extract(body, '$.image.height'))",
                since=6,
            ),
            _text("generator", "likely_generator", since=6),
            _text("policy", since=6),
        ),
        (
            "unique predictions_id: id",
            f"predictions_time: created_at, id, score, {_FILTERED}",
            f"predictions_score: score, id, created_at, {_FILTERED}",
            "predictions_sha256: sha256, created_at, id",
            "predictions_due: due, created_at",
        ),
    ),
    "reviews": Shape(
        (_ID, _SHA256, _CREATED, Column("stands", "json_extract(body, '$.undone_at') IS NULL")),
        ("unique reviews_id: id", "reviews_sha256: sha256, stands, created_at"),
    ),
    "appeals": Shape(
        (_ID, _text("prediction_id"), _SHA256, _CREATED),
        (
            "unique appeals_id: id",
            "appeals_prediction: prediction_id",
            "appeals_sha256: sha256",
            "appeals_time: created_at",
        ),
    ),
    "tokens": Shape(
        (_ID, _text("digest"), _CREATED),
        ("unique tokens_id: id", "unique tokens_digest: digest"),
    ),
    "pairing_codes": Shape(
        (_ID, _text("digest"), _text("expires_at")),
        ("unique pairing_codes_id: id", "pairing_codes_digest: digest"),
    ),
    "policies": Shape(
        (Column("number", "json_extract(body, '$.number')"),),
        ("unique policies_number: number",),
    ),
    "jobs": Shape((_ID, _CREATED), ("unique jobs_id: id", "jobs_time: created_at")),
    "facts": Shape((_text("key"),), ("unique facts_key: key",)),
    "credits": Shape((_SHA256,), ("unique credits_sha256: sha256",)),
    "events": Shape((_ID, _CREATED), ("unique events_id: id", "events_time: created_at")),
}


def sql_name(table: str) -> str:
    """Return the quoted SQL name of a document table.

    Names that SHAPES does not know are written in hex: TinyDB tells `A` from `a`, SQLite does not.
    """
    if table in SHAPES:
        return f'"{table}"'
    return f'"x_{table.encode("utf-8", "surrogatepass").hex()}"'


def table_name(sql: str) -> str | None:
    """Return the document table that an SQL table holds, or None where it is none of them."""
    if sql in SHAPES:
        return sql
    if sql.startswith("x_"):
        return bytes.fromhex(sql[2:]).decode("utf-8", "surrogatepass")
    return None


def create_statements(table: str) -> list[str]:
    """Return the SQL that makes a document table and its indexes, as version 1 had them."""
    shape = SHAPES.get(table, Shape())
    first = [c for c in shape.columns if c.since == 1]
    columns = ["doc_id INTEGER PRIMARY KEY"]
    columns += [f"{c.name} GENERATED ALWAYS AS ({c.expression}) STORED" for c in first]
    columns += ["checksum BLOB NOT NULL", "body TEXT NOT NULL"]
    table_sql = f"CREATE TABLE {sql_name(table)} ({', '.join(columns)})"
    return [table_sql, *(_index_statement(table, index) for index in shape.indexes)]


def _index_statement(table: str, index: str) -> str:
    kind_and_name, _, over = index.partition(": ")
    over, _, where = over.partition(" where ")
    *kind, name = kind_and_name.split()
    unique = "UNIQUE " if kind else ""
    return f"CREATE {unique}INDEX {name} ON {sql_name(table)} ({over})" + (
        f" WHERE {where}" if where else ""
    )


Step = Callable[[sqlite3.Connection], None]
_LATER = {"credits"}
"""Document tables that version 1 did not have."""


def _documents(connection: sqlite3.Connection) -> None:
    """Version 1: the document tables, and what lies beside a prediction."""
    for table in SHAPES:
        for statement in () if table in _LATER else create_statements(table):
            connection.execute(statement)
    for statement in (
        "CREATE TABLE extras (doc_id INTEGER PRIMARY KEY"
        " REFERENCES predictions (doc_id) ON DELETE CASCADE,"
        " features BLOB, activation BLOB, checksum BLOB NOT NULL)",
        "CREATE TABLE searchable (doc_id INTEGER PRIMARY KEY"
        " REFERENCES predictions (doc_id) ON DELETE CASCADE, text TEXT NOT NULL)",
        "CREATE TABLE counters (name TEXT NOT NULL, key TEXT NOT NULL, value INTEGER NOT NULL,"
        " PRIMARY KEY (name, key)) WITHOUT ROWID",
    ):
        connection.execute(statement)


def _add_columns(connection: sqlite3.Connection, table: str, version: int) -> None:
    for column in SHAPES[table].columns:
        if column.since == version:
            connection.execute(
                f"ALTER TABLE {sql_name(table)} ADD COLUMN {column.name}"
                f" GENERATED ALWAYS AS ({column.expression}) VIRTUAL"
            )


def _reindex(connection: sqlite3.Connection, table: str, *indexes: str) -> None:
    for index in indexes:
        connection.execute(f"DROP INDEX IF EXISTS {index.partition(': ')[0]}")
        connection.execute(_index_statement(table, index))


def _conflicts(connection: sqlite3.Connection) -> None:
    """Version 2: whether model and file disagree, on the wide indexes like all that is filtered."""
    _add_columns(connection, "predictions", 2)
    _reindex(
        connection,
        "predictions",
        f"predictions_time: created_at, id, score, {_FILTERED}, conflict",
        f"predictions_score: score, id, created_at, {_FILTERED}, conflict",
    )


def _queues(connection: sqlite3.Connection) -> None:
    """Version 3: perceptual hashes, and the marks that put a record into a queue of review."""
    _add_columns(connection, "predictions", 3)
    _reindex(
        connection,
        "predictions",
        # Whether reviewed comes first: for pictures like one, the reviewed ones are asked most.
        "predictions_phash: label, phash where phash IS NOT NULL",
        *(
            f"predictions_{mark}: label, sha256 where {mark} = 1"
            for mark in ("audit", "conflict", "flipped")
        ),
    )
    _reindex(connection, "reviews", "reviews_time: created_at, id")


def _credits(connection: sqlite3.Connection) -> None:
    """Version 5: what imported data sets say of pictures."""
    for statement in create_statements("credits"):
        connection.execute(statement)


def _kinds_of_pictures(connection: sqlite3.Connection) -> None:
    """Version 6: what figures are by is filtered by: evidence, size, format, policy and so on."""
    _add_columns(connection, "predictions", 6)
    wide = f"{_FILTERED}, conflict, audit, policy, generator, short_side_px, format"
    _reindex(
        connection,
        "predictions",
        f"predictions_time: created_at, id, score, {wide}",
        f"predictions_score: score, id, created_at, {wide}",
    )
    derive_findings(connection)


STEPS: tuple[Step, ...] = (
    _documents,
    _conflicts,
    _queues,
    derive,
    _credits,
    _kinds_of_pictures,
)
"""Each takes the file from the version of its place to the next; never changed once released."""


def is_current(connection: sqlite3.Connection, steps: Sequence[Step] = STEPS) -> bool:
    """Say whether the file is ours and of the newest version, without taking the write lock."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    (owner,) = connection.execute("PRAGMA application_id").fetchone()
    return bool(owner == APPLICATION_ID and version == len(steps))


def migrate(connection: sqlite3.Connection, steps: Sequence[Step] = STEPS) -> None:
    """Bring the file to the newest version; the caller holds the write lock, so all or nothing.

    Raises:
        StoreUnavailable: a newer Brushmark wrote it.
        StoreDamaged: it is some other program's file.
    """
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    (owner,) = connection.execute("PRAGMA application_id").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    if owner != APPLICATION_ID and (owner or version or tables):
        raise StoreDamaged("The file is no store of Brushmark's, or its first page is damaged.")
    if version > len(steps):
        raise StoreUnavailable(
            f"The store has version {version}; this Brushmark knows {len(steps)}. "
            "Install the newer Brushmark that wrote it."
        )
    if version < 0 or (tables and version == 0):
        raise StoreDamaged(f"The store's version number ({version}) is damaged.")
    for step in steps[version:]:
        step(connection)
    if version < len(steps):
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {len(steps)}")
