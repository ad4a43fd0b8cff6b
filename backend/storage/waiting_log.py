"""The part of the repository that finds what waits for a review, and what looks alike."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from backend.domain import Outcome, PredictionRecord
from backend.storage.prediction_log import to_record
from backend.storage.query_sql import Condition, bindable
from backend.storage.repository import NEAR_BITS, Mark, Similar
from backend.storage.review_log import ReviewLog
from backend.storage.reviewed_hashes import ReviewedHashes
from backend.storage.schema import STEPS, Step

_ALL = (1 << 64) - 1
_APPEALED = (
    " FROM (SELECT sha256, max(created_at) AS latest, min(created_at) AS since,"
    " max(prediction_id) AS prediction_id FROM appeals GROUP BY sha256) a"
    " JOIN predictions p ON p.id = a.prediction_id"
    " WHERE NOT EXISTS (SELECT 1 FROM reviews r WHERE r.sha256 = a.sha256 AND r.stands = 1"
    " AND r.created_at >= a.latest)"
)
_MARKED = {
    Mark.CONFLICT: "conflict = 1 AND label IS NULL ORDER BY created_at DESC, id DESC",
    Mark.FLIPPED: "flipped = 1 AND label IS NULL ORDER BY created_at DESC, id DESC",
    # Bytes are hashed at random, so a sample half reviewed is a random half of it.
    Mark.AUDIT: "audit = 1 AND label IS NULL ORDER BY sha256, id",
}


class WaitingLog(ReviewLog):
    """Queues of review and near-duplicates, read from indexes that hold nothing else."""

    def __init__(self, path: Path, steps: Sequence[Step] = STEPS) -> None:
        super().__init__(path, steps)
        self._reviewed_hashes = ReviewedHashes()

    def list_waiting(
        self, mark: Mark, *, middle: float = 0.5, limit: int = 50, offset: int = 0
    ) -> tuple[PredictionRecord, ...]:
        """Return records that wait for a review because of a mark, in the order to take them."""
        sql, values = _waiting("doc_id", mark, middle)
        with self.db.connections.using() as connection:
            rows = connection.execute(f"{sql} LIMIT ? OFFSET ?", (*values, limit, offset))
            return self._records([doc_id for (doc_id,) in rows.fetchall()])

    def count_waiting(self, mark: Mark) -> int:
        """Count the records that wait because of a mark."""
        sql, values = _waiting("count(*)", mark, 0.5)
        with self.db.connections.using() as connection:
            return int(connection.execute(sql.partition(" ORDER BY")[0], values).fetchone()[0])

    def set_flipped(self, prediction_ids: Sequence[str], flipped: bool) -> None:
        """Mark records whose outcome another model version turned over."""
        with self.db.transaction():
            for prediction_id in dict.fromkeys(prediction_ids):
                found = self.predictions.select(Condition("id = ?", (bindable(prediction_id),)))
                for document in found:
                    if document["derived"].get("flipped", False) != flipped:
                        document["derived"]["flipped"] = flipped
                        self.predictions.replace(document.doc_id, document)

    def similar(self, phash: int, *, bits: int = NEAR_BITS, limit: int = 50) -> tuple[Similar, ...]:
        """Return the records whose pictures look like one, nearest first, then newest."""
        sql = (
            "SELECT doc_id, phash FROM predictions INDEXED BY predictions_phash"
            " WHERE phash IS NOT NULL"
        )
        with self.db.connections.using() as connection:
            near = [
                (distance, doc_id)
                for doc_id, stored in connection.execute(sql).fetchall()
                if (distance := ((stored ^ phash) & _ALL).bit_count()) <= bits
            ]
        return self._similar(near, limit)

    def similar_reviewed(self, phash: int, *, bits: int = NEAR_BITS) -> tuple[Similar, ...]:
        """Return those among similar records whose bytes have a standing review."""
        with self.db.connections.using() as connection:
            near = self._reviewed_hashes.near(connection, phash, bits)
        return self._similar(near, 50)

    def _similar(self, near: Sequence[tuple[int, int]], limit: int) -> tuple[Similar, ...]:
        nearest = sorted(near, key=lambda found: (found[0], -found[1]))[:limit]
        found = self._found([doc_id for _, doc_id in nearest])
        return tuple(Similar(found[d], bits) for bits, d in nearest if d in found)

    def _records(self, doc_ids: Sequence[int]) -> tuple[PredictionRecord, ...]:
        found = self._found(doc_ids)
        return tuple(found[doc_id] for doc_id in doc_ids if doc_id in found)

    def _found(self, doc_ids: Sequence[int]) -> Mapping[int, PredictionRecord]:
        where = Condition("doc_id IN (SELECT value FROM json_each(?))", (json.dumps(doc_ids),))
        return {d.doc_id: to_record(d) for d in self.predictions.select(where)}


def _waiting(what: str, mark: Mark, middle: float) -> tuple[str, tuple[object, ...]]:
    if mark is Mark.APPEALED:
        column = what.replace("doc_id", "p.doc_id")
        return f"SELECT {column}{_APPEALED} ORDER BY a.since, p.id", ()
    if mark is Mark.UNCERTAIN:
        where, band = "+outcome = ? AND +label IS NULL", Outcome.UNCERTAIN.value
        sql = f"SELECT {what} FROM predictions INDEXED BY predictions_score WHERE {where}"
        if what != "doc_id":
            return sql, (band,)
        return f"{sql} ORDER BY abs(score - ?), id", (band, middle)
    index = f"predictions_{mark.value}"
    return f"SELECT {what} FROM predictions INDEXED BY {index} WHERE {_MARKED[mark]}", ()
