"""The part of the repository that takes in whole data sets, and keeps what they say of pictures."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping, Sequence

from tinydb import where as field

from backend.domain import Credit
from backend.storage.documents import from_document, to_document
from backend.storage.query_sql import Condition, bindable
from backend.storage.repository import Foreign, TakenIn
from backend.storage.review_log import ReviewLog


class Intake(ReviewLog):
    """Add records, reviews and credits of pictures from elsewhere, all or none."""

    def take_in(self, foreign: Iterable[Foreign]) -> TakenIn:
        """Add what is not here yet, in one transaction; doing it again changes nothing."""
        counts = dict.fromkeys(TakenIn._fields, 0)
        with self.db.transaction() as connection:
            for each in foreign:
                counts[self._take_record(connection, each)] += 1
                counts[self._take_review(connection, each)] += 1
                self._take_credit(each.credit)
        return TakenIn(**counts)

    def _take_record(self, connection: sqlite3.Connection, each: Foreign) -> str:
        known = self.predictions.get(field("id") == each.record.id)
        if known is None:
            self._append(connection, each.record, each.extras)
            return "records"
        same = known["image"]["sha256"] == each.record.image.sha256
        return "known" if same else "clashing"

    def _take_review(self, connection: sqlite3.Connection, each: Foreign) -> str:
        review = each.review
        known = self.reviews.get(field("id") == review.id)
        standing = self._standing_review(review.sha256)
        if known is not None or (each.yields and standing and standing["label"] == review.label):
            return "reviewed"
        if each.yields and standing:
            return "contradicted"
        record = self.predictions.get(field("id") == review.prediction_id)
        if record is None or record["image"]["sha256"] != review.sha256:
            return "unplaced"
        self._append_review(connection, review, None)
        return "labels"

    def _take_credit(self, credit: Credit | None) -> None:
        if credit is None:
            return
        known = self.credits.get(field("sha256") == credit.sha256)
        if known is None:
            self.credits.insert(to_document(credit))

    def credits_of(self, digests: Sequence[str]) -> Mapping[str, Credit]:
        """Return what imported data sets say of each of these pictures, where any does."""
        found = {}
        for digest in dict.fromkeys(digests):
            documents = self.credits.select(Condition("sha256 = ?", (bindable(digest),)))
            if documents:
                found[digest] = from_document(Credit, documents[0])
        return found
