"""The part of the repository that holds reviews and appeals."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from datetime import datetime

from tinydb import where as field
from tinydb.table import Document

from backend.domain import Appeal, Review
from backend.errors import BadInput, Conflict, NotFound
from backend.storage import counters
from backend.storage.documents import from_document, to_document
from backend.storage.prediction_log import PredictionLog
from backend.storage.query_sql import Condition, bindable, is_plain
from backend.storage.repository import UNSEEN
from backend.storage.selection import earlier_than
from backend.wire import time_to_text


class ReviewLog(PredictionLog):
    """Append reviews and appeals; the latest standing review of the bytes counts.

    A review's document also keeps the `outcome` that it was about, so that agreement stays
    countable once the record is gone.
    """

    def append_review(self, review: Review, *, seen: str | None = None) -> None:
        """Add a review; `Conflict` where another review than the one seen stands by now."""
        with self.db.transaction() as connection:
            self._append_review(connection, review, seen)

    def append_reviews(self, reviews: Sequence[Review]) -> None:
        """Add several reviews, all or none."""
        with self.db.transaction() as connection:
            for review in reviews:
                self._append_review(connection, review, None)

    def _append_review(
        self, connection: sqlite3.Connection, review: Review, seen: str | None
    ) -> None:
        record = self._reviewed_record(review.prediction_id, review.sha256)
        before = self._standing_review(review.sha256)
        if seen is not None and seen != (before["id"] if before else UNSEEN):
            who = before["reviewer"] if before else "Somebody"
            raise Conflict(f"{who} decided on this picture meanwhile; look again.")
        document = {**to_document(review), "outcome": record["outcome"]}
        try:
            self.reviews.insert(document)
        except ValueError as error:
            raise Conflict(f"There is a review “{review.id}” already.") from error
        self._settle(connection, review.sha256, before)

    def undo_review(self, review_id: str, undone_at: datetime) -> Review:
        """Mark a review undone; both facts stay in the log."""
        return self.undo_reviews([review_id], undone_at)[0]

    def undo_reviews(self, review_ids: Sequence[str], undone_at: datetime) -> tuple[Review, ...]:
        """Mark several reviews undone, all or none."""
        with self.db.transaction() as connection:
            return tuple(self._undo(connection, i, undone_at) for i in dict.fromkeys(review_ids))

    def _undo(self, connection: sqlite3.Connection, review_id: str, undone_at: datetime) -> Review:
        document = self.reviews.get(field("id") == review_id) if is_plain(review_id) else None
        if document is None:
            raise NotFound(f"There is no review “{review_id[:64]}”.")
        if document["undone_at"] is not None:
            raise Conflict("That review was undone already.")
        before = self._standing_review(document["sha256"])
        document["undone_at"] = time_to_text(undone_at)
        self.reviews.replace(document.doc_id, document)
        self._settle(connection, document["sha256"], before)
        return from_document(Review, document)

    def list_reviews(
        self, limit: int = 200, before: tuple[datetime, str] | None = None
    ) -> tuple[Review, ...]:
        """Return reviews, newest first, undone ones too."""
        newest = f"ORDER BY created_at DESC, id DESC LIMIT {int(limit)}"
        return tuple(
            from_document(Review, d) for d in self.reviews.select(earlier_than(before), newest)
        )

    def _reviewed_record(self, prediction_id: str, sha256: str) -> Document:
        record = self.predictions.get(field("id") == prediction_id)
        if record is None:
            raise NotFound(f"There is no prediction “{prediction_id[:64]}”.")
        if record["image"]["sha256"] != sha256:
            raise BadInput("That prediction is about another picture.")
        assert isinstance(record, Document)  # noqa: S101
        return record

    def _settle(self, connection: sqlite3.Connection, sha256: str, before: Document | None) -> None:
        """Bring counters and the records' labels in line with the review that stands now."""
        after = self._standing_review(sha256)
        if before:
            counters.bump(
                connection, counters.review_tallies(before["label"], before["outcome"]), by=-1
            )
        if after:
            counters.bump(connection, counters.review_tallies(after["label"], after["outcome"]))
        label = after["label"] if after else None
        if label != (before["label"] if before else None):
            for record in self.predictions.select(Condition("sha256 = ?", (sha256,))):
                record["derived"]["label"] = label
                self.predictions.replace(record.doc_id, record)

    def reviews_of(self, sha256: str) -> tuple[Review, ...]:
        """Return every review of these bytes, oldest first, undone ones too."""
        found = self.reviews.search(field("sha256") == sha256)
        found.sort(key=lambda document: (document["created_at"], document.doc_id))
        return tuple(from_document(Review, document) for document in found)

    def latest_reviews(self, digests: Sequence[str]) -> Mapping[str, Review]:
        """Return the latest standing review of each of these bytes that has one."""
        standing = {digest: self._standing_review(digest) for digest in dict.fromkeys(digests)}
        return {digest: from_document(Review, d) for digest, d in standing.items() if d}

    # ---- appeals ------------------------------------------------------------------------

    def append_appeal(self, appeal: Appeal) -> None:
        """Add an appeal."""
        with self.db.transaction() as connection:
            self._reviewed_record(appeal.prediction_id, appeal.sha256)
            try:
                self.appeals.insert(to_document(appeal))
            except ValueError as error:
                raise Conflict(f"There is an appeal “{appeal.id}” already.") from error
            counters.bump(connection, counters.APPEAL_TALLIES)

    def count_appeals(self, prediction_ids: Sequence[str]) -> Mapping[str, int]:
        """Count the appeals against each of these records (0 where none)."""
        with self.db.connections.using() as connection:
            sql = "SELECT count(*) FROM appeals WHERE prediction_id = ?"
            return {
                prediction_id: connection.execute(sql, (bindable(prediction_id),)).fetchone()[0]
                for prediction_id in dict.fromkeys(prediction_ids)
            }

    def appeals_of(self, sha256: str) -> tuple[Appeal, ...]:
        """Return every appeal about these bytes, oldest first."""
        found = self.appeals.search(field("sha256") == sha256)
        found.sort(key=lambda document: (document["created_at"], document.doc_id))
        return tuple(from_document(Appeal, document) for document in found)

    def list_appeals(self, limit: int = 200, client: str | None = None) -> tuple[Appeal, ...]:
        """Return appeals, newest first: everybody's, or those of one client."""
        newest = f"ORDER BY created_at DESC, doc_id DESC LIMIT {int(limit)}"
        whose = Condition("json_extract(body, '$.client') = ?", (client,))
        found = self.appeals.select(whose if client is not None else Condition(), newest)
        return tuple(from_document(Appeal, d) for d in found)
