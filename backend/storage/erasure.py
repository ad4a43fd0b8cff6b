"""The part of the repository that lets go for good: of records, and of every trace beside them."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Callable, Sequence

from tinydb import where as field

from backend.domain import PredictionRecord
from backend.settings import in_address
from backend.storage import counters
from backend.storage.prediction_log import to_record
from backend.storage.query_sql import Condition, bindable
from backend.storage.repository import Erased
from backend.storage.review_log import ReviewLog
from backend.storage.row_table import RowTable

FORGOTTEN = "forgotten"
_PATIENCE_S = 5.0
_FIXED = {"id", "created_at", "kind", "state", "action", "finished_at"}
"""What says which entry of the history this is, and names nobody."""


class Erasure(ReviewLog):
    """Erase records with all that is about them, and rewrite the file without a trace."""

    def records_at(self, address: str, limit: int = 500) -> tuple[PredictionRecord, ...]:
        """Return records whose page or picture has that address."""
        found = self.predictions.select(
            Condition(
                "(json_extract(body, '$.context.page_url') = ?1"
                " OR json_extract(body, '$.context.image_url') = ?1)",
                (bindable(address),),
            ),
            f"ORDER BY doc_id LIMIT {int(limit)}",
        )
        return tuple(to_record(document) for document in found)

    def records_on(self, host: str, limit: int = 500) -> tuple[PredictionRecord, ...]:
        """Return records whose page or picture lies on that host, at any port."""
        found = self.predictions.select(
            Condition(
                " OR ".join(_lies_on(field) for field in ("page_url", "image_url")),
                (bindable(in_address(host).lower()),),
            ),
            f"ORDER BY doc_id LIMIT {int(limit)}",
        )
        return tuple(to_record(document) for document in found)

    def unshared(self, prediction_ids: Sequence[str]) -> tuple[str, ...]:
        """Return the SHA-256 of each picture that no record but these is about."""
        with self.db.connections.using() as connection:
            rows = connection.execute(
                "WITH gone AS (SELECT value AS id FROM json_each(?))"
                " SELECT DISTINCT p.sha256 FROM predictions p JOIN gone ON gone.id = p.id"
                " WHERE NOT EXISTS (SELECT 1 FROM predictions o WHERE o.sha256 = p.sha256"
                " AND o.id NOT IN (SELECT id FROM gone))",
                (json.dumps(list(prediction_ids)),),
            ).fetchall()
        return tuple(sha256 for (sha256,) in rows)

    def erase(self, prediction_ids: Sequence[str]) -> Erased:
        """Remove records, what lies beside them, and the reviews and appeals about them.

        Reviews and appeals of a picture's bytes go with its last record.
        """
        gone = self.unshared(prediction_ids)
        records = reviews = appeals = 0
        with self.db.transaction() as connection:
            for prediction_id in dict.fromkeys(prediction_ids):
                digest = self._erase_record(connection, prediction_id)
                records += digest is not None
                # By the bytes first: there is an index on them.
                about = Condition(
                    "sha256 = ? AND json_extract(body, '$.prediction_id') = ?",
                    (digest, prediction_id),
                )
                reviews += self._erase_reviews(connection, about)
                appeals += self._erase_appeals(connection, about)
            for sha256 in gone:
                about = Condition("sha256 = ?", (sha256,))
                reviews += self._erase_reviews(connection, about)
                appeals += self._erase_appeals(connection, about)
                self.credits.remove(field("sha256") == sha256)
        return Erased(records, reviews, appeals)

    def _erase_record(self, connection: sqlite3.Connection, prediction_id: str) -> str | None:
        """Remove a record; return the SHA-256 that it was about, or None where there is none."""
        row = connection.execute(
            f"SELECT doc_id, sha256, {counters.PREDICTION_COLUMNS} FROM predictions WHERE id = ?",
            (bindable(prediction_id),),
        ).fetchone()
        if row is None:
            return None
        counters.bump(connection, counters.prediction_tallies(*row[2:]), by=-1)
        connection.execute("DELETE FROM predictions WHERE doc_id = ?", row[:1])
        return str(row[1])

    def _erase_reviews(self, connection: sqlite3.Connection, about: Condition) -> int:
        found = self.reviews.select(about)
        for review in found:
            before = self._standing_review(review["sha256"])
            self.reviews.remove(doc_ids=[review.doc_id])
            self._settle(connection, review["sha256"], before)
        return len(found)

    def _erase_appeals(self, connection: sqlite3.Connection, about: Condition) -> int:
        found = [appeal.doc_id for appeal in self.appeals.select(about)]
        self.appeals.remove(doc_ids=found)
        counters.bump(connection, counters.APPEAL_TALLIES, by=-len(found))
        return len(found)

    def erase_client(self, client: str) -> Erased:
        """Remove a client's appeals and revoked tokens, and its name from its reviews."""
        with self.db.transaction() as connection:
            theirs = Condition("json_extract(body, '$.client') = ?", (bindable(client),))
            appeals = self._erase_appeals(connection, theirs)
            for review in self.reviews.search(field("reviewer") == client):
                self.reviews.replace(review.doc_id, {**review, "reviewer": FORGOTTEN, "note": ""})
            revoked = [
                token.doc_id
                for token in self.db.rows("tokens").all()
                if token["revoked_at"] and _client_of(token["name"], token["id"]) == client
            ]
            self.db.rows("tokens").remove(doc_ids=revoked)
        return Erased(0, 0, appeals)

    def rewrite_history(self, rewrite: Callable[[str], str]) -> int:
        """Put every text of the jobs and of the audit trail through `rewrite`; count changes."""
        tables: list[RowTable] = [self.db.rows("jobs"), self.db.rows("events")]
        changed = 0
        with self.db.transaction():
            for table in tables:
                for document in table:
                    written = {
                        name: v if name in _FIXED else _rewritten(v, rewrite)
                        for name, v in document.items()
                    }
                    if written != document:
                        table.replace(document.doc_id, written)
                        changed += 1
        return changed

    def repack(self) -> bool:
        """Rewrite the file without gaps and empty its log; False where a reader is in the way.

        Until the log is empty, what was erased can be read in it.
        """
        with self.db.transaction() as connection:
            connection.execute("DELETE FROM counters WHERE value = 0")
        with self.db.connections.using() as connection:
            connection.execute("VACUUM")
        deadline = time.monotonic() + _PATIENCE_S
        log = self.path.with_name(self.path.name + "-wal")
        while True:
            self.db.connections.shrink_log()
            if not log.exists() or not log.stat().st_size:
                return True
            if time.monotonic() > deadline:
                return False
            time.sleep(0.05)


def _client_of(name: str, token_id: str) -> str:
    # As `access.client_name` has it, which knows tokens and not documents.
    return f"{name} · {token_id[-8:]}"


def _rewritten(value: object, rewrite: Callable[[str], str]) -> object:
    if isinstance(value, str):
        return rewrite(value)
    if isinstance(value, dict):
        return {rewrite(name): _rewritten(item, rewrite) for name, item in value.items()}
    if isinstance(value, list):
        return [_rewritten(item, rewrite) for item in value]
    return value


def _lies_on(field: str) -> str:
    """Return the SQL that says whether the log's address in a field is of host ?1.

    The log keeps addresses without user and password: after the scheme comes the host.
    """
    address = f"json_extract(body, '$.context.{field}')"
    rest = f"lower(substr({address}, instr({address}, '://') + 3))"
    return f"({rest} = ?1 OR substr({rest}, 1, length(?1) + 1) IN (?1 || '/', ?1 || ':'))"
