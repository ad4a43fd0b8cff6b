"""The Models page: what judges, what could, and how a team's labels make it better."""

from __future__ import annotations

from typing import Any

import streamlit as st

from backend.domain import Scope
from dashboard.access import current_client, may
from dashboard.client import Client, Failure, Json, models
from dashboard.rates import count
from dashboard.shell import choose_part, empty, explain, open_page
from dashboard.views.models_compare import compare
from dashboard.views.models_tune import tune
from dashboard.words import day, plain

_FIGURES = (
    ("balanced_accuracy", "Balanced accuracy"),
    ("human_called_ai", "Human called AI"),
    ("ece", "Calibration error"),
)


def page() -> None:
    """Show the page."""
    open_page(
        "Models",
        "What judges now, what could, and how your labels make it better.",
    )
    client = current_client()
    found = models.versions(client)
    if not found:
        empty(
            "There are no weights here",
            "Nothing can be judged without them. Get a release, or train one: "
            "`brushmark train --help`.",
            icon=":material/deployed_code:",
            key="weights",
        )
        return
    part = choose_part(["Versions", "Compare", "Fine-tune"])
    if part == "Compare":
        compare(client, found)
    elif part == "Fine-tune":
        tune(client, found)
    else:
        _versions(client, found)


def _versions(client: Client, found: list[Json]) -> None:
    _shadow(client)
    for version in found:
        _version(client, version)
    if may(Scope.ADMIN):
        st.button(
            "Roll back to the version before",
            icon=":material/undo:",
            on_click=_act,
            args=(models.roll_back, client),
            key="roll-back",
        )
    told = st.session_state.pop("model-told", None)
    if isinstance(told, Failure):
        explain(told, key="model")
    elif told:
        st.toast(told, icon=":material/check:")


def _version(client: Client, version: Json) -> None:
    name = version["version"]
    with st.container(border=True, key=f"version-{name}"):
        head = st.container(horizontal=True, vertical_alignment="center")
        head.markdown(f"### {plain(name)}")
        if version["served"]:
            head.badge("judges now", icon=":material/check_circle:", color="green")
        elif version["active"]:
            head.badge("chosen, not loaded yet", icon=":material/hourglass:", color="orange")
        if version["shadow"]:
            head.badge("judges along", icon=":material/visibility:", color="blue")
        if version["parent"]:
            head.badge("fine-tuned here", icon=":material/tune:", color="violet")
        descent = f", from {plain(version['parent'])}" if version["parent"] else ""
        st.caption(f"Released {day(version['released_at'])}{descent}")
        document = _report(client, name, version["sha256"])
        _figures(document["card"])
        row = st.container(horizontal=True)
        _details(row, document)
        if may(Scope.ADMIN) and not version["active"]:
            if row.button("Serve it", key=f"serve-{name}", icon=":material/play_arrow:"):
                _serve(client, name)
            if version["parent"]:
                wanted = None if version["shadow"] else name
                row.button(
                    "Stop judging along" if version["shadow"] else "Let it judge along",
                    key=f"shadow-{name}",
                    icon=":material/visibility:",
                    on_click=_act,
                    args=(models.set_shadow, client, wanted),
                    help="It judges every check silently; its verdicts are counted, not shown.",
                )


@st.cache_data(ttl=300, show_spinner=False)
def _report(client: Client, version: str, sha256: str) -> Json:
    return models.report(client, version)


def _figures(card: Json) -> None:
    val = (card.get("figures") or {}).get("val")
    if not val:
        return
    values = {**val, "human_called_ai": (val.get("served") or {}).get("human_called_ai")}
    counts = val.get("n") or {}
    for column, (name, words) in zip(st.columns(len(_FIGURES)), _FIGURES, strict=True):
        value = values.get(name)
        column.metric(words, _plain(value) if name == "ece" else _percent(value))
    st.caption(f"On the {sum(counts.values())} pictures of its release's evaluation set.")


def _percent(value: Any) -> str:
    """Return a share to a tenth of a percent: versions differ by less than one."""
    return f"{100 * value:.1f} %" if isinstance(value, float) else "–"


def _plain(value: Any) -> str:
    return f"{value:.3f}" if isinstance(value, float) else "–"


def _details(row: Any, document: Json) -> None:
    card = document["card"]
    with row.popover("Card", icon=":material/description:"):
        tuning = card.get("tuning")
        if tuning:
            data = tuning["data"]
            st.markdown(
                f"**How it came about.** {plain(tuning['method']).capitalize()}, "
                f"{tuning['recipe']['steps']} steps, seed {tuning['seed']}. Learnt from "
                f"{count(data['examples']['ai_generated'], 'AI-generated picture')} and "
                f"{count(data['examples']['human_made'], 'human-made one')}; "
                f"{tuning['replay']['share']:.0%} of every batch was replayed from its parent."
            )
            st.code(tuning["command"], language=None)
        st.markdown(f"**Meant for.** {plain(str(card.get('intended_use', '–')))}")
        for title, key in (("Not for", "not_for"), ("Limits", "limits")):
            lines = card.get(key) or []
            st.markdown(f"**{title}**\n" + "".join(f"\n- {plain(str(line))}" for line in lines))
        thresholds = card["thresholds"]
        st.markdown(
            f"**Thresholds.** AI-generated from {thresholds['ai_at_least']:.3f}, human-made up to "
            f"{thresholds['human_at_most']:.3f}."
        )
        st.json(card, expanded=False)


def _serve(client: Client, version: str) -> None:
    try:
        models.activate(client, version)
    except Failure as failure:
        if failure.code == "worse_than_served":
            st.warning(
                f"{plain(failure.what)} Compare the two to see it, and serve it from there.",
                icon=":material/gpp_maybe:",
            )
            return
        raise
    st.session_state["model-told"] = f"{version} judges now."
    st.rerun()


def _act(action: Any, client: Client, *more: Any) -> None:
    """Do something when a button is pressed; what came of it is told when the page is drawn."""
    try:
        answer = action(client, *more)
    except Failure as failure:
        st.session_state["model-told"] = failure
        return
    name = answer.get("version")
    if action is models.set_shadow:
        told = f"{name} judges along." if name else "Nothing judges along any more."
    else:
        told = f"{name} judges now."
    st.session_state["model-told"] = told


def _shadow(client: Client) -> None:
    found = models.shadow(client)
    if not found["version"]:
        return
    with st.container(border=True, key="shadow"):
        st.markdown(f"### :material/visibility: {plain(found['version'])} judges along")
        if not found["looked_at"]:
            st.caption(
                f"Since {day(found['since'])}. No check has been logged since: the comparison "
                "fills as pictures are checked."
            )
            return
        first, second, third = st.columns(3)
        first.metric("Checks judged by both", f"{found['looked_at']:,}")
        second.metric("Verdicts that would change", f"{found['changed']:,}")
        third.metric(
            "Right on those with a label",
            f"{found['candidate_right']} of {found['labelled']}",
            f"{found['candidate_right'] - found['served_right']:+d} against what is served",
        )
        st.caption(f"Since {day(found['since'])}; the latest 2,000 checks at most.")
