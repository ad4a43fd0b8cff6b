"""The part of the repository that holds predictions and what lies beside them."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from tinydb import where as field
from tinydb.table import Document

from backend.domain import PredictionRecord
from backend.errors import Conflict, NotFound, StoreDamaged
from backend.storage import counters
from backend.storage.base import Store
from backend.storage.documents import (
    log_document,
    pack_activation,
    phash_from_stored,
    searchable_text,
    unpack_extras,
)
from backend.storage.query_sql import Condition, bindable, is_plain
from backend.storage.repository import Extras, Page, PredictionFilter
from backend.storage.row_table import DamagedRow
from backend.storage.selection import checked_limit, order, search_sql, where_sql
from backend.wire import Json, record_from_document, time_to_text

NEWEST_FIRST = "ORDER BY created_at DESC, id DESC"


class PredictionLog(Store):
    """Append, read, list, delete and expire predictions."""

    def append_prediction(self, record: PredictionRecord, extras: Extras) -> None:
        """Add a record; its id must be new (`Conflict` otherwise)."""
        self.append_predictions([(record, extras)])

    def append_predictions(self, pairs: Iterable[tuple[PredictionRecord, Extras]]) -> None:
        """Add many records in one transaction: all, or none. Raises `Conflict`."""
        with self.db.transaction() as connection:
            for record, extras in pairs:
                self._append(connection, record, extras)

    def _append(
        self, connection: sqlite3.Connection, record: PredictionRecord, extras: Extras
    ) -> None:
        standing = self._standing_review(record.image.sha256)
        activation = pack_activation(extras.activation)
        bulk = activation is not None or extras.features is not None
        label = standing["label"] if standing else None
        document = log_document(record, label, bulk=bulk, phash=extras.phash)
        try:
            doc_id = self.predictions.insert(document)
        except ValueError as error:
            raise Conflict(f"The log has a prediction “{record.id}” already.") from error
        if bulk:
            connection.execute(
                "INSERT INTO extras (doc_id, features, activation, checksum) VALUES (?, ?, ?, ?)",
                (doc_id, extras.features, activation, bulk_checksum(extras.features, activation)),
            )
        connection.execute(
            "INSERT INTO searchable (doc_id, text) VALUES (?, ?)",
            (doc_id, searchable_text(document)),
        )
        counters.bump(connection, _tallies(connection, doc_id))

    def _standing_review(self, sha256: str) -> Document | None:
        """Return the latest review of these bytes that was not undone, as a document."""
        latest = self.reviews.select(
            Condition("sha256 = ? AND stands = 1", (bindable(sha256),)),
            "ORDER BY created_at DESC, doc_id DESC LIMIT 1",
        )
        return latest[0] if latest else None

    # ---- reading ------------------------------------------------------------------------

    def get_prediction(self, prediction_id: str) -> PredictionRecord | None:
        """Return the record of that id."""
        if not is_plain(prediction_id):  # no id of ours, and one that every row would be read for
            return None
        document = self.predictions.get(field("id") == prediction_id)
        return to_record(document) if document else None

    def get_extras(self, prediction_id: str) -> Extras:
        """Return what lies beside a record; empty where nothing does."""
        with self.db.connections.using() as connection:
            row = connection.execute(
                "SELECT p.doc_id, p.phash, e.features, e.activation, e.checksum"
                " FROM predictions p LEFT JOIN extras e ON e.doc_id = p.doc_id WHERE p.id = ?",
                (bindable(prediction_id),),
            ).fetchone()
        if row is None:
            return Extras()
        doc_id, phash, features, activation, expected = row
        if expected is not None and bulk_checksum(features, activation) != expected:
            raise DamagedRow("extras", doc_id)
        return unpack_extras(features, activation, phash)

    def phashes(self, prediction_ids: Sequence[str]) -> Mapping[str, int]:
        """Return the perceptual hashes of those records that have one, by id."""
        with self.db.connections.using() as connection:
            rows = connection.execute(
                "SELECT id, phash FROM predictions WHERE phash IS NOT NULL"
                " AND id IN (SELECT value FROM json_each(?))",
                (json.dumps([bindable(i) for i in prediction_ids]),),
            ).fetchall()
        found = ((prediction_id, phash_from_stored(stored)) for prediction_id, stored in rows)
        return {prediction_id: phash for prediction_id, phash in found if phash is not None}

    def vectors_after(
        self, prediction_id: str = "", limit: int = 500
    ) -> tuple[tuple[PredictionRecord, bytes], ...]:
        """Return records with their feature vectors, by id; damaged ones are passed over."""
        with self.db.connections.using() as connection:
            rows = connection.execute(
                "SELECT p.doc_id, p.checksum, p.body, e.features, e.activation, e.checksum"
                " FROM predictions p JOIN extras e ON e.doc_id = p.doc_id"
                " WHERE p.id > ? AND e.features IS NOT NULL ORDER BY p.id LIMIT ?",
                (bindable(prediction_id), int(limit)),
            ).fetchall()
        return tuple(
            (to_record(document), features)
            for doc_id, mark, body, features, activation, expected in rows
            if bulk_checksum(features, activation) == expected
            for document in self.predictions.sound([(doc_id, mark, body)])
        )

    def list_predictions(
        self,
        where: PredictionFilter,
        *,
        sort: str = "-created_at",
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page:
        """Return a page of records; a cursor that is not ours raises `BadInput`."""
        by = order(sort)
        after = by.after(cursor)
        limit = checked_limit(limit)
        what = f"doc_id, checksum, body, {by.column}, id"
        tail = f"AND {after.sql} {by.sql} LIMIT ?"
        rows = self._filtered(what, where, sort, tail, (*after.parameters, limit + 1))
        following = by.cursor(*rows[limit - 1][3:]) if len(rows) > limit else None
        documents = self.predictions.sound(row[:3] for row in rows[:limit])
        return Page(tuple(to_record(d) for d in documents), following)

    def count_predictions(self, where: PredictionFilter) -> int:
        """Count the records that a filter lets through."""
        return int(self._filtered("count(*)", where, "-created_at", "", ())[0][0])

    def _filtered(
        self,
        what: str,
        where: PredictionFilter,
        sort: str,
        tail: str,
        more: tuple[object, ...],
    ) -> list[tuple[Any, ...]]:
        by = order(sort)
        condition = where_sql(where, by)
        source = f"predictions INDEXED BY {by.index}"
        with self.db.connections.using() as connection:
            if where.q:
                hits, few = search_sql(connection, where.q)
                condition = Condition(
                    f"{condition.sql} AND {hits.sql}", condition.parameters + hits.parameters
                )
                source = "predictions" if few else source
            sql = f"SELECT {what} FROM {source} WHERE {condition.sql} {tail}"
            return connection.execute(sql, condition.parameters + more).fetchall()

    def latest_by_sha256(self, digests: Sequence[str]) -> Mapping[str, PredictionRecord]:
        """Return the newest record of each of these bytes that has one."""
        found = {}
        for digest in dict.fromkeys(digests):
            newest = self.predictions.select(
                Condition("sha256 = ?", (bindable(digest),)), f"{NEWEST_FIRST} LIMIT 1"
            )
            if newest:
                found[digest] = to_record(newest[0])
        return found

    # ---- leaving ------------------------------------------------------------------------

    def delete_prediction(self, prediction_id: str) -> None:
        """Remove a record and its extras; reviews of its bytes stay."""
        with self.db.transaction() as connection:
            row = connection.execute(
                "SELECT doc_id FROM predictions WHERE id = ?", (bindable(prediction_id),)
            ).fetchone()
            if row is None:
                raise NotFound(f"There is no prediction “{prediction_id[:64]}”.")
            counters.bump(connection, _tallies(connection, row[0]), by=-1)
            connection.execute("DELETE FROM predictions WHERE doc_id = ?", row)
        self.db.connections.shrink_log()

    def expire_unreviewed(self, before: datetime, limit: int = 500) -> tuple[str, ...]:
        """Take the context off unreviewed records older than that, oldest first.

        Returns the SHA-256 of each whose picture may go now (none of its records is younger,
        reviewed or appealed). At most `limit` records a call; empty when nothing is left.
        """
        moment = time_to_text(before)
        while True:
            with self.db.transaction() as connection:
                due = self.predictions.select(
                    Condition("due = 1 AND created_at < ?", (moment,)),
                    f"ORDER BY created_at LIMIT {int(limit)}",
                )
                for document in due:
                    self._expire(connection, document)
                digests = dict.fromkeys(d["image"]["sha256"] for d in due)
                free = tuple(d for d in digests if self._is_free(connection, d, moment))
            if not due:
                self.db.connections.shrink_log()
            if free or not due:
                return free

    def _expire(self, connection: sqlite3.Connection, document: Document) -> None:
        document["context"].update(page_url=None, image_url=None, page_title=None)
        document["derived"].update(site=None, expired=True)
        self.predictions.replace(document.doc_id, document)
        connection.execute(
            "UPDATE searchable SET text = ? WHERE doc_id = ?",
            (searchable_text(document), document.doc_id),
        )

    def _is_free(self, connection: sqlite3.Connection, sha256: str, moment: str) -> bool:
        """Say whether nothing holds a picture back: no younger record, review or appeal."""
        (held,) = connection.execute(
            "SELECT EXISTS (SELECT 1 FROM predictions WHERE sha256 = :sha256 AND"
            " (created_at >= :moment OR label IS NOT NULL))"
            " OR EXISTS (SELECT 1 FROM appeals WHERE sha256 = :sha256)",
            {"sha256": sha256, "moment": moment},
        ).fetchone()
        return not held

    def holding(self, digests: Sequence[str]) -> Mapping[str, bool]:
        """Say of each of these pictures that has a record whether its records hold it still.

        They do while one is not expired, or while the bytes are reviewed or appealed.
        """
        with self.db.connections.using() as connection:
            rows = connection.execute(
                "SELECT sha256, max(due IS NOT 0 OR label IS NOT NULL)"
                " OR EXISTS (SELECT 1 FROM appeals a WHERE a.sha256 = p.sha256)"
                " FROM predictions p WHERE sha256 IN (SELECT value FROM json_each(?))"
                " GROUP BY sha256",
                (json.dumps([bindable(digest) for digest in digests]),),
            ).fetchall()
        return {digest: bool(held) for digest, held in rows}


def bulk_checksum(features: bytes | None, activation: bytes | None) -> bytes:
    """Return the 16 bytes that tell whether bulk is what was written (BLAKE2b)."""
    digest = hashlib.blake2b(digest_size=16)
    for part in (features, activation):
        digest.update(b"-" if part is None else len(part).to_bytes(8) + part)
    return digest.digest()


def _tallies(connection: sqlite3.Connection, doc_id: int) -> list[counters.Tally]:
    columns = connection.execute(
        f"SELECT {counters.PREDICTION_COLUMNS} FROM predictions WHERE doc_id = ?", (doc_id,)
    ).fetchone()
    return counters.prediction_tallies(*columns)


def to_record(document: Json) -> PredictionRecord:
    """Read a record back. Raises `StoreDamaged` where the document is none."""
    try:
        return record_from_document(document)
    except (KeyError, TypeError, ValueError) as error:
        raise StoreDamaged(f"A record of the log cannot be read ({error!r}).") from error
