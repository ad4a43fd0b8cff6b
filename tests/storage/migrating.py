"""Steps to made-up later versions of the schema, for tests of how a store gets there."""

from __future__ import annotations

import sqlite3

from backend.storage.schema import STEPS


def add_table(connection: sqlite3.Connection) -> None:
    """Add a table with a row for each prediction, as a later version might."""
    connection.execute("CREATE TABLE later (doc_id INTEGER PRIMARY KEY, text TEXT)")
    connection.execute("INSERT INTO later SELECT doc_id, body FROM predictions")


def rebuild(connection: sqlite3.Connection) -> None:
    """Rewrite every row and make an index, so that there is time to be killed in."""
    connection.execute("UPDATE later SET text = text || ' '")
    connection.execute("CREATE INDEX later_text ON later (text)")


MORE_STEPS = (*STEPS, add_table, rebuild)
