"""The Quality page: how good the verdicts are, where they fail, and what thresholds would do."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from backend.domain import Label, Outcome, SizeClass, Source
from dashboard import quality_charts as charts
from dashboard.access import current_client
from dashboard.client import Json, figures
from dashboard.links import to_page
from dashboard.rates import count, interval, is_wide, reviews_wanted, share
from dashboard.readout import SOURCES, finding
from dashboard.shell import choose_part, empty, open_page
from dashboard.views.quality_reviewers import reviewers
from dashboard.views.quality_thresholds import thresholds
from dashboard.words import plain

SAMPLES = {"All reviews": "all", "Random audit": "audit"}
"""As the page and its link name them, and as the backend does."""
GROUPS = {
    "site": "Site",
    "evidence": "Evidence in the file",
    "generator": "Likely generator",
    "size": "Short side",
    "format": "Format",
    "source": "How it was checked",
}
_FIXED = {"displayModeBar": False}
_MOST_GROUPS = 12
_CALLED = {outcome: outcome.words.removesuffix("-generated") for outcome in Outcome}


def page() -> None:
    """Show the page."""
    open_page(
        "How good are the verdicts?",
        "What the model said, held against what curators say of the same pictures.",
    )
    client = current_client()
    sample, source, place = _selection()
    model: str | None = st.session_state.get("version")
    found = figures.quality(client, sample, model, source)
    place.selectbox(
        "Model version", found["models"], index=None, placeholder="All versions", key="version"
    )
    if not found["verdicts"]["pictures"]:
        _teach(found, sample, narrowed=bool(model or source))
        return
    _bias(found, sample)
    _headline(found)
    st.space("small")
    PARTS[choose_part(list(PARTS))](found, Shown(sample, model, source))


@dataclass(frozen=True, slots=True)
class Shown:
    """Which reviewed pictures the figures are over."""

    sample: str
    model: str | None
    source: str | None

    def link(self, **more: str | None) -> dict[str, str | None]:
        """Return the Gallery's filter of the same pictures, narrowed further."""
        audit = "true" if self.sample == "audit" else None
        return {"audit": audit, "model": self.model, "source": self.source, **more}


def theme() -> str:
    """Return which theme the page is shown in."""
    return "dark" if st.context.theme.type == "dark" else "light"


def _selection() -> tuple[str, str | None, DeltaGenerator]:
    """Draw what narrows the figures, and keep a place for the versions that the answer names."""
    row = st.container(horizontal=True, vertical_alignment="bottom", gap="medium")
    sample = row.segmented_control(
        "Pictures",
        list(SAMPLES),
        default="All reviews",
        required=True,
        key="sample",
        bind="query-params",
        help="Queues pick what is hard. The random audit is drawn when a picture is checked, "
        "so its figures hold for everything that was checked.",
        width="content",
    )
    place = row.container(width=230)
    source = row.selectbox(
        "How it was checked",
        [s.value for s in Source],
        index=None,
        placeholder="Every way",
        key="source",
        bind="query-params",
        width=200,
    )
    return SAMPLES[sample or "All reviews"], source, place


def _teach(found: Json, sample: str, *, narrowed: bool) -> None:
    if narrowed:
        empty(
            "No reviewed picture is like that",
            "Clear the model version or the way of checking above.",
            icon=":material/filter_alt_off:",
            key="narrowed",
        )
        return
    drawn = sum(each["drawn"] for each in found["audit"])
    if sample == "audit":
        empty(
            "Nothing of the random audit is reviewed yet",
            f"{count(drawn, 'checked picture')} {'was' if drawn == 1 else 'were'} drawn at random. "
            "About a hundred reviews give a first honest figure of how often people are accused.",
            icon=":material/casino:",
            key="audit",
        )
    else:
        empty(
            "No reviews yet",
            "This page compares verdicts with what people say of the same pictures: how often "
            "work by people is called AI, what is missed, and what other thresholds would change. "
            "**Review a few pictures first**; twenty of each kind already draw a curve.",
            icon=":material/fact_check:",
            key="quality",
        )
    strategy = "random" if sample == "audit" else None
    to_page("queue", "Go to the queue", ":material/inbox:", strategy=strategy)


def _bias(found: Json, sample: str) -> None:
    """Say what the figures are over, and what that does to them."""
    drawn = sum(each["drawn"] for each in found["audit"])
    seen = sum(each["reviewed"] for each in found["audit"])
    if sample == "all":
        st.caption(
            f"Over {count(found['verdicts']['pictures'], 'reviewed picture')} "
            f"({found['cannot_tell']} more that nobody can tell). Queues pick what is hard, so "
            "expect better in the random audit, "
            f"of which {seen} of {drawn} {'is' if seen == 1 else 'are'} reviewed."
        )
        return
    shares = [
        f"{Outcome(each['outcome']).words} {each['reviewed']} of {each['drawn']}"
        for each in found["audit"]
        if each["drawn"]
    ]
    st.caption(f"Reviewed of what was drawn at random: {', '.join(shares)}.")
    covered = [each["reviewed"] / each["drawn"] for each in found["audit"] if each["drawn"] >= 10]
    if covered and max(covered) - min(covered) > 0.25:
        st.warning(
            "Some outcomes are reviewed far more than others, so these figures still lean. "
            "Work on in the queue's random audit until the shares are alike.",
            icon=":material/balance:",
        )


_HEADLINES = (
    (
        "human_called_ai",
        "Falsely accused",
        "Work by people that was called AI-generated: the mistake that harms.",
    ),
    ("ai_found", "AI found", "Called AI-generated, of those that are."),
    ("precision", "Right on AI", "AI-generated indeed, of those called so."),
    ("decided", "Decided", "Called one or the other; the rest is “uncertain”."),
)


def _headline(found: Json) -> None:
    for column, (name, label, help) in zip(st.columns(4), _HEADLINES, strict=True):
        rate = found["verdicts"][name]
        with column, st.container(border=True, height="stretch"):
            st.metric(label, share(rate["value"]), help=help)
            st.caption(interval(rate))
    accused = found["verdicts"]["human_called_ai"]
    if is_wide(accused):
        st.info(
            f"Few reviews so far: the interval of false accusations is wide. About "
            f"{count(reviews_wanted(accused), 'more review')} of people’s work would bring it to "
            "five points either way.",
            icon=":material/straighten:",
        )


def _mistakes(found: Json, shown: Shown) -> None:
    left, right = st.columns([11, 10], gap="large")
    with left:
        st.subheader("What the verdicts said", anchor=False)
        _confusion(found, shown)
    with right:
        st.subheader("Where they fail", anchor=False)
        _by_group(found, shown)


def _confusion(found: Json, shown: Shown) -> None:
    policies = sorted({c["policy"] for c in found["confusion"] if c["policy"] is not None})
    policy = None
    if len(policies) > 1:
        policy = st.selectbox(
            "Thresholds of the time",
            policies,
            index=None,
            placeholder="All policies",
            format_func=lambda number: f"Policy {number}",
            key="policy",
        )
    cells = [c for c in found["confusion"] if policy in {None, c["policy"]}]
    event = st.plotly_chart(
        charts.confusion(cells, theme()),
        theme=None,
        key="confusion",
        on_select="rerun",
        selection_mode="points",
        config=_FIXED,
        alt="Curators’ labels against verdicts; the numbers are listed in the links below.",
    )
    chosen = [p["customdata"] for p in event["selection"]["points"]]
    label, outcome = chosen[0] if chosen else (Label.HUMAN_MADE, Outcome.AI_GENERATED)
    n = charts.confusion_counts(cells)[Label(label)][Outcome(outcome)]
    if not n:
        st.markdown(
            f":gray[None is {charts.LABELS[Label(label)]} and called {_CALLED[Outcome(outcome)]}.]"
        )
        return
    to_page(
        "gallery",
        f"Open {n:,}: {charts.LABELS[Label(label)]}, called {_CALLED[Outcome(outcome)]}",
        ":material/grid_view:",
        **shown.link(
            outcome=str(outcome),
            label=str(label),
            policy=None if policy is None else str(policy),
        ),
    )
    st.caption("Choose a square to open its pictures.")


def _by_group(found: Json, shown: Shown) -> None:
    filled = [name for name in GROUPS if found["groups"].get(name)]
    chosen = st.selectbox(
        "By",
        filled,
        format_func=GROUPS.__getitem__,
        key="by",
        label_visibility="collapsed",
    )
    groups = found["groups"][chosen][:_MOST_GROUPS] if chosen else []
    named = [{**group, "name": _short(_words(chosen, group["name"]))} for group in groups]
    event = st.plotly_chart(
        charts.by_group(named, theme()),
        theme=None,
        # A point that was chosen among other groups or pictures is chosen no more.
        key=f"groups-{chosen}-{shown.sample}-{shown.model}-{shown.source}",
        on_select="rerun",
        selection_mode="points",
        config=_FIXED,
        alt=f"Both kinds of mistake by {GROUPS[chosen] if chosen else 'group'}",
    )
    if chosen:
        _open_group(groups, chosen, event, shown)
    if chosen and len(found["groups"][chosen]) > _MOST_GROUPS:
        st.caption(f"The {_MOST_GROUPS} with most reviews.")


def _open_group(groups: list[Json], chosen: str, event: Any, shown: Shown) -> None:
    """Lead to the pictures behind a point."""
    points = event["selection"]["points"]
    if not points:
        st.caption("Choose a point to open its pictures.")
        return
    number, _, place, label, outcome = points[0]["customdata"]
    name = groups[place]["name"]
    to_page(
        "gallery",
        f"Open {number:,} of {plain(_short(_words(chosen, name)))}: {charts.LABELS[Label(label)]}, "
        f"called {_CALLED[Outcome(outcome)]}",
        ":material/grid_view:",
        **shown.link(outcome=outcome, label=label, **{chosen: name}),
    )


def _words(kind: str, name: str) -> str:
    """Name a group as people read it."""
    if kind == "evidence":
        return finding(name)
    if kind == "source":
        return SOURCES.get(name, name)
    return SizeClass(name).words if kind == "size" and name in set(SizeClass) else name


def _short(name: str) -> str:
    """Keep a name from outside short and without Plotly's markup."""
    flat = name.replace("<", "‹").replace(">", "›").replace("&", "＆")
    return flat if len(flat) <= 34 else flat[:32] + "…"


def _scores(found: Json, shown: Shown) -> None:
    scores = found["scores"]
    steps = scores["steps"]
    st.markdown(_score_words(scores))
    figure_rows: tuple[tuple[str, Callable[[], object]], ...] = (
        ("Scores of reviewed pictures", lambda: charts.histogram(steps, theme())),
        ("Is 80 % really 80 in 100?", lambda: charts.reliability(scores["reliability"], theme())),
        ("Found against falsely accused", lambda: charts.roc(steps, theme())),
        ("Right against found", lambda: charts.precision_recall(steps, theme())),
    )
    for start in (0, 2):
        for column, (title, draw) in zip(
            st.columns(2, gap="large"), figure_rows[start : start + 2], strict=True
        ):
            with column:
                st.subheader(title, anchor=False)
                st.plotly_chart(draw(), theme=None, key=f"scores-{title}", config=_FIXED, alt=title)


def _score_words(scores: Json) -> str:
    area = scores["auc"]
    if area["value"] is None:
        return "A curve needs two reviewed pictures of each kind at least."
    return (
        f"Area under the ROC curve **{area['value']:.3f}** "
        f"({area['low']:.3f} to {area['high']:.3f}), mean precision "
        f"**{scores['average_precision']:.3f}**, calibration error "
        f"**{share(scores['calibration_error'])}**, Brier score **{scores['brier']:.3f}**."
    )


def _models(found: Json, shown: Shown) -> None:
    groups = found["groups"]["model"]
    st.plotly_chart(
        charts.models([{**g, "name": _short(g["name"])} for g in groups], theme()),
        theme=None,
        key="models",
        config=_FIXED,
        alt="Area under the ROC curve of each model version",
    )
    st.dataframe(
        _side_by_side(groups), hide_index=True, width="stretch", alt="Model versions side by side"
    )
    st.caption(
        "Each version on the pictures that it judged and that were reviewed: versions that saw "
        "different pictures are not strictly comparable. Compare candidates on the same pictures "
        "on the Models page."
    )


def _side_by_side(groups: list[Json]) -> list[dict[str, str]]:
    """Lay versions out in columns, one measure a row."""
    rows = [{"": "Pictures"} | {g["name"]: f"{g['verdicts']['pictures']:,}" for g in groups}]
    rows.append({"": "Area under ROC"} | {g["name"]: _area(g["auc"]) for g in groups})
    for name, label, _ in _HEADLINES:
        rates = {g["name"]: g["verdicts"][name] for g in groups}
        rows.append(
            {"": label} | {n: f"{share(r['value'])} ({interval(r)})" for n, r in rates.items()}
        )
    return rows


def _area(area: Json | None) -> str:
    if area is None or area["value"] is None:
        return "–"
    return f"{area['value']:.3f} ({area['low']:.3f} to {area['high']:.3f})"


PARTS: Mapping[str, Callable[[Json, Shown], None]] = {
    "Mistakes": _mistakes,
    "Thresholds": lambda found, shown: thresholds(found, asdict(shown), theme()),
    "Scores": _scores,
    "Reviewers": lambda found, shown: reviewers(),
    "Models": _models,
}
