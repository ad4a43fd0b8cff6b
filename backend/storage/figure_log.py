"""The part of the repository that figures are read from: reviewed records, daily counts."""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Mapping
from datetime import date
from typing import Any

from backend.domain import Label, Outcome, Review, ReviewLabel
from backend.storage.base import Store
from backend.storage.documents import from_document
from backend.storage.query_sql import Condition, bindable
from backend.storage.repository import DailyCounts, Reviewed

_REVIEWED = f"SELECT {', '.join(Reviewed._fields)} FROM reviewed ORDER BY doc_id"
_BY_MODEL = (
    "SELECT outcome, count(*) FROM predictions INDEXED BY predictions_verdict"
    " WHERE json_extract(body, '$.basis') = 'model' AND model = ? AND "
)


class FigureLog(Store):
    """Read what `derived` keeps; nothing here looks at every prediction."""

    def reviewed(self) -> tuple[Reviewed, ...]:
        """Return every record whose bytes have a standing review, in the order of appending."""
        with self.db.connections.using() as connection:
            return tuple(map(Reviewed._make, _fetched(connection, _REVIEWED)))

    def audit_sample(self) -> Mapping[Outcome, int]:
        """Count the records drawn for the random audit, reviewed or not, by outcome."""
        with self.db.connections.using() as connection:
            rows = connection.execute(
                "SELECT key, sum(value) FROM daily WHERE fact = 'audit' GROUP BY key"
            ).fetchall()
        return {Outcome(outcome): count for outcome, count in rows}

    def repeated_reviews(self) -> tuple[Review, ...]:
        """Return the standing reviews of all bytes that have more than one, oldest first."""
        again = "SELECT sha256 FROM reviews WHERE stands = 1 GROUP BY sha256 HAVING count(*) > 1"
        documents = self.reviews.select(
            Condition(f"stands = 1 AND sha256 IN ({again})"), "ORDER BY created_at, doc_id"
        )
        return tuple(from_document(Review, document) for document in documents)

    def daily_counts(self, since: date, until: date, max_sites: int = 20) -> DailyCounts:
        """Count the records of the days from `since` to `until`, both included (UTC)."""
        span = (since.isoformat(), until.isoformat())
        with self.db.connections.using() as connection:
            daily = connection.execute(
                "SELECT fact, day, key, value FROM daily WHERE day BETWEEN ? AND ?"
                " AND fact <> 'site'",
                span,
            ).fetchall()
            sites = connection.execute(
                "SELECT key, sum(value) FROM daily WHERE day BETWEEN ? AND ? AND fact = 'site'"
                " GROUP BY key",
                span,
            ).fetchall()
            appeals = connection.execute(
                "SELECT substr(created_at, 1, 10) AS day, count(*) FROM appeals"
                " WHERE created_at >= ? AND created_at < ? || 'U' GROUP BY day ORDER BY day",
                span,
            ).fetchall()
        by_site: dict[str, dict[str, int]] = defaultdict(dict)
        for key, value in sites:
            outcome, _, site = key.partition(" ")
            by_site[site][outcome] = value
        most = sorted(by_site, key=lambda site: (-sum(by_site[site].values()), site))[:max_sites]
        return DailyCounts(
            _nested(daily), {site: by_site[site] for site in most}, len(by_site), dict(appeals)
        )

    def changed_verdicts(
        self, model: str, human_at_most: float, ai_at_least: float
    ) -> Mapping[tuple[Outcome, Outcome], int]:
        """Count a model's verdicts by outcome, and what it would be under other thresholds."""
        ranges = {
            Outcome.HUMAN_MADE: ("score <= ?", (human_at_most,)),
            Outcome.UNCERTAIN: ("score > ? AND score < ?", (human_at_most, ai_at_least)),
            Outcome.AI_GENERATED: ("score >= ?", (ai_at_least,)),
        }
        found: dict[tuple[Outcome, Outcome], int] = {}
        with self.db.connections.using() as connection:
            for after, (sql, parameters) in ranges.items():
                rows = connection.execute(
                    f"{_BY_MODEL}{sql} GROUP BY outcome", (bindable(model), *parameters)
                )
                found |= {(Outcome(before), after): count for before, count in rows.fetchall()}
        return found

    def appeals_by_review(self) -> Mapping[tuple[Label, ReviewLabel | None], int]:
        """Count appeals by what they claim and the standing label of their record's bytes."""
        with self.db.connections.using() as connection:
            rows = connection.execute(
                "SELECT json_extract(a.body, '$.claim'), p.label, count(*) FROM appeals a"
                " LEFT JOIN predictions p ON p.id = a.prediction_id GROUP BY 1, 2"
            ).fetchall()
        return {
            (Label(claim), ReviewLabel(label) if label else None): count
            for claim, label, count in rows
        }


def _nested(rows: list[tuple[str, str, str, int]]) -> dict[str, dict[str, dict[str, int]]]:
    nested: dict[str, dict[str, dict[str, int]]] = defaultdict(lambda: defaultdict(dict))
    for fact, day, key, value in rows:
        nested[fact][day][key] = value
    return {fact: dict(days) for fact, days in nested.items()}


def _fetched(connection: sqlite3.Connection, sql: str) -> list[tuple[Any, ...]]:
    """Fetch many rows of text with Python's own reading of it, a quarter faster than ours.

    It refuses text that is no UTF-8: such rows are read as everywhere else.
    """
    usual = connection.text_factory
    connection.text_factory = str
    try:
        return connection.execute(sql).fetchall()
    except sqlite3.OperationalError:
        connection.text_factory = usual
        return connection.execute(sql).fetchall()
    finally:
        connection.text_factory = usual
