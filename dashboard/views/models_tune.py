"""The part of the Models page that starts fine-tunes and re-scores, and follows them."""

from __future__ import annotations

from typing import Any

import streamlit as st

from backend.domain import Scope
from dashboard import model_charts as charts
from dashboard.access import may
from dashboard.client import Client, Failure, Json, models
from dashboard.links import to_page
from dashboard.rates import count
from dashboard.shell import explain, guarded
from dashboard.words import day, plain

_FIXED = {"displayModeBar": False}
_FOLLOW_EVERY_S = 1.5
_MOVING = ("waiting", "running")
_ICONS = {
    "waiting": ":gray[:material/schedule:]",
    "running": ":blue[:material/progress_activity:]",
    "done": ":green[:material/check_circle:]",
    "failed": ":red[:material/error:]",
    "cancelled": ":gray[:material/cancel:]",
    "interrupted": ":orange[:material/bolt:]",
}
_NAMES = {"fine-tune": "Fine-tune", "re-score": "Re-score"}


def tune(client: Client, found: list[Json]) -> None:
    """Show what can be started, what runs, and what came of earlier jobs."""
    if not may(Scope.ADMIN):
        st.caption(":material/lock: Jobs need the role of an administrator.")
        return
    told: Failure | None = st.session_state.pop("job-told", None)
    if told is not None and "parent" in st.session_state:  # else it is of an earlier visit
        explain(told, key="job")
    left, right = st.columns(2)
    with left, st.container(border=True, height="stretch"):
        _start_fine_tune(client, found)
    with right, st.container(border=True, height="stretch"):
        _start_re_score(client, found)
    _follow(client)


def _start_fine_tune(client: Client, found: list[Json]) -> None:
    st.markdown("### :material/tune: Learn from your labels")
    stats = client.get("/stats")["by_label"]
    usable = stats.get("ai_generated", 0) + stats.get("human_made", 0)
    st.markdown(
        f"**{count(usable, 'labelled picture')}** to learn from "
        f"({stats.get('ai_generated', 0)} AI-generated, {stats.get('human_made', 0)} human-made). "
        "The head of the model is fine-tuned on their logged vectors: about a minute, without the "
        "pictures. What was drawn for the random audit is held out, to measure by."
    )
    names = [version["version"] for version in found]
    active = next((v["version"] for v in found if v["active"]), names[0])
    parent = st.selectbox("Go on from", names, index=names.index(active), key="parent")
    st.button(
        "Start the fine-tune",
        type="primary",
        icon=":material/play_arrow:",
        disabled=usable < 10,
        help=None if usable >= 10 else "Label at least ten pictures first.",
        on_click=_act,
        args=(models.start, client, "fine-tune"),
        kwargs={"parent": parent},
        key="start-fine-tune",
    )
    if usable < 10:
        to_page("queue", "Go to the queue", ":material/inbox:")


def _start_re_score(client: Client, found: list[Json]) -> None:
    st.markdown("### :material/sync: Look at the log again")
    st.markdown(
        "Another version judges every logged picture again, from its vector. Verdicts that would "
        "be another go to the queue **flipped**; what was said stays in the log."
    )
    names = [version["version"] for version in found]
    version = st.selectbox("Judge again by", names, key="rescore-by")
    st.button(
        "Start the re-score",
        icon=":material/play_arrow:",
        on_click=_act,
        args=(models.start, client, "re-score"),
        kwargs={"version": version},
        key="start-re-score",
    )
    to_page("queue", "Go to the queue of flipped", ":material/inbox:", strategy="flipped")


def _act(action: Any, client: Client, *more: Any, **options: Any) -> None:
    st.session_state["job-told"] = None
    try:
        action(client, *more, **options)
    except Failure as failure:
        st.session_state["job-told"] = failure


def _follow(client: Client) -> None:
    """Show the jobs, anew every moment while one moves."""
    jobs = models.jobs(client)
    moving = any(job["state"] in _MOVING for job in jobs)
    every = _FOLLOW_EVERY_S if moving else None
    st.fragment(guarded(_jobs, "jobs"), run_every=every)(client, moving)


def _jobs(client: Client, was_moving: bool) -> None:
    jobs = models.jobs(client)
    if was_moving and not any(job["state"] in _MOVING for job in jobs):
        st.rerun()  # the whole page: there may be a version more
    st.markdown("### Jobs")
    told: Failure | None = st.session_state.get("job-told")
    if told is not None:
        explain(told, key="stop")
    if not jobs:
        st.caption(
            "None yet. A job goes on when you close this page, or stop the dashboard or the "
            "backend; you find it here again."
        )
    shown_curve = False
    for job in jobs[:10]:
        with st.container(border=True, key=f"job-{job['id']}"):
            _job(client, job)
            if job["kind"] == "fine-tune" and not shown_curve:
                shown_curve = _curve(client, job)


def _job(client: Client, job: Json) -> None:
    row = st.container(horizontal=True, vertical_alignment="center")
    row.markdown(
        f"{_ICONS[job['state']]} **{_NAMES.get(job['kind'], plain(job['kind']))}** · "
        f"{job['state']} · {plain(job['detail'])}"
    )
    if job["state"] in (*_MOVING, "interrupted"):
        row.button(
            "Stop",
            icon=":material/stop:",
            on_click=_act,
            args=(models.cancel, client, job["id"]),
            key=f"stop-{job['id']}",
        )
    if job["state"] in {"interrupted", "cancelled", "failed"}:
        row.button(
            "Go on",
            icon=":material/replay:",
            on_click=_act,
            args=(models.resume, client, job["id"]),
            key=f"resume-{job['id']}",
        )
    if job["state"] == "done" and job["kind"] == "fine-tune":
        with row:
            to_page(
                "models",
                "Compare it",
                ":material/compare:",
                part="Compare",
                candidate=job["result"].get("version"),
            )
    if job["state"] in _MOVING:
        st.progress(job["progress"])
    ended = f", ended {day(job['finished_at'])}" if job["finished_at"] else ""
    st.caption(f"Started {day(job['created_at'])}{ended}")


def _curve(client: Client, job: Json) -> bool:
    history = models.job(client, job["id"])["curve"]
    if len(history) < 2:
        return False
    theme = "dark" if st.context.theme.type == "dark" else "light"
    st.plotly_chart(
        charts.curve(history, theme), config=_FIXED, key=f"curve-{job['id']}", theme=None
    )
    return True
