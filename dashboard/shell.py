"""What every page shares: the frame around it, and how failures and empty pages speak."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from pathlib import Path
from typing import ParamSpec

import streamlit as st

from dashboard.access import Access, login_wanted
from dashboard.client import Client, Failure, people
from dashboard.words import plain

ICON = str(Path(__file__).with_name("icon.svg"))
"""Ours, from this folder: Streamlit would fetch an emoji's picture from a foreign host."""
_STYLE = Path(__file__).with_name("style.css")
_P = ParamSpec("_P")


def frame(access: Access) -> None:
    """Draw what stands around every page: the name, the state of the backend, who is here."""
    wear_style()
    st.logo(ICON, size="large")
    if access.client.is_public:
        return
    with st.sidebar:
        _backend_state(access)


def wear_style() -> None:
    """Bring our style sheet to the page."""
    st.html(_STYLE)


def _backend_state(access: Access) -> None:
    if access.failure is not None:
        st.markdown(f":red[:material/error: {plain(access.failure.what)}]")
        _who(access)
        return
    try:
        version = plain(_served_version(access.client))
    except Failure as failure:
        st.markdown(f":orange[:material/warning: {plain(failure.what)}]")
    else:
        st.markdown(f":green[:material/check_circle:] Ready · {version}")
    _who(access)


def _who(access: Access) -> None:
    st.caption(plain(access.name or access.client.actor or ""))
    if login_wanted():
        st.button("Sign out", type="tertiary", icon=":material/logout:", on_click=st.logout)


@st.cache_data(ttl=20, show_spinner=False)
def _served_version(client: Client) -> str:
    return people.served_version(client)


def open_page(title: str, lead: str = "") -> None:
    """Begin a page: its title, and one sentence that says what it is for."""
    st.title(title, anchor=False)
    if lead:
        st.markdown(f":gray[{lead}]")


def guarded(part: Callable[_P, None], key: str = "page") -> Callable[_P, None]:
    """Wrap a page so that a backend that does not answer is told, and can be asked again.

    A part that Streamlit draws by itself, a fragment, is wrapped too: its failures end there.
    """

    @wraps(part)
    def draw(*given: _P.args, **named: _P.kwargs) -> None:
        try:
            part(*given, **named)
        except Failure as failure:
            explain(failure, key=key)

    return draw


def explain(failure: Failure, key: str) -> None:
    """Say what went wrong and what to do; a click asks again where that may help."""
    st.error(f"**{plain(failure.what)}** {advice(failure)}", icon=":material/error:")
    if failure.worth_retrying:
        st.button("Try again", key=f"again-{key}", icon=":material/refresh:")


def advice(failure: Failure) -> str:
    """Keep the commands in our own advice readable as code; the rest is plain."""
    parts = failure.advice.split("`")
    return "".join(f"`{p}`" if i % 2 else plain(p) for i, p in enumerate(parts))


def empty(title: str, text: str, *, icon: str = ":material/inbox:", key: str = "empty") -> None:
    """Fill a page that has nothing yet with what it will show and the next thing to do.

    `text` is our own Markdown. Widgets that lead on go below, by the caller.
    """
    with st.container(border=True, key=f"nothing-{key}"):
        st.markdown(f"### {icon} {title}")
        st.markdown(text)


def choose_part(names: Sequence[str]) -> str:
    """Let people choose which part of the page they see, at first the first; links keep it."""
    part = st.segmented_control(
        "Part of the page",
        names,
        default=names[0],
        required=True,
        key="part",
        bind="query-params",
        label_visibility="collapsed",
    )
    return part or names[0]
