"""How pages are registered: who may open each, and where the menu shows it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import streamlit as st
from streamlit.navigation.page import Page

from backend.domain import Scope
from dashboard.access import Access
from dashboard.shell import guarded


@dataclass(frozen=True, slots=True)
class Entry:
    """A page of the menu."""

    group: str
    title: str
    address: str
    icon: str
    scope: Scope | None
    """What its reader must be allowed; None lets visitors in too."""
    view: Callable[[], None]


def open_to(entries: Iterable[Entry], access: Access) -> list[Entry]:
    """Return the pages that this person may open, in order."""
    return [e for e in entries if e.scope is None or access.may(e.scope)]


def sections(entries: Iterable[Entry]) -> dict[str, list[Page]]:
    """Group pages as the menu shows them; the first is where one arrives."""
    groups: dict[str, list[Page]] = {}
    for number, entry in enumerate(entries):
        page = st.Page(
            guarded(entry.view),
            title=entry.title,
            icon=entry.icon,
            url_path=entry.address,
            default=number == 0,
        )
        groups.setdefault(entry.group, []).append(page)
    return groups
