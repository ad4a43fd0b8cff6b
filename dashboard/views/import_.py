"""The way back on the Export page: a zip of labelled pictures into the log."""

from __future__ import annotations

import streamlit as st

from dashboard.access import login_wanted
from dashboard.client import Client, Failure, Json, exports
from dashboard.rates import count
from dashboard.shell import explain
from dashboard.words import plain

_MOST_MB = 500
"""The page passes the file on out of memory; where people sign in, pictures' 20 MB hold."""
_COUNTS = (
    ("known", "picture was here already", "pictures were here already"),
    ("reviewed", "label was here already", "labels were here already"),
    ("contradicted", "label gave way to one that stands", "labels gave way to ones that stand"),
    ("clashing", "record has another's id", "records have others' ids"),
    ("not_kept", "picture came without its file", "pictures came without their files"),
)


def bring_in(client: Client) -> None:
    """Let a zip be imported, and say what became of it."""
    st.subheader("Bring a data set in", anchor=False)
    st.markdown(
        ":gray[An export of Brushmark, a zip of folders such as `ai_generated/` and `human_made/`, "
        "or Label Studio's JSON with its pictures. It is taken whole or not at all. Larger files: "
        "`brushmark import FILE` on the backend's machine.]"
    )
    zipped = st.file_uploader(
        "Data set",
        type=["zip"],
        key="zip",
        label_visibility="collapsed",
        max_upload_size=None if login_wanted() else _MOST_MB,
    )
    if zipped is None:
        st.session_state.pop("imported", None)
        return
    known: tuple[str, Json] | None = st.session_state.get("imported")
    if known is not None and known[0] == zipped.file_id:
        _report(known[1])
        return
    if st.button("Import it", type="primary", icon=":material/upload:", key="import"):
        try:
            with st.spinner("Reading, judging and writing to the log …"):
                found = exports.bring_in(client, zipped.getvalue())
        except Failure as failure:
            explain(failure, key="import")
            return
        st.session_state["imported"] = (zipped.file_id, found)
        st.rerun()


def _report(found: Json) -> None:
    st.success(
        f"Imported {count(found['records'], 'picture')} and {count(found['labels'], 'label')} "
        f"({plain(found['kind'])}).",
        icon=":material/task_alt:",
    )
    told = [count(found[name], one, many) for name, one, many in _COUNTS if found[name]]
    if told:
        st.markdown("; ".join(told) + ".")
    if found["left_out"]:
        with st.expander(f"Left out: {found['left_out']:,}", icon=":material/block:"):
            for each in found["left_out_examples"]:
                st.markdown(f"{plain(each['name'])}: {plain(each['reason'])}")
