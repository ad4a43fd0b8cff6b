"""The part of the Models page that holds two versions side by side."""

from __future__ import annotations

import streamlit as st

from backend.domain import Outcome, ReviewLabel, Scope
from dashboard import model_charts as charts
from dashboard.access import may
from dashboard.client import Client, Failure, Json, models, records
from dashboard.links import to_page
from dashboard.rates import count
from dashboard.shell import empty
from dashboard.words import plain

_FIXED = {"displayModeBar": False}
_SHOWN_FLIPS = 12
_WORDS = {
    ReviewLabel.AI_GENERATED: "AI-generated",
    ReviewLabel.HUMAN_MADE: "human-made",
    ReviewLabel.CANNOT_TELL: "nobody can tell",
}


def compare(client: Client, found: list[Json]) -> None:
    """Show the comparison of two versions, and let the better one be served."""
    names = [version["version"] for version in found]
    if len(names) < 2:
        empty(
            "There is one version alone",
            "Fine-tune it on your labels; then this page shows what became better and what worse.",
            icon=":material/compare:",
            key="compare",
        )
        return
    active = next((v["version"] for v in found if v["active"]), names[-1])
    others = [name for name in names if name != active]
    left, right = st.columns(2)
    champion = left.selectbox("Champion", names, index=names.index(active), key="champion")
    choices = [name for name in names if name != champion] or others
    candidate = right.selectbox("Candidate", choices, key="candidate", bind="query-params")
    if candidate is None:
        return
    with st.spinner("Measuring both on pictures that neither has learnt from …"):
        result = _comparison(client, champion, candidate)
    _verdict(client, result, is_champion_active=champion == active)
    for hold_out in result["hold_outs"]:
        _hold_out(hold_out)
    for note in result["notes"]:
        st.caption(plain(note))
    _flips(client, result)


@st.cache_data(ttl=60, show_spinner=False)
def _comparison(client: Client, champion: str, candidate: str) -> Json:
    return models.comparison(client, champion, candidate)


def _verdict(client: Client, result: Json, *, is_champion_active: bool) -> None:
    name = result["candidate"]
    objections = result["objections"]
    if objections:
        st.warning(
            "**The candidate is worse than a margin allows.** "
            + "; ".join(plain(line) for line in objections)
            + ".",
            icon=":material/gpp_maybe:",
        )
    else:
        st.success("Nothing guarded is worse than its margin allows.", icon=":material/verified:")
    if not (is_champion_active and may(Scope.ADMIN)):
        return
    despite = ""
    if objections:
        despite = st.text_input(
            "Why serve it all the same (kept in the audit trail)", key="despite", max_chars=2000
        )
    if st.button(
        f"Serve {name}",
        type="primary",
        icon=":material/play_arrow:",
        disabled=bool(objections) and not despite.strip(),
        key="release",
    ):
        try:
            models.activate(client, name, despite)
        except Failure as failure:
            st.error(plain(failure.what), icon=":material/error:")
            return
        _comparison.clear()
        st.toast(f"{name} judges now. Roll back under Versions.", icon=":material/check:")


def _hold_out(hold_out: Json) -> None:
    theme = "dark" if st.context.theme.type == "dark" else "light"
    pictures = hold_out["ai_generated"] + hold_out["human_made"]
    st.markdown(f"### {plain(hold_out['name'][0].upper() + hold_out['name'][1:])}")
    guarded = any(figure["guarded"] for figure in hold_out["figures"])
    st.caption(
        f"{count(pictures, 'picture')}: {hold_out['ai_generated']} AI-generated, "
        f"{hold_out['human_made']} human-made. Bars hold the middle 95 % of 1,000 paired draws"
        + ("; beyond the red mark it is refused." if guarded else ". Too few to refuse by.")
    )
    table, chart = st.columns(2, vertical_alignment="center")
    table.table(
        {
            "": [charts.NAMES[f["name"]] for f in hold_out["figures"]],
            "Champion": [f"{f['champion']:.3f}" for f in hold_out["figures"]],
            "Candidate": [f"{f['candidate']:.3f}" for f in hold_out["figures"]],
        },
        hide_index=True,
    )
    chart.plotly_chart(
        charts.changes(hold_out["figures"], theme),
        config=_FIXED,
        key=f"changes-{hold_out['name']}",
        theme=None,
    )


def _flips(client: Client, result: Json) -> None:
    flips = result["flips"]
    if not result["looked_at"]:
        return
    st.markdown(f"### {len(flips)} of the latest {result['looked_at']} verdicts would change")
    columns = st.columns(4)
    for number, flip in enumerate(flips[:_SHOWN_FLIPS]):
        with columns[number % 4], st.container(border=True):
            picture = records.thumbnail(client, flip["prediction_id"])
            if picture is not None:
                st.image(picture)
            old, new = Outcome(flip["champion"]), Outcome(flip["candidate"])
            st.markdown(f"{old.words} → **{new.words}**")
            label = f" · label: {_WORDS[ReviewLabel(flip['label'])]}" if flip["label"] else ""
            st.caption(f"{flip['champion_score']:.2f} → {flip['candidate_score']:.2f} AI{label}")
    if len(flips) > _SHOWN_FLIPS:
        st.caption(
            f"The first {_SHOWN_FLIPS}. A re-score (under Fine-tune) puts all that wait for a "
            "label into the queue."
        )
    to_page("queue", "Go to the queue", ":material/inbox:", strategy="flipped")
