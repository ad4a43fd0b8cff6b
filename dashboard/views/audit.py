"""The Audit trail page: who decided what, and when."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from backend.domain import ReviewLabel
from dashboard.access import current_client
from dashboard.client import Json, people
from dashboard.readout import REVIEWS
from dashboard.shell import empty, open_page
from dashboard.words import day

ACTIONS = {
    "review": "reviewed",
    "review.undo": "undid a review",
    "policy.publish": "published thresholds",
    "prediction.delete": "deleted a prediction",
    "forget": "had something forgotten",
    "export": "made an export",
    "import": "imported a data set",
    "model.activate": "activated a model",
    "model.rollback": "rolled a model back",
    "model.shadow": "chose a shadow model",
    "job.start": "started a job",
    "job.cancel": "cancelled a job",
    "job.resume": "resumed a job",
    "token.create": "made a token",
    "token.revoke": "revoked a token",
}
_PER_PAGE = 100


def page() -> None:
    """Show the page."""
    open_page("Audit trail", "Who decided what, newest first. Nothing is ever taken out of it.")
    client = current_client()
    cursors: list[str | None] = st.session_state.setdefault("audit-at", [None])
    found = people.trail(client, _PER_PAGE, cursors[-1])
    deeds = found["deeds"]
    if not deeds:
        empty(
            "Nothing has been decided yet",
            "Every review, undone or not, every published threshold, token and deletion is "
            "listed here with who did it. The Queue is where reviewing begins.",
            icon=":material/history:",
        )
        return
    _table(deeds)
    with st.container(horizontal=True, horizontal_alignment="center"):
        st.button("Newer", disabled=len(cursors) == 1, on_click=_newer, args=(cursors,))
        following = found["next_cursor"]
        st.button("Older", disabled=following is None, on_click=cursors.append, args=(following,))


def _newer(cursors: list[str | None]) -> None:
    cursors.pop()


def _table(deeds: Sequence[Json]) -> None:
    """Draw the rows; a cell of the table shows text as it is, never as markup."""
    st.dataframe(
        [
            {
                "When": day(deed["at"]),
                "Who": deed["actor"],
                "What": ACTIONS.get(deed["action"], deed["action"]),
                "Detail": _detail(deed),
                "Record": f"gallery?id={deed['prediction_id']}" if deed["prediction_id"] else "",
            }
            for deed in deeds
        ],
        hide_index=True,
        width="stretch",
        height=min(600, 38 + 35 * len(deeds)),
        column_config={
            "Detail": st.column_config.TextColumn(width="large"),
            "Record": st.column_config.LinkColumn(display_text="open"),
        },
    )


def _detail(deed: Json) -> str:
    if deed["action"] != "review":
        return str(deed["detail"])
    for label, words in REVIEWS.items():
        if deed["detail"].startswith(label.value):
            return words + str(deed["detail"])[len(ReviewLabel(label).value) :]
    return str(deed["detail"])
