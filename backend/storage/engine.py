"""TinyDB on SQLite: its documents, tables and queries; SQLite's durability and indexes.

TinyDB's own file storage reads and rewrites everything at each insert, serves one process and
does not survive a kill -9. `DocumentDB` keeps TinyDB's interface and puts each document into a
row of a SQLite file, through the two extension points that TinyDB offers: a storage class and
`table_class`. See https://tinydb.readthedocs.io/en/stable/extend.html.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from tinydb import TinyDB
from tinydb.storages import Storage
from tinydb.table import Document

from backend.storage.connections import Connections
from backend.storage.row_table import RowTable
from backend.storage.schema import STEPS, Step, is_current, migrate, table_name


class SqliteStorage(Storage):
    """A TinyDB storage on a SQLite file: tables use its rows; `read` and `write` move it all."""

    def __init__(self, path: Path, steps: Sequence[Step] = STEPS) -> None:
        self.connections = Connections(path)
        try:
            with self.connections.using() as connection:
                if not is_current(connection, steps):
                    with self.connections.transaction():
                        migrate(connection, steps)
        except BaseException:
            self.connections.close()
            raise

    def tables(self) -> list[str]:
        """Return the names of the document tables that the file has, filled or not."""
        with self.connections.using() as connection:
            rows = connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")
            names = [table_name(name) for (name,) in rows.fetchall()]
        return sorted(name for name in names if name is not None)

    def read(self) -> dict[str, dict[str, Any]] | None:
        """Return every table that has documents, by id; None where there are none."""
        data = {
            name: {str(document.doc_id): dict(document) for document in RowTable(self, name)}
            for name in self.tables()
        }
        return {name: documents for name, documents in data.items() if documents} or None

    def write(self, data: dict[str, dict[str, Any]]) -> None:
        """Replace every table by these, all or nothing."""
        with self.connections.transaction():
            for name in sorted({*self.tables(), *data}):
                table = RowTable(self, name)
                table.truncate()
                documents = data.get(name, {})
                table.insert_multiple(Document(d, int(i)) for i, d in documents.items())

    def close(self) -> None:
        """Close every connection."""
        self.connections.close()


class DocumentDB(TinyDB):
    """A TinyDB whose tables are rows of a SQLite file; see `RowTable` for what differs."""

    table_class = RowTable

    def __init__(self, path: Path, steps: Sequence[Step] = STEPS) -> None:
        super().__init__(path, steps, storage=SqliteStorage)

    @property
    def connections(self) -> Connections:
        """The connections to the file, for SQL beside the documents."""
        storage = self.storage
        assert isinstance(storage, SqliteStorage)  # noqa: S101
        return storage.connections

    def transaction(self) -> AbstractContextManager[sqlite3.Connection]:
        """Hold the write lock: all that is written within is durable together, or not at all."""
        return self.connections.transaction()

    def savepoint(self) -> AbstractContextManager[sqlite3.Connection]:
        """Undo what is written within where it raises, and leave the transaction around it."""
        return self.connections.savepoint()

    def rows(self, name: str) -> RowTable:
        """Return a table by name, as what it is."""
        table = self.table(name)
        assert isinstance(table, RowTable)  # noqa: S101
        return table

    def drop_table(self, name: str) -> None:
        """Remove all documents of a table."""
        self.rows(name).truncate()
        self._tables.pop(name, None)
