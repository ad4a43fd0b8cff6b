"""A TinyDB table whose documents are rows of a SQLite table, each with a checksum."""

from __future__ import annotations

import hashlib
import json
import logging
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping
from typing import Any, Protocol, cast

from tinydb.queries import QueryLike
from tinydb.storages import Storage
from tinydb.table import Document, Table

from backend.errors import StoreDamaged
from backend.storage.connections import Connections
from backend.storage.query_sql import EVERYTHING, Condition, to_sql
from backend.storage.schema import SHAPES, Shape, create_statements, sql_name

log = logging.getLogger(__name__)

Update = Mapping[str, Any] | Callable[[MutableMapping[str, Any]], None]
Row = tuple[int, bytes, str]
"""`doc_id`, `checksum`, `body`."""
_CHUNK = 500


class DamagedRow(StoreDamaged):
    """A row whose bytes are not those that were written."""

    def __init__(self, table: str, doc_id: int) -> None:
        super().__init__(
            f"Row {doc_id} of {table} is damaged; the rest of the store can be read. "
            "`brushmark store verify` lists what is wrong, and `brushmark store restore` "
            "brings back a backup."
        )
        self.table = table
        self.doc_id = doc_id


def checksum(table: str, doc_id: int, body: str) -> bytes:
    """Return the 16 bytes that tie a body to its table and place (BLAKE2b)."""
    digest = hashlib.blake2b(f"{table}\0{doc_id}\0".encode(errors="surrogatepass"), digest_size=16)
    digest.update(body.encode(errors="surrogateescape"))
    return digest.digest()


class _HasConnections(Protocol):
    connections: Connections


class RowTable(Table):
    """A TinyDB table on SQLite rows.

    It does what TinyDB's own does, with these differences: nothing is cached, since other
    processes write too; the id of the last document may be given again once that is removed
    (TinyDB does so after reopening); every writing method is one transaction; a damaged row raises
    `StoreDamaged` where it alone is asked for and is passed over, and logged, among others.
    """

    def __init__(
        self, storage: Storage, name: str, cache_size: int = 0, persist_empty: bool = False
    ) -> None:
        super().__init__(storage, name, cache_size=0)
        self._connections = cast("_HasConnections", storage).connections
        self._sql = sql_name(name)
        self._known = name in SHAPES
        self.shape = SHAPES.get(name, Shape())
        if persist_empty:
            with self._connections.transaction() as connection:
                self._ensure(connection)

    # ---- writing ------------------------------------------------------------------------

    def insert(self, document: Mapping[str, Any]) -> int:
        """Add a document and return its id. Raises `ValueError` where it is there already."""
        return self.insert_multiple([document])[0]

    def insert_multiple(self, documents: Iterable[Mapping[str, Any]]) -> list[int]:
        """Add documents, all or none, and return their ids."""
        with self._connections.transaction() as connection:
            self._ensure(connection)
            return [self._insert(connection, document) for document in documents]

    def _insert(self, connection: sqlite3.Connection, document: Mapping[str, Any]) -> int:
        if not isinstance(document, Mapping):
            raise ValueError("Document is not a Mapping")
        if isinstance(document, self.document_class):
            doc_id = document.doc_id
        else:
            last = f"SELECT coalesce(max(doc_id), 0) FROM {self._sql}"
            doc_id = connection.execute(last).fetchone()[0] + 1
        body = _to_json(document)
        try:
            connection.execute(
                f"INSERT INTO {self._sql} (doc_id, checksum, body) VALUES (?, ?, ?)",
                (doc_id, checksum(self.name, doc_id, body), body),
            )
        except sqlite3.IntegrityError as error:
            raise ValueError(f"{self.name} holds such a document already ({error})") from error
        return doc_id

    def replace(self, doc_id: int, document: Mapping[str, Any]) -> None:
        """Write another document into a row."""
        body = _to_json(document)
        with self._connections.transaction() as connection:
            connection.execute(
                f"UPDATE {self._sql} SET checksum = ?, body = ? WHERE doc_id = ?",
                (checksum(self.name, doc_id, body), body, doc_id),
            )

    def update(
        self,
        fields: Update,
        cond: QueryLike | None = None,
        doc_ids: Iterable[int] | None = None,
    ) -> list[int]:
        """Set fields of the matching documents, all or none; return their ids."""
        with self._connections.transaction():
            found = self._matching(cond, doc_ids)
            for document in found:
                if callable(fields):
                    fields(document)
                else:
                    document.update(fields)
                self.replace(document.doc_id, document)
        return [document.doc_id for document in found]

    def update_multiple(self, updates: Iterable[tuple[Update, QueryLike]]) -> list[int]:
        """Apply several updates in their order, all or none; return the ids in that order."""
        with self._connections.transaction():
            return [doc_id for fields, cond in updates for doc_id in self.update(fields, cond)]

    def upsert(self, document: Mapping[str, Any], cond: QueryLike | None = None) -> list[int]:
        """Update the matching documents, or insert where none matches; return their ids."""
        with self._connections.transaction():
            return super().upsert(document, cond)

    def remove(
        self, cond: QueryLike | None = None, doc_ids: Iterable[int] | None = None
    ) -> list[int]:
        """Remove the matching documents, all or none; return their ids."""
        if cond is None and doc_ids is None:
            raise RuntimeError("Use truncate() to remove all documents")
        with self._connections.transaction() as connection:
            found = [document.doc_id for document in self._matching(cond, doc_ids)]
            connection.executemany(
                f"DELETE FROM {self._sql} WHERE doc_id = ?", [(doc_id,) for doc_id in found]
            )
        return found

    def truncate(self) -> None:
        """Remove all documents."""
        with self._connections.transaction() as connection:
            self._ensure(connection)
            connection.execute(f"DELETE FROM {self._sql}")

    # ---- reading ------------------------------------------------------------------------

    def all(self) -> list[Document]:
        """Return every document."""
        return list(self)

    def search(self, cond: QueryLike) -> list[Document]:
        """Return the documents that match, in the order of their ids."""
        sieve = to_sql(cond, self.shape)
        return [document for document in self._each(sieve) if cond(document)]

    def get(
        self,
        cond: QueryLike | None = None,
        doc_id: int | None = None,
        doc_ids: list[int] | None = None,
    ) -> Any:
        """Return one document by id or query, or a list of those with the ids.

        Raises:
            StoreDamaged: the row that was asked for is.
        """
        if doc_id is not None:
            return next(iter(self._matching(None, [doc_id])), None)
        if doc_ids is not None:
            return self._matching(None, doc_ids)
        if cond is None:
            raise RuntimeError("You have to pass either cond or doc_id or doc_ids")
        sieve = to_sql(cond, self.shape)
        return next((d for d in self._each(sieve, strict=sieve != EVERYTHING) if cond(d)), None)

    def contains(self, cond: QueryLike | None = None, doc_id: int | None = None) -> bool:
        """Say whether some document matches."""
        return self.get(cond, doc_id) is not None

    def __len__(self) -> int:
        """Count the documents."""
        return int(self._query(f"SELECT count(*) FROM {self._sql}", ())[0][0]) if self._is() else 0

    def __iter__(self) -> Iterator[Document]:
        """Iterate over all documents in the order of their ids."""
        return self._each(EVERYTHING)

    def rows(self, where: Condition, tail: str = "") -> list[Row]:
        """Return raw rows; `tail` is SQL for order and limit."""
        if not self._is():
            return []
        sql = f"SELECT doc_id, checksum, body FROM {self._sql} WHERE {where.sql} {tail}"
        return self._query(sql, where.parameters)

    def document(self, row: Row) -> Document:
        """Turn a raw row into a document. Raises `StoreDamaged` where its checksum is wrong."""
        doc_id, expected, body = row
        if expected != checksum(self.name, doc_id, body):
            raise DamagedRow(self.name, doc_id)
        return self.document_class(json.loads(body), doc_id)

    def select(self, where: Condition, tail: str = "", *, strict: bool = False) -> list[Document]:
        """Return documents by SQL; damaged rows raise if `strict`, else are passed over."""
        return list(self.sound(self.rows(where, tail), strict))

    def sound(self, rows: Iterable[Row], strict: bool = False) -> Iterator[Document]:
        """Turn raw rows into documents; damaged ones raise if `strict`, else are passed over."""
        for row in rows:
            try:
                yield self.document(row)
            except DamagedRow as error:
                if strict:
                    raise
                log.error("damaged row", extra={"table": error.table, "row": error.doc_id})

    def _each(self, where: Condition, *, strict: bool = False) -> Iterator[Document]:
        # In pieces, so that no reader stays open between them and keeps the log from shrinking.
        last = -(2**63)
        while True:
            piece = Condition(f"{where.sql} AND doc_id > ?", (*where.parameters, last))
            rows = self.rows(piece, f"ORDER BY doc_id LIMIT {_CHUNK}")
            yield from self.sound(rows, strict)
            if len(rows) < _CHUNK:
                return
            last = rows[-1][0]

    def _matching(self, cond: QueryLike | None, doc_ids: Iterable[int] | None) -> list[Document]:
        if doc_ids is not None:
            found = (
                self.select(Condition("doc_id = ?", (doc_id,)), strict=True) for doc_id in doc_ids
            )
            return [document for documents in found for document in documents]
        return self.all() if cond is None else self.search(cond)

    def _query(self, sql: str, parameters: tuple[Any, ...]) -> list[Any]:
        with self._connections.using() as connection:
            return connection.execute(sql, parameters).fetchall()

    def _is(self) -> bool:
        """Say whether the SQL table is there; one that nobody wrote to need not be."""
        if not self._known:
            sql = "SELECT 1 FROM sqlite_schema WHERE name = ?"
            self._known = bool(self._query(sql, (self._sql.strip('"'),)))
        return self._known

    def _ensure(self, connection: sqlite3.Connection) -> None:
        # Not remembered: the transaction may yet be rolled back.
        if not self._is():
            for statement in create_statements(self.name):
                connection.execute(statement)
            self._known = False


def _to_json(document: Mapping[str, Any]) -> str:
    """Write a document as JSON in ASCII, so that any text of a web page can be kept.

    Raises:
        ValueError, TypeError: it holds what JSON cannot, such as NaN or bytes.
    """
    return json.dumps(dict(document), allow_nan=False, separators=(",", ":"))
