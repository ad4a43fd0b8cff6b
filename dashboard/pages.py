"""How pages are registered: who may open each, and where the menu shows it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import streamlit as st
from streamlit.navigation.page import Page

from backend.domain import Scope
from dashboard.access import Access
from dashboard.shell import empty, guarded, open_page


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


def sections(entries: Sequence[Entry], access: Access) -> dict[str, list[Page]]:
    """Group pages as the menu shows them; the first is where one arrives.

    Those that the person may not open stay out of the menu, and say so to who follows a link.
    """
    allowed = open_to(entries, access)
    groups: dict[str, list[Page]] = {}
    for entry in allowed:
        is_first = entry is allowed[0]
        groups.setdefault(entry.group, []).append(_page(entry, entry.view, default=is_first))
    refused = [e for e in entries if e not in allowed]
    first = next(iter(groups.values()))
    arrival = first[0]
    first.extend(_page(entry, _refuse, hidden=True) for entry in refused)
    # Links and bookmarks name the page where one arrives as they name the others.
    first.append(_page(allowed[0], lambda: st.switch_page(arrival), hidden=True))
    return groups


def _page(
    entry: Entry, view: Callable[[], None], *, default: bool = False, hidden: bool = False
) -> Page:
    return st.Page(
        guarded(view),
        title=entry.title,
        icon=entry.icon,
        # Streamlit shows this page at the bare address, whatever its name.
        url_path=f"{entry.address}-arrival" if default else entry.address,
        default=default,
        visibility="hidden" if hidden else "visible",
    )


def _refuse() -> None:
    open_page("Not for you, as it is")
    empty(
        "This page needs another role",
        "Whoever runs this Brushmark can give you one. Visitors without a token may check "
        "pictures, on the Check page, and nothing else.",
        icon=":material/lock:",
    )


def signed_out(entries: Sequence[Entry], view: Callable[[], None]) -> list[Page]:
    """Have every address ask for signing in: no link ends at a page that is not there."""
    arrival = _page(entries[0], view, default=True)
    return [arrival, *(_page(entry, view) for entry in entries)]
