"""Tables that the file's own triggers keep beside `predictions`.

They hold the reviewed pictures, daily counts, and what files say of themselves.

What Quality and Activity show is read from these, in time that grows with the reviews and the
days and not with the log. As triggers keep them, they hold whoever writes a row, and whyever:
a check, a review, its undoing, the retention, an import, an erasure.
"""

from __future__ import annotations

import sqlite3

from backend.domain import SIDE_EDGES_PX

BYTES_EDGES = (0, 20_000, 50_000, 100_000, 200_000, 500_000, 1_000_000, 2_000_000, 5_000_000)
"""Lower edges of the classes of the file's size that are counted."""
SCORE_BINS = 20
LATENCY_STEPS_MS = (1, 10, 100, 1000)
"""Latency is counted in steps of 1 ms below 100 ms, of 10 ms below 1 s, and so on."""


def _class(value: str, edges: tuple[int, ...]) -> str:
    """Return SQL for the greatest edge that a value reaches."""
    steps = (f"WHEN {value} >= {edge} THEN {edge}" for edge in reversed(edges))
    return f"CASE {' '.join(steps)} END"


def _json(row: str, path: str) -> str:
    return f"json_extract({row}.body, '$.{path}')"


def _short_side(row: str) -> str:
    return f"min({_json(row, 'image.width')}, {_json(row, 'image.height')})"


def _latency(row: str) -> str:
    """Return SQL for the lower edge of the step that a latency falls in."""
    value = _json(row, "elapsed_ms")
    cases = " ".join(
        f"WHEN {value} < {100 * step} THEN {step} * CAST({value} / {step} AS INTEGER)"
        for step in LATENCY_STEPS_MS
    )
    return f"CASE {cases} ELSE {100 * LATENCY_STEPS_MS[-1]} END"


def _facts(row: str) -> str:
    """Return SQL for what one record counts as on its day, as rows of `key` and `atom`."""
    score = f"min(CAST({row}.score * {SCORE_BINS} AS INTEGER), {SCORE_BINS - 1})"
    facts = {
        "outcome": f"{row}.outcome",
        "source": f"{row}.source",
        "model": f"{row}.model",
        "site": f"{row}.outcome || ' ' || {row}.site",
        "score": f"CASE WHEN {row}.score >= 0 THEN {score} END",
        "latency": _latency(row),
        "format": _json(row, "image.format"),
        "side": _class(_short_side(row), SIDE_EDGES_PX),
        "bytes": _class(_json(row, "image.bytes"), BYTES_EDGES),
        "audit": f"CASE WHEN {_json(row, 'audit')} THEN {row}.outcome END",
    }
    pairs = ", ".join(f"'{name}', {sql}" for name, sql in facts.items())
    return f"json_each(json_object({pairs}))"


def _day(row: str) -> str:
    return f"substr({row}.created_at, 1, 10)"


_FINDING = "json_extract(e.value, '$.kind'), json_extract(e.value, '$.status')"
_PRESENT = "json_extract(e.value, '$.status') <> 'absent'"
_REVIEWED = (
    "doc_id, id, sha256, created_at, label, outcome, basis, score, model, policy, site, source,"
    " format, short_side_px, bytes, audit, conflict, generator, evidence"
)


def _reviewed_row(row: str) -> str:
    """Return SQL for the columns of `reviewed`, in its order.

    `evidence` lists what was found, a line each: `c2pa verified`. What is absent is not listed.
    """
    found = "json_extract(e.value, '$.kind') || ' ' || json_extract(e.value, '$.status')"
    evidence = (
        f"(SELECT coalesce(group_concat({found}, char(10)), '')"
        f" FROM json_each({row}.body, '$.evidence') e WHERE {_PRESENT})"
    )
    plain = ", ".join(
        f"{row}.{name}" for name in ("id", "sha256", "created_at", "label", "outcome")
    )
    return (
        f"{row}.doc_id, {plain}, {_json(row, 'basis')}, {row}.score, {row}.model,"
        f" {_json(row, 'policy')}, {row}.site, {row}.source, {_json(row, 'image.format')},"
        f" {_short_side(row)}, {_json(row, 'image.bytes')}, coalesce({_json(row, 'audit')}, 0),"
        f" coalesce({_json(row, 'conflict')}, 0), {_json(row, 'likely_generator')}, {evidence}"
    )


def _count(row: str) -> str:
    return (
        f"INSERT INTO daily (day, fact, key, value) SELECT {_day(row)}, key, atom, 1"
        f" FROM {_facts(row)} WHERE atom IS NOT NULL"
        " ON CONFLICT (day, fact, key) DO UPDATE SET value = value + 1;"
    )


def _discount(row: str) -> str:
    these = (
        f"day = {_day(row)} AND (fact, key) IN"
        f" (SELECT f.key, CAST(f.atom AS TEXT) FROM {_facts(row)} f WHERE f.atom IS NOT NULL)"
    )
    # A site that nobody asks about any more must not stay behind as a row of zero.
    return (
        f"UPDATE daily SET value = value - 1 WHERE {these};"
        f" DELETE FROM daily WHERE {these} AND value <= 0;"
    )


def _keep(row: str) -> str:
    return (
        f"INSERT INTO reviewed ({_REVIEWED}) SELECT {_reviewed_row(row)}"
        f" WHERE {row}.label IS NOT NULL;"
    )


def _trigger(name: str, event: str, actions: str, when: str = "") -> str:
    only = f" WHEN {when}" if when else ""
    return f"CREATE TRIGGER {name} AFTER {event} ON predictions{only} BEGIN {actions} END"


def derive(connection: sqlite3.Connection) -> None:
    """Make the tables, the triggers that keep them, and fill them from the rows there are."""
    connection.execute(
        "CREATE TABLE daily (day TEXT NOT NULL, fact TEXT NOT NULL, key TEXT NOT NULL,"
        " value INTEGER NOT NULL, PRIMARY KEY (day, fact, key)) WITHOUT ROWID"
    )
    connection.execute(
        "CREATE TABLE reviewed (doc_id INTEGER PRIMARY KEY REFERENCES predictions (doc_id)"
        f" ON DELETE CASCADE, {_REVIEWED.removeprefix('doc_id, ')})"
    )
    connection.execute(_trigger("derive_new", "INSERT", _count("NEW") + _keep("NEW")))
    connection.execute(
        _trigger(
            "derive_changed",
            "UPDATE OF body",
            _discount("OLD")
            + _count("NEW")
            + "DELETE FROM reviewed WHERE doc_id = OLD.doc_id;"
            + _keep("NEW"),
        )
    )
    connection.execute(_trigger("derive_gone", "DELETE", _discount("OLD")))
    # How many verdicts other thresholds would change is counted on this index alone.
    connection.execute(
        "CREATE INDEX predictions_verdict ON predictions (model, score, outcome)"
        " WHERE json_extract(body, '$.basis') = 'model'"
    )
    connection.execute(f"INSERT INTO daily (day, fact, key, value) {COUNTED}")
    connection.execute(f"INSERT INTO reviewed ({_REVIEWED}) {KEPT}")


def derive_findings(connection: sqlite3.Connection) -> None:
    """Make the table of what files say of themselves, its triggers, and fill it."""
    connection.execute(
        "CREATE TABLE findings (kind TEXT NOT NULL, status TEXT NOT NULL, doc_id INTEGER NOT NULL"
        " REFERENCES predictions (doc_id) ON DELETE CASCADE,"
        " PRIMARY KEY (kind, status, doc_id)) WITHOUT ROWID"
    )
    connection.execute("CREATE INDEX findings_doc_id ON findings (doc_id)")
    connection.execute(_trigger("find_new", "INSERT", _find("NEW")))
    connection.execute(
        _trigger(
            "find_changed",
            "UPDATE OF body",
            "DELETE FROM findings WHERE doc_id = OLD.doc_id;" + _find("NEW"),
            when=f"{_json('OLD', 'evidence')} IS NOT {_json('NEW', 'evidence')}",
        )
    )
    connection.execute(f"INSERT INTO findings (kind, status, doc_id) {FOUND}")


def _find(row: str) -> str:
    return (
        "INSERT OR IGNORE INTO findings (kind, status, doc_id)"
        f" SELECT {_FINDING}, {row}.doc_id FROM json_each({row}.body, '$.evidence') e"
        f" WHERE {_PRESENT};"
    )


def derive_anew(connection: sqlite3.Connection) -> None:
    """Fill the tables anew from the predictions."""
    for table in ("daily", "reviewed", "findings"):
        connection.execute(f"DELETE FROM {table}")
    connection.execute(f"INSERT INTO daily (day, fact, key, value) {COUNTED}")
    connection.execute(f"INSERT INTO reviewed ({_REVIEWED}) {KEPT}")
    connection.execute(f"INSERT INTO findings (kind, status, doc_id) {FOUND}")


COUNTED = (
    f"SELECT {_day('p')}, f.key, CAST(f.atom AS TEXT), count(*) FROM predictions p, {_facts('p')} f"
    " WHERE f.atom IS NOT NULL GROUP BY 1, 2, 3"
)
"""Counts every prediction: what `daily` should hold."""
KEPT = f"SELECT {_reviewed_row('p')} FROM predictions p WHERE p.label IS NOT NULL"
"""What `reviewed` should hold."""
FOUND = (
    f"SELECT DISTINCT {_FINDING}, p.doc_id FROM predictions p, json_each(p.body, '$.evidence') e"
    f" WHERE {_PRESENT}"
)
"""What `findings` should hold."""


def disagreements(connection: sqlite3.Connection) -> list[str]:
    """Name the derived tables that do not hold what the predictions say."""
    wanted = {
        "daily": (COUNTED, "SELECT day, fact, key, value FROM daily"),
        "reviewed": (KEPT, f"SELECT {_REVIEWED} FROM reviewed"),
        "findings": (FOUND, "SELECT kind, status, doc_id FROM findings"),
    }
    return [
        table
        for table, (should, does) in wanted.items()
        if connection.execute(
            f"SELECT EXISTS (SELECT * FROM ({should}) EXCEPT SELECT * FROM ({does}))"
            f" OR EXISTS (SELECT * FROM ({does}) EXCEPT SELECT * FROM ({should}))"
        ).fetchone()[0]
    ]
