"""The Check page: drop or paste pictures, read what the model thinks and where it looked."""

from __future__ import annotations

import hashlib

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from dashboard import readout
from dashboard.access import current_client
from dashboard.client import Client, Failure, Json, checks
from dashboard.pictures import preview, with_heatmap
from dashboard.shell import advice, open_page
from dashboard.views.paste import listen_for_pasted_pictures
from dashboard.words import plain

_CACHED_VERDICTS = 256


def page() -> None:
    """Show the page."""
    client = current_client()
    open_page("Did a person make this picture?")
    uploads = _uploads()
    if not uploads:
        _teach(client)
    for upload in uploads:
        with st.container(border=True):
            _card(client, upload)


def _uploads() -> list[UploadedFile]:
    """Take pictures in; the place to drop them on is large while there are none."""
    is_empty = not st.session_state.get("pictures")
    with st.container(key="empty" if is_empty else "filled"):
        uploads = st.file_uploader(
            "Drop pictures here, browse for them, or paste one with Ctrl+V",
            accept_multiple_files=True,
            key="pictures",
        )
    listen_for_pasted_pictures()
    return uploads


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


@st.fragment
def _card(client: Client, upload: UploadedFile) -> None:
    """Show one picture beside its verdict; the widgets in it redraw it alone."""
    data = upload.getvalue()
    left, right = st.columns([5, 6], gap="large")
    try:
        with right, st.spinner("Looking closely …"):
            record, overlay = _verdict(client, upload.name, data)
    except Failure as failure:
        with left:
            _picture(upload, data, None)
        with right:
            _failure(upload, failure)
        return
    with left:
        _picture(upload, data, overlay)
    with right:
        readout.verdict(record, record["id"])
        readout.evidence(record["evidence"])
        readout.small_print(record, upload.name)


def _verdict(client: Client, name: str, data: bytes) -> tuple[Json, bytes | None]:
    """Ask once for each picture and session. Raises `Failure`."""
    known: dict[str, tuple[Json, bytes | None]] = st.session_state.setdefault("verdicts", {})
    digest = hashlib.sha256(data).hexdigest()
    if digest not in known:
        record = checks.check(client, name, data)
        known[digest] = record, checks.heatmap(client, record)
        while len(known) > _CACHED_VERDICTS:
            del known[next(iter(known))]
    return known[digest]


def _failure(upload: UploadedFile, failure: Failure) -> None:
    st.subheader("No verdict", anchor=False)
    st.markdown(f"**{plain(failure.what)}** {advice(failure)}")
    st.caption(plain(upload.name))
    if failure.worth_retrying:
        # A click redraws the card, and a card without a verdict asks again.
        st.button("Try again", key=f"again-{upload.file_id}", icon=":material/refresh:")


def _picture(upload: UploadedFile, data: bytes, overlay: bytes | None) -> None:
    image = preview(data)
    if image is None:
        return
    alt = "The picture you chose"
    if overlay is None:
        st.image(image, width="stretch", alt=alt)
        return
    place = st.empty()
    controls = st.columns([2, 3], vertical_alignment="center")
    shown = controls[0].toggle("Heat map", value=True, key=f"map-{upload.file_id}")
    strength = controls[1].slider(
        "Strength of the heat map",
        0,
        100,
        70,
        format="%d %%",
        key=f"strength-{upload.file_id}",
        label_visibility="collapsed",
        disabled=not shown,
    )
    if shown:
        image = with_heatmap(image, overlay, strength / 100)
        alt += ", with the heat map over it"
        st.markdown(
            ":small[:orange[■] speaks for AI-generated, :blue[■] for human-made. The colours show "
            "where the model found its reasons, not which parts were generated; what has no colour "
            "played no part.]"
        )
    place.image(image, width="stretch", alt=alt)
