"""One picture of the Check page: the picture beside its verdict, and what can be done next."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import streamlit as st

from backend.domain import Label, Outcome, Scope
from dashboard import readout
from dashboard.access import may
from dashboard.client import Client, Failure, Json, checks, reviews
from dashboard.gathering import gatherer
from dashboard.links import to_page
from dashboard.pictures import preview, with_heatmap
from dashboard.shell import advice
from dashboard.words import plain

_CACHED_VERDICTS = 256


@dataclass(frozen=True, slots=True)
class Item:
    """A picture to check: its bytes, or where the backend shall fetch it."""

    key: str
    name: str
    data: bytes | None = None
    url: str | None = None

    @property
    def identity(self) -> str:
        """What tells whether this was asked already in this session."""
        return self.url or hashlib.sha256(self.data or b"").hexdigest()


def known_outcome(item: Item) -> Outcome | None:
    """Return the outcome that a picture already has on this page."""
    known = _verdicts().get(item.identity)
    return Outcome(known[0]["outcome"]) if known else None


@st.fragment
def card(client: Client, item: Item) -> None:
    """Show one picture beside its verdict; the widgets in it redraw it alone."""
    left, right = st.columns([5, 6], gap="large")
    try:
        with right, st.spinner("Looking closely …"):
            record, overlay = _verdict(client, item)
    except Failure as failure:
        with left:
            _picture(item, item.data, None)
        with right:
            _failure(item, failure)
        return
    with left:
        _picture(item, _bytes(client, item, record), overlay)
    with right:
        readout.verdict(record, item.key)
        readout.evidence(record["evidence"])
        readout.small_print(record, item.name)
        if not client.is_public:
            _next(client, item, record)


def _verdicts() -> dict[str, tuple[Json, bytes | None]]:
    known: dict[str, tuple[Json, bytes | None]] = st.session_state.setdefault("verdicts", {})
    return known


def _verdict(client: Client, item: Item) -> tuple[Json, bytes | None]:
    """Ask once for each picture and session. Raises `Failure`."""
    known = _verdicts()
    if item.identity not in known:
        if item.url is not None:
            record = checks.check_url(client, item.url)
        else:
            record = checks.check(client, item.name, item.data or b"")
        known[item.identity] = record, checks.heatmap(client, record)
        while len(known) > _CACHED_VERDICTS:
            del known[next(iter(known))]
    return known[item.identity]


def _bytes(client: Client, item: Item, record: Json) -> bytes | None:
    """Return the picture: ours, or the copy of what the backend fetched."""
    if item.data is not None:
        return item.data
    try:
        return gatherer().get(client, "large", record["id"])
    except Failure:
        return None


def _failure(item: Item, failure: Failure) -> None:
    st.subheader("No verdict", anchor=False)
    st.markdown(f"**{plain(failure.what)}** {advice(failure)}")
    st.caption(plain(item.name))
    if failure.worth_retrying or item.url:
        # A click redraws the card, and a card without a verdict asks again.
        st.button("Try again", key=f"again-{item.key}", icon=":material/refresh:")


def _picture(item: Item, data: bytes | None, overlay: bytes | None) -> None:
    image = preview(data) if data else None
    if image is None:
        return
    alt = "The picture you chose"
    if overlay is None:
        st.image(image, width="stretch", alt=alt)
        return
    place = st.empty()
    controls = st.container(horizontal=True, vertical_alignment="center", gap="medium")
    shown = controls.toggle("Heat map", value=True, key=f"map-{item.key}")
    strength = controls.slider(
        "Strength of the heat map",
        0,
        100,
        70,
        format="%d %%",
        key=f"strength-{item.key}",
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


# ---- what to do next ------------------------------------------------------------------------


def _next(client: Client, item: Item, record: Json) -> None:
    """Lead on to the record in the log, or let the person disagree."""
    with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
        if may(Scope.READ):
            to_page("gallery", "Open in the Gallery", ":material/grid_view:", id=record["id"])
        readout.report_button(client, record["id"], item.key)
        if record["outcome"] != Outcome.NOT_ASSESSED:
            with st.popover("This is wrong", icon=":material/campaign:", type="tertiary"):
                _disagree(client, item, record)


def _disagree(client: Client, item: Item, record: Json) -> None:
    sent: set[str] = st.session_state.setdefault("appeals-sent", set())
    if record["id"] in sent:
        st.markdown(
            ":material/check: Thank you. The picture waits in the queue *Appealed* for a curator."
        )
        return
    failure: Failure | None = st.session_state.pop(f"appeal-failed-{item.key}", None)
    if failure is not None:
        st.error(f"{plain(failure.what)} {advice(failure)}")
    st.markdown("Say what it is; a curator will look at it.")
    with st.form(f"appeal-{item.key}", border=False):
        st.radio(
            "The picture is",
            [Label.AI_GENERATED.value, Label.HUMAN_MADE.value],
            index=1 if record["outcome"] == Outcome.AI_GENERATED else 0,
            format_func=lambda value: readout.REVIEWS[value],
            key=f"claim-{item.key}",
        )
        st.text_area("How you know", key=f"reason-{item.key}", max_chars=2000, height=90)
        st.form_submit_button(
            "Send to a curator", type="primary", on_click=_appeal, args=(client, item, record["id"])
        )


def _appeal(client: Client, item: Item, record_id: str) -> None:
    state = st.session_state
    reason = str(state[f"reason-{item.key}"]).strip()
    try:
        reviews.appeal(client, record_id, state[f"claim-{item.key}"], reason)
    except Failure as failure:
        state[f"appeal-failed-{item.key}"] = failure
    else:
        state["appeals-sent"].add(record_id)
