"""The filter of the log: the names in a link, what each may be, and what the backend is asked."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date, timedelta
from typing import Any

from backend.domain import Outcome, ReviewLabel, SizeClass, Source
from dashboard.readout import REVIEWS

OUTCOMES = {outcome.value: outcome.words for outcome in Outcome}
LABELS = {label.value: REVIEWS[label] for label in ReviewLabel}
_YES_NO = ("true", "false")
FIRST_DAY, LAST_DAY = date(2000, 1, 1), date(2099, 12, 31)


def _one_of(known: Any) -> Callable[[str], bool]:
    return lambda value: value in set(known)


def _is_date(value: str) -> bool:
    try:
        return FIRST_DAY <= date.fromisoformat(value) <= LAST_DAY
    except ValueError:
        return False


def _is_share(value: str) -> bool:
    try:
        return 0 <= float(value) <= 1
    except ValueError:
        return False


FIELDS: Mapping[str, Callable[[str], bool]] = {
    "q": lambda value: len(value) <= 200,
    "outcome": _one_of(OUTCOMES),
    "label": _one_of(LABELS),
    "reviewed": _one_of(_YES_NO),
    "conflict": _one_of(_YES_NO),
    "audit": _one_of(_YES_NO),
    "policy": lambda value: re.fullmatch("[0-9]{1,9}", value) is not None,
    "evidence": lambda value: len(value) <= 80,
    "generator": lambda value: len(value) <= 200,
    "size": _one_of([s.value for s in SizeClass]),
    "format": lambda value: len(value) <= 20,
    "site": lambda value: len(value) <= 253,
    "source": _one_of([s.value for s in Source]),
    "model": lambda value: len(value) <= 200,
    "since": _is_date,
    "until": _is_date,
    "min_score": _is_share,
    "max_score": _is_share,
}
"""The names that stand in links, as in the HTTP API, and what each may be."""


def readable(values: Mapping[str, str]) -> tuple[dict[str, str], list[str]]:
    """Return what of a link's filter can be followed, and the names of what cannot."""
    given = {name: value for name, value in values.items() if name in FIELDS}
    broken = sorted(name for name, value in given.items() if not FIELDS[name](value))
    return {name: value for name, value in given.items() if name not in broken}, broken


def for_backend(chosen: Mapping[str, str]) -> dict[str, str]:
    """Return the query that the backend takes: days become moments, the last one included."""
    query = dict(chosen)
    if "since" in query:
        query["since"] += "T00:00:00Z"
    if "until" in query:
        day_after = date.fromisoformat(query["until"]) + timedelta(days=1)
        query["until"] = f"{day_after.isoformat()}T00:00:00Z"
    return query
