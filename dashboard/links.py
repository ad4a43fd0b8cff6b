"""A page's state in its address: a view is saved by copying the link, and shared by sending it.

Streamlit binds widgets to the address by the words that they show; links of ours hold the
contract's values (`outcome=ai_generated`), so that other pages and the extension can write them,
and say aloud what in them cannot be followed.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

import streamlit as st


class Link:
    """What stands in a page's address."""

    def __init__(self, page: str, names: Collection[str], widget: str) -> None:
        """Read the address; one without any state means the page as it was left.

        `widget` is the key of a widget that the page always has: where Streamlit does not know
        it, the page was left, and its widgets have to be set again.
        """
        self._key = f"link-{page}"
        known: dict[str, str] | None = st.session_state.get(self._key)
        given = st.query_params.to_dict()
        self.unknown = sorted(set(given) - set(names))
        """Names in the address that mean nothing here."""
        values = {name: given[name] for name in names if given.get(name)}
        if not given and known:
            values = known
        self.is_new = known is None or values != known or widget not in st.session_state
        """Whether the widgets have yet to follow the address."""
        self.values: Mapping[str, str] = values

    def write(self, values: Mapping[str, str | None]) -> None:
        """Write the state into the address; what is None or empty is left out."""
        wanted = {name: value for name, value in values.items() if value}
        st.session_state[self._key] = wanted
        if st.query_params.to_dict() != wanted:
            st.query_params.from_dict(wanted)


def _nothing() -> None: ...


def to_page(
    address: str, text: str, icon: str, /, *, hint: str | None = None, **query: str | None
) -> None:
    """Draw a link to a page of the menu; a query of None is left out.

    `text` is our own Markdown. The page is named by its address: that is all a link needs.
    """
    st.page_link(
        st.Page(_nothing, url_path=address),
        label=text,
        icon=icon,
        help=hint,
        query_params={name: value for name, value in query.items() if value is not None},
    )
