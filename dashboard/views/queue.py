"""The Queue page: one picture at a time, one key a decision, the next by itself."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from functools import partial

import streamlit as st

from backend.domain import ReviewLabel
from dashboard import readout
from dashboard.access import current_client
from dashboard.client import Client, Failure, records
from dashboard.gathering import gatherer
from dashboard.links import Link, to_page
from dashboard.pictures import as_jpeg, preview, with_heatmap
from dashboard.shell import advice, empty, explain, guarded, open_page
from dashboard.words import plain
from dashboard.worklist import Stop, Worklist

STRATEGIES = {
    "uncertain": "Uncertain",
    "conflict": "Conflict",
    "appealed": "Appealed",
    "flipped": "Flipped",
    "random": "Random audit",
}
LEADS = {
    "uncertain": "Where the model hesitates: what you say here teaches it most.",
    "conflict": "Where the file says one thing of its maker and the model another.",
    "appealed": "Where somebody disagreed with the verdict, longest waiting first.",
    "flipped": "Where another version of the model comes to another outcome.",
    "random": "A random sample of everything, so that the figures on Quality are unbiased. What "
    "the model thinks is hidden until you have decided.",
}
_EMPTY = {
    "uncertain": "No verdict is waiting between the thresholds. Check pictures here or in the "
    "browser; those too close to call come here by themselves.",
    "conflict": "No file contradicts the model. Pictures with Content Credentials or a "
    "generator’s marks that the model judges otherwise come here.",
    "appealed": "Nobody disagrees. “This is wrong” in the browser’s card or on the Check page "
    "sends a picture here.",
    "flipped": "No outcome was turned over. Re-score the log with another version on the Models "
    "page; what comes out otherwise is listed here.",
    "random": "The audit sample is done. One in twenty checks is drawn for it at random when it "
    "is logged.",
}
_BUTTONS = (
    (ReviewLabel.AI_GENERATED, "AI-generated", "a", ":material/smart_toy:"),
    (ReviewLabel.HUMAN_MADE, "Human-made", "h", ":material/brush:"),
    (ReviewLabel.CANNOT_TELL, "Cannot tell", "t", ":material/question_mark:"),
)
_LOOK_AHEAD = 3


def page() -> None:
    """Show the page."""
    open_page("Queue")
    strategy, session = _chosen()
    st.markdown(f":gray[{LEADS[strategy]}]")
    _desk(strategy, session)


def _chosen() -> tuple[str, str]:
    """Return the queue that is wanted, and what tells this window from others of one person.

    Both stand in the address, so that a page loaded anew goes on with the same pictures.
    """
    link = Link("queue", ("strategy", "desk"), "queue-strategy")
    wanted = link.values.get("strategy", "uncertain")
    if wanted not in STRATEGIES:
        st.warning(f"This link asks for a queue “{plain(wanted[:40])}”, which there is not.")
        wanted = "uncertain"
    if link.is_new:
        st.session_state["queue-strategy"] = wanted
        _forget_failures()
    strategy = st.segmented_control(
        "Which pictures",
        list(STRATEGIES),
        format_func=STRATEGIES.__getitem__,
        required=True,
        key="queue-strategy",
        label_visibility="collapsed",
    )
    strategy = strategy or wanted
    desk = link.values.get("desk") or secrets.token_urlsafe(6)
    link.write({"strategy": strategy, "desk": desk})
    return strategy, desk[:64]


@st.fragment
def _desk(strategy: str, session: str) -> None:
    """Show the present picture; a decision redraws this alone."""
    client = current_client()
    worklist = _worklist(strategy, session)
    try:
        worklist.refill(client)
    except Failure as failure:
        if worklist.current is None:
            explain(failure, key="queue")
            return
    _complaint(client, worklist)
    stop = worklist.current
    if stop is None:
        _nothing(client, worklist)
        return
    _gather(client, worklist)
    left, right = st.columns([5, 4], gap="medium")
    with left:
        guarded(_picture, "picture")(client, worklist, stop)
    with right:
        _progress(worklist)
        _decide(client, worklist, stop)
        _last(client, worklist)
        if _may_know(worklist, stop):
            _facts(client, stop)


def _worklists() -> dict[str, Worklist]:
    known: dict[str, Worklist] = st.session_state.setdefault("worklists", {})
    return known


def _worklist(strategy: str, session: str) -> Worklist:
    return _worklists().setdefault(f"{strategy} {session}", Worklist(strategy, session))


def _forget_failures() -> None:
    """Begin a visit without the failures of the last, but for labels that can be sent again."""
    for worklist in _worklists().values():
        if worklist.unsaved is None:
            worklist.failure = None


def _may_know(worklist: Worklist, stop: Stop) -> bool:
    """Say whether the curator may see what the model thinks: in an audit not before deciding."""
    return worklist.strategy != "random" or stop.review is not None


# ---- deciding -------------------------------------------------------------------------------


def _try(worklist: Worklist, action: Callable[[], None]) -> None:
    """Do something at a click; what went wrong is kept for the page to show."""
    worklist.failure = None
    try:
        action()
    except Failure as failure:
        worklist.failure = failure


def _decide(client: Client, worklist: Worklist, stop: Stop) -> None:
    record_id = stop.record["id"]
    note_key = f"note-{record_id}"

    def say(label: str) -> Callable[[], None]:
        def decide() -> None:
            note = str(st.session_state.get(note_key, "")).strip()
            worklist.decide(client, record_id, label, note)

        return decide

    given = stop.review["label"] if stop.review else None
    with st.container(key="decide", gap="xsmall"):
        for label, words, key, icon in _BUTTONS:
            st.button(
                words,
                # A second press that comes before the next picture does is for neither.
                key=f"say-{label.value}-{stop.record['id']}",
                icon=icon,
                shortcut=key,
                width="stretch",
                type="primary" if given == label else "secondary",
                on_click=_try,
                args=(worklist, say(label.value)),
            )
    with st.container(horizontal=True, gap="xsmall"):
        _small(worklist, "Previous", "p", worklist.back, worklist.at == 0)
        _small(worklist, "Skip", "s", partial(worklist.skip, record_id), False)
        _undo_button(client, worklist)
    st.text_input(
        "Note",
        key=note_key,
        max_chars=2000,
        placeholder="A note, if you like; Enter, then decide",
        label_visibility="collapsed",
    )
    if stop.review:
        said = readout.REVIEWS[ReviewLabel(stop.review["label"])]
        st.caption(f"You said **{said}**. Deciding again adds a review; the log keeps both.")


def _small(
    worklist: Worklist, words: str, key: str, action: Callable[[], None], disabled: bool
) -> None:
    st.button(
        words,
        key=f"go-{words.lower()}",
        shortcut=key,
        type="tertiary",
        disabled=disabled,
        on_click=_try,
        args=(worklist, action),
    )


def _undo_button(client: Client, worklist: Worklist) -> None:
    standing = len(worklist.decided)
    _small(worklist, "Undo", "z", partial(worklist.undo, client, standing), not standing)


def _complaint(client: Client, worklist: Worklist) -> None:
    """Say why the last click did nothing; a label that was not saved can be sent again."""
    failure = worklist.failure
    if failure is None:
        return
    if failure.code == "conflict":
        st.info(f"{plain(failure.what)} Theirs stands; here is the next.", icon=":material/group:")
        return
    st.error(f"**{plain(failure.what)}** {advice(failure)}", icon=":material/error:")
    if worklist.unsaved is not None:
        record_id, label, note = worklist.unsaved
        said = readout.REVIEWS[ReviewLabel(label)]
        st.button(
            f"Send “{said}” again",
            icon=":material/refresh:",
            on_click=_try,
            args=(worklist, partial(worklist.decide, client, record_id, label, note)),
        )


# ---- looking --------------------------------------------------------------------------------


def _gather(client: Client, worklist: Worklist) -> None:
    ahead = [stop.record["id"] for stop in worklist.ahead[:_LOOK_AHEAD]]
    if worklist.current:
        gatherer().ask(client, "large", worklist.current.record["id"])
    gatherer().ask_all(client, "large", ahead)


def _picture(client: Client, worklist: Worklist, stop: Stop) -> None:
    record = stop.record
    data = gatherer().get(client, "large", record["id"])
    if data is None:
        st.warning(
            "This picture is no longer kept: its time ran out, or somebody deleted it. Skip it.",
            icon=":material/hide_image:",
        )
        return
    with st.container(key="large"):
        place = st.empty()
    has_map = record["heatmap"] and _may_know(worklist, stop)
    if has_map and st.toggle(
        "Heat map", key="queue-map", help="Where the model found its reasons."
    ):
        data = _overlaid(client, record["id"], data)
    place.image(data, width="stretch", alt="The picture to decide on")
    _ready_the_next(client, worklist)


def _overlaid(client: Client, record_id: str, data: bytes) -> bytes:
    """Return the picture under its heat map; without it, and why, where none comes."""
    try:
        overlay = gatherer().get(client, "heatmap", record_id)
    except Failure as failure:
        explain(failure, key="map")
        return data
    image = preview(data) if overlay else None
    if image is None or overlay is None:
        return data
    return as_jpeg(with_heatmap(image, overlay, 0.7))


def _ready_the_next(client: Client, worklist: Worklist) -> None:
    """Have the browser load the next picture out of sight, so that it is there at a key."""
    with st.container(key="ahead"):
        for stop in worklist.ahead[:1]:
            coming = gatherer().ask(client, "large", stop.record["id"])
            data = coming.result() if coming.done() and not coming.exception() else None
            if data is not None:
                st.image(data, width="stretch", alt="")


def _facts(client: Client, stop: Stop) -> None:
    record = stop.record
    with st.container(border=True, key=f"facts-{record['id']}"):
        readout.verdict(record, f"queue-{record['id']}")
        readout.evidence(record["evidence"])
        if record["appeals"]:
            guarded(_appeals, "appeals")(client, record["id"])
        readout.context(record)
        readout.small_print(record)


def _appeals(client: Client, record_id: str) -> None:
    for appeal in records.history(client, record_id)["appeals"][-3:]:
        claim = readout.REVIEWS[ReviewLabel(appeal["claim"])]
        reason = plain(appeal["reason"]) or "no reason given"
        st.markdown(f":material/campaign: **Appeal: {claim}.** {reason}")


def _last(client: Client, worklist: Worklist) -> None:
    """Show what was decided last beside what the model had said."""
    last = worklist.last
    if last is None or last.review is None:
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        try:
            data = gatherer().get(client, "thumbnail", last.record["id"])
        except Failure:
            data = None
        if data is not None:
            st.image(data, width=56, alt="The picture decided on last")
        said = readout.REVIEWS[ReviewLabel(last.review["label"])]
        st.markdown(f"You said **{said}**; the verdict was {readout.chip(last.record)}")


def _progress(worklist: Worklist) -> None:
    done = len(worklist.decided)
    whole = done + worklist.waiting
    st.progress(
        done / whole if whole else 1.0,
        text=f"{done} decided in this sitting, {worklist.waiting} waiting",
    )


def _why_not(worklist: Worklist) -> str:
    """Say why none of those that wait is shown."""
    done = len(worklist.decided)
    decided = f"You decided on {done}. " if done else ""
    skipped = "you skipped them, " if worklist.skipped else ""
    return (
        f"{decided}{worklist.waiting} wait, but {skipped}others have them before them just now, or "
        "their pictures are no longer kept."
    )


def _nothing(client: Client, worklist: Worklist) -> None:
    done = len(worklist.decided)
    if worklist.waiting:
        text = _why_not(worklist)
        empty("Nothing for you at the moment", text, icon=":material/hourglass_empty:")
    elif done:
        text = f"You decided on {done}. Try another queue above, or see Quality for what it shows."
        empty("This queue is done", text, icon=":material/task_alt:")
    else:
        empty("Nothing waits here", _EMPTY[worklist.strategy])
        to_page("check", "Check a picture", ":material/image_search:")
    with st.container(horizontal=True):
        _small(worklist, "Previous", "p", worklist.back, worklist.at == 0)
        _undo_button(client, worklist)
        st.button("Look again", icon=":material/refresh:")
