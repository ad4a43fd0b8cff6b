"""The Activity page: what went on, how fast, and whether pictures differ from those learnt from."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import streamlit as st

from dashboard import activity_charts as charts
from dashboard.access import current_client
from dashboard.client import Json, figures
from dashboard.links import to_page
from dashboard.rates import count
from dashboard.shell import choose_part, empty, open_page
from dashboard.words import plain, size

SPANS = {"A week": 7, "A month": 30, "Three months": 90, "A year": 365}
PROPERTIES = {
    "score": "Scores",
    "side": "Short side of the picture",
    "format": "Format",
    "bytes": "Size of the file",
}
_CONFIG = {"displayModeBar": False}
_LOW_SPACE_BYTES = 1_000_000_000
_BY_DAY, _CHANGED = "By day", "What has changed"


def page() -> None:
    """Show the page."""
    open_page("What went on", "Checks by day, how long they took, and what has changed.")
    span = st.segmented_control(
        "Span",
        list(SPANS),
        default="A month",
        required=True,
        key="span",
        bind="query-params",
        label_visibility="collapsed",
    )
    found = figures.activity(current_client(), SPANS[span or "A month"])
    _health(found["health"])
    if not found["health"]["predictions"]:
        empty(
            "No predictions yet",
            "Once pictures are checked, by the browser extension, here or over the interface, "
            "this shows how many, from where, how fast, and how they differ from what the model "
            "learnt from. **Check your first picture.**",
            icon=":material/monitoring:",
            key="activity",
        )
        to_page("check", "Check a picture", ":material/image_search:")
        return
    _headline(found)
    above = st.container()
    part = choose_part(list(PARTS))
    with above:
        _moved(found, part)
    PARTS[part](found)


def theme() -> str:
    """Return which theme the page is shown in."""
    return "dark" if st.context.theme.type == "dark" else "light"


def _health(health: Json) -> None:
    if not health["ready"]:
        st.error(
            f"**The next check would be refused.** {plain(health['problem'] or '')}",
            icon=":material/error:",
        )
    elif health["free_bytes"] < _LOW_SPACE_BYTES:
        st.warning(
            f"Only {size(health['free_bytes'])} are free on the disk of the log: make room, or "
            "keep fewer pictures (`BRUSHMARK_KEEP_IMAGES`).",
            icon=":material/hard_drive:",
        )
    parts = [
        f":material/database: {count(health['predictions'], 'prediction')} in "
        f"{size(health['store_bytes'])}, {size(health['free_bytes'])} free",
    ]
    if health["model"]:
        parts.append(
            f":material/neurology: {plain(health['model'])} on {plain(health['device'] or '')}, "
            f"policy {health['policy']}"
        )
    st.markdown(f":small[:gray[{' · '.join(parts)}]]")


def _headline(found: Json) -> None:
    checks = sum(sum(day["by_outcome"].values()) for day in found["days"])
    today = sum(found["days"][-1]["by_outcome"].values())
    appeals, latency = found["appeals"], found["latency"]
    shown = (
        ("Checks", f"{checks:,}", f"{today:,} today"),
        ("Sites", f"{found['sites']:,}", "with their address kept"),
        (
            "Time to a verdict",
            "–" if latency["p50"] is None else f"{latency['p50']:.0f} ms",
            "no checks"
            if latency["p99"] is None
            else f"one in a hundred takes {latency['p99']:,.0f} ms or more",
        ),
        (
            "Appeals waiting",
            f"{appeals['waiting']:,}",
            f"{appeals['upheld']} upheld, {appeals['rejected']} rejected, "
            f"{appeals['undecided']} undecided",
        ),
    )
    for column, (label, value, caption) in zip(st.columns(4), shown, strict=True):
        with column, st.container(border=True, height="stretch"):
            st.metric(label, value)
            st.caption(caption)
    if appeals["waiting"]:
        to_page("queue", "Answer the appeals", ":material/gavel:", strategy="appealed")


def _moved(found: Json, part: str) -> None:
    """Name what has moved, whichever part of the page is open."""
    names = [
        f"{PROPERTIES[each['property']].lower()} (against {plain(each['against'])})"
        for each in _compared(found)
        if each["drift"] is not None and each["drift"]["is_notable"]
    ]
    if names:
        st.markdown(
            f":orange[:material/trending_up: **Pictures differ from before**]: {', '.join(names)}."
            + ("" if part == _CHANGED else f" See *{_CHANGED}*.")
        )


def _volumes(found: Json) -> None:
    st.subheader("Checks by day", anchor=False)
    _draw(charts.volumes(found["days"], theme()), "Checks of each day by outcome")
    left, right = st.columns(2, gap="large")
    with left:
        st.subheader("Time to a verdict", anchor=False)
        _draw(charts.latency(found["days"], theme()), "Percentiles of the latency by day")
    with right:
        st.subheader("Mean score", anchor=False)
        _draw(charts.mean_score(found["days"], theme()), "Mean score by day")
    left, right = st.columns([3, 2], gap="large")
    with left:
        st.subheader("Sites", anchor=False)
        if found["by_site"]:
            shown = {_short(site): counts for site, counts in list(found["by_site"].items())[:12]}
            _draw(charts.sites(shown, theme()), "Sites with most checks, by outcome")
        else:
            st.caption(
                "No addresses are kept. `BRUSHMARK_KEEP_ADDRESSES=on` logs the site of each "
                "picture; think of who browses before you switch it on."
            )
    with right:
        st.subheader("How pictures came", anchor=False)
        most = sorted(found["by_source"].items(), key=lambda item: -item[1])
        st.markdown("\n".join(f"- **{n:,}** {plain_source(name)}" for name, n in most))


def plain_source(name: str) -> str:
    """Write a source as people read it.

    >>> plain_source("context-menu"), plain_source("cli")
    ('right click in the browser', 'command line')
    """
    return {
        "context-menu": "right click in the browser",
        "page-scan": "page scan in the browser",
        "dashboard": "this dashboard",
        "cli": "command line",
        "api": "interface (API)",
    }.get(name, name)


def _short(name: str) -> str:
    flat = name.replace("<", "‹").replace(">", "›").replace("&", "＆")
    return flat if len(flat) <= 40 else flat[:38] + "…"


def _drift(found: Json) -> None:
    st.subheader("Do pictures differ from before?", anchor=False)
    st.caption(
        "A model errs more on pictures unlike those it learnt from. A distribution has moved where "
        "its stability index lies above 0.1 and above what chance gives. Mind that a different "
        "share of AI-generated pictures moves the scores as well."
    )
    compared = _compared(found)
    if not compared:
        st.caption("There is nothing to compare with yet: no days before these.")
    for start in range(0, len(compared), 2):
        columns = st.columns(2, gap="large")
        for column, each in zip(columns, compared[start : start + 2], strict=False):
            with column:
                _comparison(each)


def _compared(found: Json) -> list[Json]:
    return [each for each in found["drift"] if sum(each["expected"].values())]


def _comparison(each: Json) -> None:
    st.markdown(f"**{PROPERTIES[each['property']]}**, against {plain(each['against'])}")
    title = f"{PROPERTIES[each['property']]} now and in {each['against']}"
    _draw(charts.comparison(each, theme()), title)
    drift = each["drift"]
    if drift is None:
        st.caption("No checks in this span.")
    elif drift["is_notable"]:
        st.markdown(
            f":orange[:material/trending_up: **It has moved**]: index {drift['psi']:.2f}, "
            f"chance gives up to {drift['by_chance']:.2f}."
        )
    else:
        st.markdown(
            f":gray[:material/check: No notable change: index {drift['psi']:.2f}, chance gives up "
            f"to {drift['by_chance']:.2f}.]"
        )


def _draw(figure: object, alt: str) -> None:
    st.plotly_chart(figure, theme=None, key=f"figure-{alt}", config=_CONFIG, alt=alt)


PARTS: Mapping[str, Callable[[Json], None]] = {_BY_DAY: _volumes, _CHANGED: _drift}
