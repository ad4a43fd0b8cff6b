"""The filter of the log as a person sets it: widgets, a link, and what the backend is asked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, timedelta
from typing import Any

import streamlit as st

from backend.domain import Outcome, ReviewLabel, Source
from dashboard.client import Client, Failure
from dashboard.readout import REVIEWS, SOURCES
from dashboard.words import plain

OUTCOMES = {outcome.value: outcome.words for outcome in Outcome}
LABELS = {label.value: REVIEWS[label] for label in ReviewLabel}
_YES_NO = ("true", "false")
_FIRST, _LAST = date(2000, 1, 1), date(2099, 12, 31)


def _one_of(known: Any) -> Callable[[str], bool]:
    return lambda value: value in set(known)


def _is_date(value: str) -> bool:
    try:
        return _FIRST <= date.fromisoformat(value) <= _LAST
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


def tell(unknown: list[str], broken: list[str]) -> None:
    """Say what in a link could not be followed."""
    names = ", ".join(f"“{plain(name[:40])}”" for name in [*unknown, *broken])
    if names:
        st.warning(
            f"This link holds a filter that cannot be followed ({names}); it was left out.",
            icon=":material/filter_alt_off:",
        )


def seed(page: str, chosen: Mapping[str, str]) -> None:
    """Have the widgets of a page show a filter, before they are drawn."""
    state = st.session_state
    for name in ("q", "site"):
        state[f"{page}-{name}"] = chosen.get(name, "")
    for name in ("outcome", "label", "reviewed", "conflict", "source", "model"):
        state[f"{page}-{name}"] = chosen.get(name)
    for name in ("since", "until"):
        state[f"{page}-{name}"] = date.fromisoformat(chosen[name]) if name in chosen else None
    low, high = float(chosen.get("min_score", 0)), float(chosen.get("max_score", 1))
    state[f"{page}-score"] = (round(100 * min(low, high)), round(100 * max(low, high)))


def bar(page: str, client: Client) -> dict[str, str]:
    """Draw the filter's widgets; return what is chosen, as it stands in links."""
    row = st.columns([4, 3, 3, 3, 2], vertical_alignment="bottom")
    row[0].text_input("Search", key=f"{page}-q", placeholder="title, site, id …", max_chars=200)
    with row[1]:
        _choice(page, "outcome", "Verdict", OUTCOMES)
    with row[2]:
        _choice(page, "reviewed", "Reviewed", {"true": "reviewed", "false": "not yet"})
    with row[3]:
        _choice(page, "label", "Label", LABELS)
    with row[4].popover("More", icon=":material/tune:", width="stretch"):
        _more(page, client)
    return _chosen(page)


def _more(page: str, client: Client) -> None:
    st.slider("P(AI-generated), per cent", 0, 100, key=f"{page}-score", format="%d %%")
    st.text_input("Site", key=f"{page}-site", placeholder="example.org", max_chars=253)
    _choice(page, "source", "Found by", SOURCES)
    _choice(page, "model", "Model", {name: name for name in _models(page, client)})
    _choice(page, "conflict", "Model and file", {"true": "disagree", "false": "do not disagree"})
    left, right = st.columns(2)
    days: dict[str, Any] = {"min_value": _FIRST, "max_value": _LAST, "format": "YYYY-MM-DD"}
    left.date_input("From", key=f"{page}-since", **days)
    right.date_input("To", key=f"{page}-until", **days)


def _choice(page: str, name: str, label: str, options: Mapping[str, str]) -> None:
    st.selectbox(
        label,
        list(options),
        format_func=lambda value: options.get(value, value),
        key=f"{page}-{name}",
        placeholder="any",
        index=None,
    )


def _models(page: str, client: Client) -> list[str]:
    try:
        known = list(_counted_models(client))
    except Failure:
        known = []
    chosen = st.session_state.get(f"{page}-model")
    return sorted({*known, *([chosen] if chosen else [])}, reverse=True)


@st.cache_data(ttl=60, show_spinner=False)
def _counted_models(client: Client) -> dict[str, int]:
    found: dict[str, int] = client.get("/stats")["by_model"]
    return found


def _chosen(page: str) -> dict[str, str]:
    state = st.session_state
    names = [name for name in FIELDS if not name.endswith("_score")]
    chosen = {name: str(v).strip() for name in names if (v := state.get(f"{page}-{name}"))}
    low, high = state.get(f"{page}-score", (0, 100))
    if low > 0:
        chosen["min_score"] = f"{low / 100:g}"
    if high < 100:
        chosen["max_score"] = f"{high / 100:g}"
    return {name: value for name, value in chosen.items() if value}
