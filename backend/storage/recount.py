"""Count the rows anew, as the counters beside them should have."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Iterator

from backend.storage import counters


def standing_reviews(connection: sqlite3.Connection) -> Iterator[tuple[str, str, str]]:
    """Yield hash, label and outcome of the latest standing review of each picture."""
    standing: dict[str, tuple[str, str, str]] = {}
    for (body,) in connection.execute("SELECT body FROM reviews ORDER BY created_at, doc_id"):
        review = json.loads(body)
        if review["undone_at"] is None:
            standing[review["sha256"]] = (review["sha256"], review["label"], review["outcome"])
    yield from standing.values()


def count_anew(connection: sqlite3.Connection) -> Counter[counters.Tally]:
    """Count all rows, as the counters should have."""
    counted: Counter[counters.Tally] = Counter()
    sql = f"SELECT {counters.PREDICTION_COLUMNS} FROM predictions"
    for columns in connection.execute(sql):
        counted.update(counters.prediction_tallies(*columns))
    for _, label, outcome in standing_reviews(connection):
        counted.update(counters.review_tallies(label, outcome))
    (appeals,) = connection.execute("SELECT count(*) FROM appeals").fetchone()
    counted.update({tally: appeals for tally in counters.APPEAL_TALLIES if appeals})
    return counted
