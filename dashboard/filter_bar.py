"""The filter of the log as widgets, for every page that has one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any, Literal

import streamlit as st

from backend.domain import SizeClass
from dashboard.client import Client, Failure
from dashboard.filters import FIELDS, FIRST_DAY, LABELS, LAST_DAY, OUTCOMES
from dashboard.readout import EVIDENCE, SOURCES, finding
from dashboard.words import plain

_FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "AVIF")
_SIZES = {size.value: size.words for size in SizeClass}
_REVIEWED = {"true": "reviewed", "false": "not yet"}
_CHOICE_PX = 150
_TEXTS = ("q", "site", "generator")
_FIRST_ROW = {"q", "outcome", "reviewed", "label"}
"""Fields that are seen without opening what else there is."""


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
    for name in FIELDS:
        state[f"{page}-{name}"] = chosen.get(name, "" if name in _TEXTS else None)
    for name in ("since", "until"):
        state[f"{page}-{name}"] = date.fromisoformat(chosen[name]) if name in chosen else None
    state[f"{page}-policy"] = int(chosen["policy"]) if "policy" in chosen else None
    low, high = float(chosen.get("min_score", 0)), float(chosen.get("max_score", 1))
    state[f"{page}-score"] = (round(100 * min(low, high)), round(100 * max(low, high)))


def bar(page: str, client: Client) -> dict[str, str]:
    """Draw the filter's widgets; return what is chosen, as it stands in links."""
    more = len(set(_chosen(page)) - _FIRST_ROW)
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        st.text_input(
            "Search", key=f"{page}-q", placeholder="title, site, id …", max_chars=200, width=270
        )
        _choice(page, "outcome", "Verdict", OUTCOMES, _CHOICE_PX)
        _choice(page, "reviewed", "Reviewed", _REVIEWED, _CHOICE_PX)
        _choice(page, "label", "Label", LABELS, _CHOICE_PX)
        words = f"More ({more})" if more else "More"
        with st.popover(words, icon=":material/tune:", key=f"{page}-more"):
            _more(page, client)
    return _chosen(page)


def _more(page: str, client: Client) -> None:
    st.slider("P(AI-generated), per cent", 0, 100, key=f"{page}-score", format="%d %%")
    left, right = st.columns(2)
    with left:
        st.text_input("Site", key=f"{page}-site", placeholder="example.org", max_chars=253)
        _choice(page, "evidence", "The file says", _evidence(page))
        _choice(page, "size", "Short side", _SIZES)
        _choice(page, "model", "Model", _named(page, "model", _models(client)))
        _choice(
            page, "conflict", "Model and file", {"true": "disagree", "false": "do not disagree"}
        )
        _day(page, "since", "From")
    with right:
        _choice(page, "source", "Found by", SOURCES)
        st.text_input(
            "Generator", key=f"{page}-generator", placeholder="as its file names it", max_chars=200
        )
        _choice(page, "format", "Format", _named(page, "format", _FORMATS))
        st.number_input("Policy", 0, 10**9 - 1, key=f"{page}-policy", placeholder="any", step=1)
        _choice(page, "audit", "Random audit", {"true": "drawn for it", "false": "not drawn"})
        _day(page, "until", "To")


def _choice(
    page: str,
    name: str,
    label: str,
    options: Mapping[str, str],
    width: int | Literal["stretch"] = "stretch",
) -> None:
    st.selectbox(
        label,
        list(options),
        format_func=lambda value: options.get(value, value),
        key=f"{page}-{name}",
        placeholder="any",
        index=None,
        width=width,
    )


def _day(page: str, name: str, label: str) -> None:
    st.date_input(
        label,
        key=f"{page}-{name}",
        min_value=FIRST_DAY,
        max_value=LAST_DAY,
        format="YYYY-MM-DD",
    )


def _named(page: str, name: str, known: Iterable[str]) -> dict[str, str]:
    """Offer what is known, and what a link asks for beside it."""
    chosen = st.session_state.get(f"{page}-{name}")
    return {each: each for each in dict.fromkeys([*known, *([chosen] if chosen else [])])}


def _evidence(page: str) -> dict[str, str]:
    return {each: finding(each) for each in _named(page, "evidence", EVIDENCE)}


def _models(client: Client) -> list[str]:
    try:
        return sorted(_counted_models(client), reverse=True)
    except Failure:
        return []


@st.cache_data(ttl=60, show_spinner=False)
def _counted_models(client: Client) -> dict[str, int]:
    found: dict[str, int] = client.get("/stats")["by_model"]
    return found


def _chosen(page: str) -> dict[str, str]:
    values: dict[str, Any] = {
        name: st.session_state.get(f"{page}-{name}")
        for name in FIELDS
        if not name.endswith("_score")
    }
    chosen = {name: str(value).strip() for name, value in values.items() if value is not None}
    low, high = st.session_state.get(f"{page}-score", (0, 100))
    if low > 0:
        chosen["min_score"] = f"{low / 100:g}"
    if high < 100:
        chosen["max_score"] = f"{high / 100:g}"
    return {name: value for name, value in chosen.items() if value}
