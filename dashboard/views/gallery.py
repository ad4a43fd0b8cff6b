"""The Gallery page: the log as a grid of pictures, to filter, select, label and open."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import streamlit as st

from backend.domain import ReviewLabel, Scope
from dashboard import filter_bar, filters, readout
from dashboard.access import current_client, may
from dashboard.alike import together
from dashboard.client import Client, Failure, Json, records, reviews
from dashboard.gathering import gatherer
from dashboard.links import Link, to_page
from dashboard.shell import empty, explain, open_page
from dashboard.views.record import drawer, turn_to

PAGE = "gallery"
_PER_PAGE = 24
SORTS = {
    "-created_at": "newest first",
    "created_at": "oldest first",
    "-score": "most AI-like first",
    "score": "most human-like first",
}


def page() -> None:
    """Show the page."""
    open_page("Gallery")
    client = current_client()
    link = Link(PAGE, (*filters.FIELDS, "sort", "alike", "id"), "gallery-q")
    _follow(link)
    chosen = filter_bar.bar(PAGE, client)
    view = _view(chosen)
    opened = st.session_state.get("gallery-open")
    link.write({**view, "id": opened})
    _grid(client, view)
    if opened:
        drawer(client, opened)


def _follow(link: Link) -> None:
    """Have the widgets follow the address; say what in it cannot be followed."""
    if not link.is_new:
        return
    chosen, broken = filters.readable(link.values)
    filter_bar.seed(PAGE, chosen)
    sort = link.values.get("sort", "-created_at")
    if sort not in SORTS:
        broken, sort = [*broken, "sort"], "-created_at"
    st.session_state["gallery-sort"] = sort
    st.session_state["gallery-alike"] = link.values.get("alike") != "false"
    st.session_state["gallery-failure"] = None
    turn_to(link.values.get("id"))
    filter_bar.tell(link.unknown, broken)


def _view(chosen: Mapping[str, str]) -> dict[str, str]:
    """Draw order and grouping; return all that makes this view, as it stands in its link."""
    with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
        st.selectbox(
            "Order",
            list(SORTS),
            format_func=SORTS.__getitem__,
            key="gallery-sort",
            label_visibility="collapsed",
            width=210,
        )
        st.toggle("Near-duplicates together", key="gallery-alike")
        if may(Scope.ADMIN):
            to_page("export", "Export these", ":material/dataset:", **chosen)
    st.caption("The address of this page is this view: copy it to keep or share it.")
    sort = st.session_state["gallery-sort"]
    view = dict(chosen)
    if sort != "-created_at":
        view["sort"] = sort
    if not st.session_state["gallery-alike"]:
        view["alike"] = "false"
    return view


# ---- the grid -------------------------------------------------------------------------------


@st.fragment
def _grid(client: Client, view: dict[str, str]) -> None:
    """Show a page of pictures; selecting and labelling redraw this alone."""
    if st.session_state.pop("gallery-reopen", False):
        st.rerun(scope="app")
    cursors = _cursors(view)
    try:
        found = _listed(client, view, cursors)
    except Failure as failure:
        explain(failure, key="gallery")
        return
    _complaint()
    _bar(client, found["predictions"])
    if not found["predictions"]:
        _nothing(view)
        return
    groups = together(found["predictions"], found["likeness"] or {})
    if view.get("alike") == "false":
        groups = [[record] for record in found["predictions"]]
    gatherer().ask_all(client, "thumbnail", (group[0]["id"] for group in groups))
    with st.container(horizontal=True, gap="small", key="grid"):
        for group in groups:
            _tile(client, group)
    _pager(found, cursors)


def _listed(client: Client, view: Mapping[str, str], cursors: list[str | None]) -> Json:
    """Ask for the present page, or for the last before it that is not empty. Raises `Failure`."""
    found = records.listed(client, **_query(view, cursors[-1]))
    while not found["predictions"] and len(cursors) > 1:
        cursors.pop()
        found = records.listed(client, **_query(view, cursors[-1]))
    return found


def _query(view: Mapping[str, str], cursor: str | None) -> dict[str, Any]:
    chosen = {name: value for name, value in view.items() if name in filters.FIELDS}
    return {
        **filters.for_backend(chosen),
        "sort": view.get("sort"),
        "limit": _PER_PAGE,
        "cursor": cursor,
        "count": True,
        "likeness": True,
    }


def _cursors(view: dict[str, str]) -> list[str | None]:
    """Return the cursors of the pages up to the present one; another view begins anew."""
    known: tuple[dict[str, str], list[str | None]] | None = st.session_state.get("gallery-at")
    if known is not None and known[0] == view:
        return known[1]
    cursors: list[str | None] = [None]
    st.session_state["gallery-at"] = (dict(view), cursors)
    st.session_state["gallery-failure"] = None
    return cursors


def _pager(found: Json, cursors: list[str | None]) -> None:
    first = (len(cursors) - 1) * _PER_PAGE + 1
    last = first + len(found["predictions"]) - 1
    with st.container(horizontal=True, horizontal_alignment="center", vertical_alignment="center"):
        at_start = len(cursors) == 1
        st.button(
            "Back",
            shortcut="Left",
            disabled=at_start,
            on_click=_back,
            args=(cursors,),
            key="page-back",
        )
        st.markdown(f"{first} to {last} of {found['total']:,}", width="content")
        st.button(
            "Next",
            shortcut="Right",
            disabled=found["next_cursor"] is None,
            on_click=_next,
            args=(cursors, found["next_cursor"]),
            key="page-next",
        )


def _next(cursors: list[str | None], cursor: str) -> None:
    cursors.append(cursor)
    st.session_state["gallery-failure"] = None


def _back(cursors: list[str | None]) -> None:
    cursors.pop()
    st.session_state["gallery-failure"] = None


def _tile(client: Client, group: Sequence[Json]) -> None:
    """Show a picture, or the first of several that look alike."""
    record = group[0]
    with st.container(border=True, width=164, gap="xsmall", key=f"tile-{record['id']}"):
        try:
            data = gatherer().get(client, "thumbnail", record["id"])
        except Failure:
            data = None
        if data is None:
            st.markdown(":gray[:material/hide_image: picture not kept]")
        else:
            st.image(data, width="stretch", alt="")
        ids = [each["id"] for each in group]
        if may(Scope.REVIEW):
            _pick(record, ids)
        else:
            st.markdown(readout.chip(record))
        st.button(
            _standing(record, len(group)),
            key=f"open-{record['id']}",
            type="tertiary",
            width="stretch",
            on_click=_open,
            args=(record["id"],),
        )


def _pick(record: Json, ids: list[str]) -> None:
    drawn = _times_reselected()
    key = f"pick-{drawn}-{record['id']}-{len(ids)}"

    def turn() -> None:
        if drawn != _times_reselected():
            return
        if st.session_state[key]:
            _picked().update(ids)
        else:
            _picked().difference_update(ids)

    st.checkbox(readout.chip(record), set(ids) <= _picked(), key=key, on_change=turn)


def _standing(record: Json, alike: int) -> str:
    review = record["review"]
    said = f":material/check: {readout.REVIEWS[ReviewLabel(review['label'])]}" if review else "Open"
    more = f" · {alike} alike" if alike > 1 else ""
    return said + more


def _open(record_id: str) -> None:
    turn_to(record_id)
    st.session_state["gallery-reopen"] = True


def _picked() -> set[str]:
    picked: set[str] = st.session_state.setdefault("gallery-picked", set())
    return picked


def _reselect(change: Callable[[], None]) -> None:
    """Change what is selected, and draw all boxes anew.

    A browser that has not yet drawn the change sends the boxes' old state along with the next
    click. What it sends of boxes that are gone does not count.
    """
    change()
    st.session_state["gallery-boxes"] = _times_reselected() + 1


def _times_reselected() -> int:
    times: int = st.session_state.get("gallery-boxes", 0)
    return times


# ---- batches --------------------------------------------------------------------------------


def _bar(client: Client, page_records: Sequence[Json]) -> None:
    """Show what can be done with those selected, and take back what was done last."""
    if not may(Scope.REVIEW):
        return
    picked = _picked()
    done: list[str] = st.session_state.get("gallery-batch", [])
    if not (page_records or picked or done):
        return
    with st.container(
        horizontal=True, vertical_alignment="center", gap="small", key="batch", border=bool(picked)
    ):
        if page_records and not picked:
            st.button(
                "Select this page",
                icon=":material/select_all:",
                on_click=_reselect,
                args=(partial(picked.update, [r["id"] for r in page_records]),),
            )
        if picked:
            _give_label(client, picked)
        elif done:
            said = st.session_state["gallery-said"]
            st.markdown(f":material/check: {len(done)} labelled {said}.", width="content")
            st.button("Undo", icon=":material/undo:", on_click=_try, args=(partial(_undo, client),))


def _give_label(client: Client, picked: set[str]) -> None:
    st.markdown(f"**{len(picked)} selected**", width="content")
    for label, words in filters.LABELS.items():
        say = partial(_label, client, label)
        st.button(words, key=f"batch-{label}", on_click=_try, args=(say,))
    st.button("Clear", type="tertiary", on_click=_reselect, args=(picked.clear,))


def _label(client: Client, label: str) -> None:
    done: list[str] = []
    st.session_state["gallery-batch"] = done
    st.session_state["gallery-said"] = filters.LABELS[label]
    # Should one request fail, what was labelled is done, and the rest stays selected.
    for part in reviews.parts(sorted(_picked())):
        done += [review["id"] for review in reviews.submit_many(client, part, label, "")]
        _reselect(partial(_picked().difference_update, part))


def _undo(client: Client) -> None:
    done: list[str] = st.session_state["gallery-batch"]
    for part in reviews.parts(tuple(done)):
        reviews.undo(client, part)
        del done[: len(part)]


def _try(action: partial[None]) -> None:
    st.session_state["gallery-failure"] = None
    try:
        action()
    except Failure as failure:
        st.session_state["gallery-failure"] = failure


def _complaint() -> None:
    failure: Failure | None = st.session_state.get("gallery-failure")
    if failure is not None:
        explain(failure, key="gallery-batch")


def _nothing(view: Mapping[str, str]) -> None:
    if any(name in filters.FIELDS for name in view):
        empty(
            "Nothing matches",
            "No record of the log passes this filter. Take a condition away, or clear them all.",
            icon=":material/filter_alt_off:",
        )
        st.button("Clear the filter", on_click=filter_bar.seed, args=(PAGE, {}))
    else:
        empty(
            "No predictions yet",
            "Check your first image on the Check page, or with the browser extension: what is "
            "checked is listed here, with its verdict and its picture.",
            icon=":material/photo_library:",
        )
        to_page("check", "Check a picture", ":material/image_search:")
