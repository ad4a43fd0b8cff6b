"""The part of the Quality page on which thresholds are tried out and published."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import streamlit as st

from backend.domain import Outcome, Scope
from dashboard import quality_charts as charts
from dashboard.access import current_client, may
from dashboard.client import Client, Failure, Json, figures
from dashboard.rates import count, interval, share
from dashboard.shell import explain
from dashboard.words import plain

_DIGITS = 3
_RATES: tuple[tuple[str, str, Literal["normal", "inverse"]], ...] = (
    ("human_called_ai", "Falsely accused", "inverse"),
    ("ai_found", "AI found", "normal"),
    ("precision", "Right on AI", "normal"),
    ("decided", "Decided", "normal"),
)


@st.fragment
def thresholds(found: Json, selection: Mapping[str, str | None], theme: str) -> None:
    """Try thresholds on the reviews and on the whole log; publish them where allowed.

    `selection` says which reviewed pictures: `sample`, `model` and `source`.
    """
    client = current_client()
    try:
        _try(client, found, selection, theme)
    except Failure as failure:
        explain(failure, key="thresholds")


def _try(client: Client, found: Json, selection: Mapping[str, str | None], theme: str) -> None:
    policy = figures.policy(client)
    now: tuple[float, float] = (policy["human_at_most"], policy["ai_at_least"])
    rounded = (round(now[0], _DIGITS), round(now[1], _DIGITS))
    tried = st.slider(
        "Up to the left handle a picture is called human-made, from the right one AI-generated; "
        "between them it is uncertain",
        0.0,
        1.0,
        rounded,
        step=0.001,
        format="%.3f",
        key=f"thresholds-{policy['number']}",
    )
    chosen = now if tried == rounded else tried
    if chosen[0] >= chosen[1]:
        st.warning("The handles lie on each other: leave room for “uncertain” between them.")
        return
    st.plotly_chart(
        charts.histogram(found["scores"]["steps"], theme, chosen, under_slider=True),
        theme=None,
        key="tried",
        config={"displayModeBar": False},
        alt="Scores of reviewed pictures, with both thresholds",
    )
    before = figures.thresholds(client, *now, selection)
    after = figures.thresholds(client, *chosen, selection) if chosen != now else before
    _rates(before, after)
    _changes(after, policy)
    _publish(client, policy, chosen, changed=chosen != now)


def _rates(before: Json, after: Json) -> None:
    for column, (name, label, colour) in zip(st.columns(4), _RATES, strict=True):
        rate, was = after["verdicts"][name], before["verdicts"][name]
        delta = None
        if rate["value"] is not None and was["value"] is not None and after is not before:
            delta = f"{100 * (rate['value'] - was['value']):+.1f} points"
        with column, st.container(border=True, height="stretch"):
            st.metric(label, share(rate["value"]), delta, delta_color=colour)
            st.caption(interval(rate))


def _changes(after: Json, policy: Json) -> None:
    logged = count(after["logged"], "logged verdict")
    st.markdown(
        f"### {after['changed']:,} of {logged} would change\n"
        if after["changed"]
        else f"### None of {logged} would change\n"
    )
    lines = [
        f"- {each['verdicts']:,} from {Outcome(each['now']).words} to "
        f"**{Outcome(each['then']).words}**"
        for each in sorted(after["changes"], key=lambda each: -each["verdicts"])
    ]
    st.markdown("\n".join(lines))
    st.caption(
        f"Verdicts of {plain(after['model'])} that rest on its score; what a file proves of itself "
        f"stays. In force is policy {policy['number']} by {plain(policy['author'])}. Publishing "
        "holds for checks from then on: what is in the log stays as it was said."
    )


def _publish(client: Client, policy: Json, chosen: tuple[float, float], *, changed: bool) -> None:
    if not may(Scope.ADMIN):
        st.caption(":material/lock: Publishing thresholds needs the role of an administrator.")
        return
    number = policy["number"] + 1
    with st.container(border=True):
        note = st.text_input(
            "Why (kept with the policy)",
            key=f"why-{policy['number']}",
            max_chars=2000,
            placeholder="Fewer false accusations on photographs",
        )
        if st.button(
            f"Publish as policy {number}",
            type="primary",
            icon=":material/publish:",
            disabled=not changed,
            help=None if changed else "Move a handle first.",
            key="publish",
        ):
            published = figures.publish(client, *chosen, note)
            st.toast(f"Policy {published['number']} is in force.", icon=":material/check:")
            st.rerun()
