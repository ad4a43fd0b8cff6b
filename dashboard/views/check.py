"""The Check page: drop, paste or link pictures, read what the model thinks and where it looked."""

from __future__ import annotations

from collections import Counter
from urllib.parse import urlsplit

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from backend.domain import Outcome
from dashboard.access import current_client
from dashboard.client import Client
from dashboard.shell import open_page
from dashboard.views.check_card import Item, card, known_outcome
from dashboard.views.paste import listen_for_pasted_pictures

_MAX_LINKS = 20
_MOST_MB = 20
"""As the backend takes; a data set may be larger."""


def page() -> None:
    """Show the page."""
    client = current_client()
    open_page("Did a person make this picture?")
    items = [Item(u.file_id, u.name, data=u.getvalue()) for u in _uploads()]
    if not client.is_public:
        _ask_for_link()
        items += [Item(f"link-{url}", url, url=url) for url in _links()]
    if not items:
        _teach(client)
    summary = st.empty()
    for item in items:
        with st.container(border=True, key=f"card-{item.key}"):
            card(client, item)
    if len(items) > 1:
        _sum_up(summary, items)


def _sum_up(place: st.delta_generator.DeltaGenerator, items: list[Item]) -> None:
    """Say in one line what came out of many pictures."""
    outcomes = Counter(known_outcome(item) for item in items)
    parts = [f"{outcomes[o]} {o.words}" for o in Outcome if outcomes[o]]
    if outcomes[None]:
        parts.append(f"{outcomes[None]} without a verdict")
    place.markdown(f"**{len(items)} pictures**: {', '.join(parts)}")


def _uploads() -> list[UploadedFile]:
    """Take pictures in; the place to drop them on is large while there are none."""
    is_empty = not st.session_state.get("pictures")
    with st.container(key="empty" if is_empty else "filled"):
        uploads = st.file_uploader(
            "Drop pictures here, browse for them, or paste one with Ctrl+V",
            accept_multiple_files=True,
            key="pictures",
            max_upload_size=_MOST_MB,
        )
    listen_for_pasted_pictures()
    return uploads


def _links() -> list[str]:
    links: list[str] = st.session_state.setdefault("check-links", [])
    return links


def _ask_for_link() -> None:
    """Take an address, which the backend fetches under its own guards."""
    with st.form("link", clear_on_submit=True, border=False):
        columns = st.columns([4, 1], vertical_alignment="bottom")
        columns[0].text_input(
            "Or the address of a picture",
            key="check-link",
            placeholder="https://example.org/picture.jpg",
            max_chars=8000,
        )
        columns[1].form_submit_button(
            "Fetch", icon=":material/link:", width="stretch", on_click=_add_link
        )
    if _links():
        st.button("Forget the links", type="tertiary", on_click=_links().clear)


def _add_link() -> None:
    url = str(st.session_state["check-link"]).strip()
    if not url:
        return
    if not urlsplit(url).scheme:
        url = f"https://{url}"
    links = _links()
    if url in links:
        links.remove(url)
    links.insert(0, url)
    del links[_MAX_LINKS:]


def _teach(client: Client) -> None:
    """Fill the empty page with what a newcomer wants to know."""
    columns = st.columns(3, gap="large")
    lessons = (
        (
            "What you get",
            "The probability that a generator made the picture and the probability that a "
            "person did, a plain sentence, and a heat map of where the model found its reasons.",
        ),
        (
            "What helps",
            "The original file, as large as you can find it. Thumbnails, screenshots and "
            "copies of copies have lost the traces that the model reads.",
        ),
        (
            "What it is not",
            "Proof. The model is wrong at times, in both directions. Before you accuse anyone, "
            "ask to see sketches, layers or the story behind the picture.",
        ),
    )
    for column, (heading, text) in zip(columns, lessons, strict=True):
        column.subheader(heading, anchor=False)
        column.markdown(text)
    st.caption(
        "JPEG, PNG, WebP, GIF and AVIF up to 20 MB. "
        + (
            "Your picture is looked at and forgotten: nothing is kept."
            if client.is_public
            else "Pictures stay on this machine: only your own backend sees them."
        )
    )
