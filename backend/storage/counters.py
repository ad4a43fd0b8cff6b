"""Counts that every page shows, kept in the transaction that writes the rows they count."""

from __future__ import annotations

import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterable

from backend.domain import Label, Outcome, ReviewLabel
from backend.storage.repository import Stats

Tally = tuple[str, str]
"""A counter's name and key."""
BINS = 20
_DAYS = 90
_OPPOSITE: dict[str, str] = {
    Label.AI_GENERATED: Label.HUMAN_MADE,
    Label.HUMAN_MADE: Label.AI_GENERATED,
}

PREDICTION_COLUMNS = "outcome, created_at, model, source, score"
"""What `prediction_tallies` takes, in its order."""


def prediction_tallies(
    outcome: str, created_at: str, model: str | None, source: str, score: float
) -> list[Tally]:
    """Return the counters that one record stands in; a score below zero means none."""
    tallies = [("outcome", outcome), ("day", f"{created_at[:10]} {outcome}"), ("source", source)]
    if model is not None:
        tallies.append(("model", model))
    if score >= 0:
        tallies.append(("score", str(min(int(score * BINS), BINS - 1))))
    return tallies


def review_tallies(label: str, outcome: str) -> list[Tally]:
    """Return the counters that one standing review stands in.

    `outcome` is that of the record reviewed, as it was then.
    """
    tallies = [("label", label)]
    if label == outcome:
        tallies.append(("agreement", "agreed"))
    elif outcome == _OPPOSITE.get(label):
        tallies.append(("agreement", "corrected"))
    return tallies


APPEAL_TALLIES: list[Tally] = [("appeals", "")]


def bump(connection: sqlite3.Connection, tallies: Iterable[Tally], by: int = 1) -> None:
    """Add to each counter, within the caller's transaction."""
    connection.executemany(
        "INSERT INTO counters (name, key, value) VALUES (?, ?, ?)"
        " ON CONFLICT (name, key) DO UPDATE SET value = value + excluded.value",
        [(name, key, by) for name, key in tallies],
    )


def read(connection: sqlite3.Connection) -> Counter[Tally]:
    """Return every counter that is not zero."""
    rows = connection.execute("SELECT name, key, value FROM counters WHERE value <> 0")
    return Counter({(name, key): value for name, key, value in rows.fetchall()})


def to_stats(counters: Counter[Tally]) -> Stats:
    """Lay the counters out as the rest of Brushmark reads them."""
    groups: dict[str, dict[str, int]] = defaultdict(dict)
    for (name, key), value in sorted(counters.items()):
        groups[name][key] = value
    days: dict[str, dict[str, int]] = defaultdict(dict)
    for key, value in groups["day"].items():
        day, _, outcome = key.partition(" ")
        days[day][outcome] = value
    bins = groups["score"]
    return Stats(
        predictions=sum(groups["outcome"].values()),
        by_outcome={outcome.value: groups["outcome"].get(outcome, 0) for outcome in Outcome},
        by_day={day: days[day] for day in sorted(days)[-_DAYS:]},
        by_model=groups["model"],
        by_source=groups["source"],
        score_histogram=tuple(bins.get(str(i), 0) for i in range(BINS)),
        reviewed=sum(groups["label"].values()),
        by_label={label.value: groups["label"].get(label, 0) for label in ReviewLabel},
        agreed=groups["agreement"].get("agreed", 0),
        corrected=groups["agreement"].get("corrected", 0),
        appeals=groups["appeals"].get("", 0),
    )
