"""Exports that were made: what is in each, its report, its file."""

from __future__ import annotations

from functools import partial

import streamlit as st

from dashboard.client import Client, Failure, Json, exports
from dashboard.rates import count
from dashboard.shell import explain
from dashboard.words import code, day, plain, size

_IN_BROWSER_BYTES = 512 * 1024 * 1024
"""Larger files are not passed through the dashboard, which would hold them in memory."""
_WEIGHTS = {
    "mend": ":red-badge[:material/build: to mend]",
    "care": ":orange-badge[:material/warning: to take care of]",
    "note": ":blue-badge[:material/info: to know]",
}
_SPLITS = {"train": "training", "val": "validation", "test": "test"}
_LEFT_OUT = (
    ("unreviewed", "without a review"),
    ("cannot_tell", "of which nobody can tell"),
    ("contradicting", "contradicted by a near-duplicate with the other label"),
)
_SHOWN = 20
_COUNTS_PX, _REPORT_PX = 380, 400
"""Beside one another where there is room, else one below the other."""


def history(client: Client) -> None:
    """List the exports made before, newest first."""
    made = exports.listed(client)
    if not made:
        return
    st.subheader("Made before", anchor=False)
    for export in made[:_SHOWN]:
        with st.expander(_line(export), icon=_icon(export)):
            if export["state"] == "done":
                result(client, export, key=export["id"])
            elif export["state"] == "failed":
                st.markdown(plain(export["detail"]))
            else:
                st.progress(export["progress"], plain(export["detail"] or "starting"))
    if len(made) > _SHOWN:
        st.caption(f"And {len(made) - _SHOWN:,} before these: `GET /api/v1/exports` has them all.")


def _icon(export: Json) -> str:
    icons = {"done": ":material/task_alt:", "failed": ":material/error:"}
    return icons.get(export["state"], ":material/hourglass_top:")


def _line(export: Json) -> str:
    parts = [day(export["created_at"])]
    if export["result"]:
        parts.append(count(export["result"]["examples"], "picture"))
        parts.append(size(export["result"]["bytes"]))
    else:
        parts.append(export["state"])
    parts.append(asked(export["request"]))
    return " · ".join(parts)


def asked(request: Json) -> str:
    """Say what was asked for, in a few words."""
    given = request.get("filter") or {}
    conditions = ", ".join(f"{name} {value}" for name, value in given.items())
    return plain(conditions) or "every reviewed picture"


def result(client: Client, export: Json, key: str) -> None:
    """Show what an export holds, what it leaves out, its leakage report and its file."""
    found = export["result"]
    row = st.container(horizontal=True, gap="large")
    with row.container(width=_COUNTS_PX):
        _counts(found)
        _file(client, export, key)
    with row.container(width=_REPORT_PX):
        st.markdown("**Leakage report**")
        for finding in found["leakage"]["findings"]:
            st.markdown(f"{_WEIGHTS[finding['weight']]} {plain(finding['message'])}")
        if not found["leakage"]["findings"]:
            st.markdown(":green[:material/check:] Nothing to mend, nothing to take care of.")
    st.caption(
        f"Asked for by {plain(export['actor'])}: {asked(export['request'])}. "
        f"SHA-256 {code(found['sha256'])}"
    )


def _counts(found: Json) -> None:
    rows = {
        _SPLITS[split]: [counts["ai_generated"], counts["human_made"]]
        for split, counts in found["splits"].items()
    }
    lines = ["| split | AI-generated | human-made |", "|:--|--:|--:|"]
    lines += [f"| {name} | {ai:,} | {human:,} |" for name, (ai, human) in rows.items()]
    st.markdown("\n".join(lines))
    words = [f"{count(found['examples'], 'picture')} in {count(found['groups'], 'group')}."]
    if found["not_kept"]:
        words.append(f"{found['not_kept']:,} without a file: it was not kept.")
    left_out = found["left_out"]
    gone = [f"{left_out[name]:,} {what}" for name, what in _LEFT_OUT if left_out[name]]
    if gone:
        words.append(f"Left out: {', '.join(gone)}.")
    st.caption(" ".join(words))


def _file(client: Client, export: Json, key: str) -> None:
    if export["file"] is None:
        st.caption("The file is not here any more, or was written elsewhere: make it again.")
        return
    length = export["result"]["bytes"]
    with st.container(horizontal=True):
        if length <= _IN_BROWSER_BYTES:
            st.download_button(
                f"Download ({size(length)})",
                partial(exports.zipped, client, export),
                file_name=f"brushmark-export-{export['created_at'][:10]}.zip",
                mime="application/zip",
                icon=":material/download:",
                type="primary",
                on_click="ignore",
                key=f"download-{key}",
            )
        st.button(
            "Remove the file",
            icon=":material/delete:",
            key=f"remove-{key}",
            on_click=_remove,
            args=(client, export),
        )
    if length > _IN_BROWSER_BYTES:
        st.markdown("Too large for the page. With an admin's token, and again after a break:")
        st.code(
            f'curl -C - -H "Authorization: Bearer $TOKEN" -o export.zip {client.backend}'
            f"{export['file']}",
            language="bash",
            wrap_lines=True,
        )


def _remove(client: Client, export: Json) -> None:
    try:
        exports.remove(client, export)
    except Failure as failure:
        explain(failure, key=f"remove-{export['id']}")
