"""The Export page: what is on the screen becomes a data set, and every one made before."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from dashboard import filter_bar, filters
from dashboard.access import current_client
from dashboard.client import Client, Failure, Json, exports, records
from dashboard.gathering import gatherer
from dashboard.links import Link, to_page
from dashboard.rates import count
from dashboard.readout import REVIEWS
from dashboard.shell import empty, explain, guarded, open_page
from dashboard.views.export_history import history, result
from dashboard.views.import_ import bring_in

PAGE = "export"
_SHEET = 14
_POLL_S = 1.0
FORMATS = {
    "all": "Everything",
    "imagefolder": "Image folder",
    "csv": "CSV manifest",
    "label_studio": "Label Studio",
}
_HELD = {
    "all": "Pictures, tables for Hugging Face, Brushmark and Label Studio, records and feature "
    "vectors. Fine-tuning and importing read this one.",
    "imagefolder": "Pictures by split and label with metadata.jsonl: "
    '`datasets.load_dataset("imagefolder", …)`.',
    "csv": "The manifest alone, without pictures: a row for each, with its hash, label and split.",
    "label_studio": "Pictures, and tasks with annotations and the model's predictions.",
}
SPLITS = {
    "80 / 10 / 10": (0.8, 0.1, 0.1),
    "90 / 10 / 0": (0.9, 0.1, 0.0),
    "60 / 20 / 20": (0.6, 0.2, 0.2),
    "No split": (1.0, 0.0, 0.0),
}


def page() -> None:
    """Show the page."""
    open_page(
        "Export",
        "What curators decided, as a data set to train on, to hand on or to label further.",
    )
    client = current_client()
    link = Link(PAGE, tuple(filters.FIELDS), f"{PAGE}-q")
    if link.is_new:
        chosen, broken = filters.readable(link.values)
        filter_bar.seed(PAGE, chosen)
        filter_bar.tell(link.unknown, broken)
    chosen = filter_bar.bar(PAGE, client)
    link.write(chosen)
    query = filters.for_backend(chosen)
    counted = exports.preview(client, query)
    if counted["ai_generated"] + counted["human_made"]:
        _preview(client, chosen, query, counted)
        _order(client, query)
    else:
        _teach(chosen, counted)
    _under_way(client)
    history(client)
    bring_in(client)


def _teach(chosen: Mapping[str, str], counted: Json) -> None:
    """Say why there is nothing to export, and what to do."""
    if counted["matching"]:
        empty(
            "Nobody has decided on these yet",
            f"{count(counted['matching'], 'prediction')} pass, and none has a label that can be "
            "exported: only reviewed pictures are, and *cannot tell* never is.",
            icon=":material/fact_check:",
            key="unreviewed",
        )
        to_page("queue", "Review some pictures", ":material/inbox:")
    elif chosen:
        empty(
            "Nothing matches",
            "No record of the log passes this filter. Take a condition away, or clear them all.",
            icon=":material/filter_alt_off:",
            key="filtered",
        )
        st.button("Clear the filter", on_click=filter_bar.seed, args=(PAGE, {}), key="clear")
    else:
        empty(
            "Nothing to export yet",
            "Check pictures, then review them: every label that you give lands here as an example "
            "for training, with its picture and its feature vector.",
            icon=":material/dataset:",
            key="nothing",
        )
        to_page("check", "Check a picture", ":material/image_search:")


def _preview(
    client: Client, chosen: Mapping[str, str], query: Mapping[str, str], counted: Json
) -> None:
    """Show what would be in it: counts, and a contact sheet of the newest."""
    columns = st.columns(4)
    columns[0].metric("AI-generated", f"{counted['ai_generated']:,}")
    columns[1].metric("Human-made", f"{counted['human_made']:,}")
    columns[2].metric("Not reviewed: left out", f"{counted['unreviewed']:,}")
    columns[3].metric("Cannot tell: left out", f"{counted['cannot_tell']:,}")
    _sheet(client, query)
    reviewed = dict(chosen) | ({} if "label" in chosen else {"reviewed": "true"})
    to_page("gallery", "See them all in the Gallery", ":material/grid_view:", **reviewed)


def _sheet(client: Client, query: Mapping[str, str]) -> None:
    asked = {**query, "reviewed": "true", "limit": 3 * _SHEET}
    found = [
        record
        for record in records.listed(client, **asked)["predictions"]
        if record["review"] and record["review"]["label"] != "cannot_tell"
    ][:_SHEET]
    gatherer().ask_all(client, "thumbnail", (record["id"] for record in found))
    with st.container(horizontal=True, gap="small", key="sheet"):
        for record in found:
            with st.container(width=104, gap="xsmall", key=f"sheet-{record['id']}"):
                _picture(client, record)


def _picture(client: Client, record: Json) -> None:
    try:
        data = gatherer().get(client, "thumbnail", record["id"])
    except Failure:
        data = None
    if data is None:
        st.markdown(":gray[:material/hide_image: no file]")
    else:
        st.image(data, width="stretch", alt="")
    colour = "orange" if record["review"]["label"] == "ai_generated" else "blue"
    st.caption(f":{colour}[{REVIEWS[record['review']['label']]}]")


def _order(client: Client, query: Mapping[str, str]) -> None:
    """Let format and split be chosen, and begin."""
    with st.container(border=True, key="order"):
        form = st.segmented_control(
            "What the zip holds",
            list(FORMATS),
            format_func=FORMATS.__getitem__,
            default="all",
            required=True,
            key="form",
        )
        st.caption(_HELD[form or "all"])
        row = st.container(horizontal=True, vertical_alignment="bottom", gap="medium")
        split = row.selectbox(
            "Training / validation / test, per cent",
            list(SPLITS),
            key="split",
            help="No split ever cuts a group of near-duplicates, so the shares are met as nearly "
            "as can be.",
            width=300,
        )
        train, val, test = SPLITS[split]
        row.button(
            "Make the data set",
            type="primary",
            icon=":material/dataset:",
            key="make",
            on_click=_begin,
            args=(client, query, form or "all", {"train": train, "val": val, "test": test}),
        )


def _begin(client: Client, query: Mapping[str, str], form: str, split: Mapping[str, float]) -> None:
    try:
        st.session_state["export"] = exports.start(client, query, form, split)["id"]
    except Failure as failure:
        st.session_state["export-failure"] = failure


def _under_way(client: Client) -> None:
    """Show the export that was begun here: its progress, then what is in it."""
    failure: Failure | None = st.session_state.pop("export-failure", None)
    if failure is not None:
        explain(failure, key="begin")
    export_id: str | None = st.session_state.get("export")
    if export_id is None:
        return
    export = exports.one(client, export_id)
    if export["state"] == "running":
        st.fragment(guarded(_follow, "progress"), run_every=_POLL_S)(client, export_id)
    elif export["state"] == "failed":
        st.error(export["detail"], icon=":material/error:")
    else:
        with st.container(border=True, key="made"):
            st.subheader(":material/task_alt: The data set is made", anchor=False)
            result(client, export, key="made")


def _follow(client: Client, export_id: str) -> None:
    """Draw the progress; the page is drawn anew when it is done."""
    export = exports.one(client, export_id)
    if export["state"] != "running":
        st.rerun()
    st.progress(export["progress"], f"Making the data set: {export['detail'] or 'starting'} …")
    st.caption("It goes on when this page is closed, and waits in the history below.")
