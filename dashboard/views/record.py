"""One record in a drawer: picture, verdict, evidence, all that people said, what looks alike."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import streamlit as st

from backend.domain import ReviewLabel, Scope
from dashboard import readout
from dashboard.access import may
from dashboard.client import Client, Failure, Json, records, reviews
from dashboard.gathering import gatherer
from dashboard.pictures import as_jpeg, preview, with_heatmap
from dashboard.shell import explain
from dashboard.words import day, plain

_ALIKE = 8


def drawer(client: Client, record_id: str) -> None:
    """Open a record beside the page; closing it takes it out of the address."""

    @st.dialog("Record", width="medium", position="right", on_dismiss=close)
    def show() -> None:
        try:
            _show(client, records.one(client, record_id))
        except Failure as failure:
            if failure.code == "not_found":
                st.warning(
                    "There is no such record: it was deleted, or the link is of another Brushmark.",
                    icon=":material/link_off:",
                )
            else:
                explain(failure, key="record")

    show()


def turn_to(record_id: str | None) -> None:
    """Have this record be the open one; what went wrong with the one before is forgotten."""
    st.session_state["gallery-open"] = record_id
    st.session_state["drawer-failure"] = None


def close() -> None:
    """Forget which record is open."""
    turn_to(None)


def _show(client: Client, record: Json) -> None:
    _picture(client, record)
    with st.container(key=f"facts-{record['id']}"):
        readout.verdict(record, f"drawer-{record['id']}")
        readout.evidence(record["evidence"])
        readout.context(record)
        readout.small_print(record)
        readout.report_button(client, record["id"], "drawer")
    if may(Scope.REVIEW):
        _decide(client, record)
    _history(client, record)
    _alike(client, record)


def _picture(client: Client, record: Json) -> None:
    data = gatherer().get(client, "large", record["id"])
    if data is None:
        st.info(
            "The picture is not kept (any longer): it was not one to review, its time ran out, or "
            "somebody deleted it.",
            icon=":material/hide_image:",
        )
        return
    with st.container(key="large-drawer"):
        place = st.empty()
    if record["heatmap"] and st.toggle("Heat map", key="drawer-map"):
        overlay = gatherer().get(client, "heatmap", record["id"])
        image = preview(data)
        if overlay is not None and image is not None:
            data = as_jpeg(with_heatmap(image, overlay, 0.7))
    place.image(data, width="stretch", alt="The picture of this record")


def _decide(client: Client, record: Json) -> None:
    """Let a curator say what it is; a review that came in between is not overwritten unseen."""
    review = record["review"]
    note_key = f"drawer-note-{record['id']}"

    def say(label: str) -> None:
        seen = review["id"] if review else reviews.UNSEEN
        note = st.session_state.get(note_key, "").strip()
        _try(partial(reviews.submit, client, record["id"], label, note, seen))

    with st.container(horizontal=True, gap="small"):
        for label in ReviewLabel:
            st.button(
                readout.REVIEWS[label],
                key=f"drawer-{label.value}",
                type="primary" if review and review["label"] == label else "secondary",
                on_click=say,
                args=(label.value,),
            )
        if review:
            undo = partial(reviews.undo, client, [review["id"]])
            st.button(
                "Undo", icon=":material/undo:", key="drawer-undo", on_click=_try, args=(undo,)
            )
    st.text_input(
        "Note", key=note_key, max_chars=2000, placeholder="A note", label_visibility="collapsed"
    )
    failure: Failure | None = st.session_state.get("drawer-failure")
    if failure is not None:
        explain(failure, key="drawer")


def _try(action: Callable[[], object]) -> None:
    st.session_state["drawer-failure"] = None
    try:
        action()
    except Failure as failure:
        st.session_state["drawer-failure"] = failure


def _history(client: Client, record: Json) -> None:
    """Show all that was said of these bytes, undone reviews and appeals too, oldest first."""
    said = records.history(client, record["id"])
    lines = [(each["created_at"], _review(each)) for each in said["reviews"]]
    lines += [(each["created_at"], _appeal(each)) for each in said["appeals"]]
    st.markdown("#### History")
    if not lines:
        st.caption("Nobody has said anything of this picture yet.")
    for _, line in sorted(lines):
        st.markdown(line)


def _review(review: Json) -> str:
    label = readout.REVIEWS[ReviewLabel(review["label"])]
    words = f"**{label}**, {plain(review['reviewer'])}, {plain(day(review['created_at']))}"
    if review["undone_at"]:
        words = f"~~{words}~~ undone {plain(day(review['undone_at']))}"
    note = f"  \n{plain(review['note'])}" if review["note"] else ""
    return f":material/rate_review: {words}{note}"


def _appeal(appeal: Json) -> str:
    claim = readout.REVIEWS[ReviewLabel(appeal["claim"])]
    reason = f"  \n{plain(appeal['reason'])}" if appeal["reason"] else ""
    when = plain(day(appeal["created_at"]))
    return f":material/campaign: appeal: **{claim}**, {plain(appeal['client'])}, {when}{reason}"


def _alike(client: Client, record: Json) -> None:
    found = records.similar(client, record["id"], _ALIKE)
    if not found:
        return
    st.markdown("#### Near-duplicates")
    gatherer().ask_all(client, "thumbnail", (each["prediction"]["id"] for each in found))
    with st.container(horizontal=True, gap="small"):
        for each in found:
            other = each["prediction"]
            with st.container(width=120, gap="xsmall"):
                data = gatherer().get(client, "thumbnail", other["id"])
                if data is not None:
                    st.image(data, width="stretch", alt="")
                st.markdown(readout.chip(other))
                st.button(
                    "Open",
                    key=f"alike-{other['id']}",
                    type="tertiary",
                    on_click=_go,
                    args=(other["id"],),
                )
    if st.session_state.pop("drawer-go", False):
        st.rerun(scope="app")


def _go(record_id: str) -> None:
    turn_to(record_id)
    st.session_state["drawer-go"] = True
