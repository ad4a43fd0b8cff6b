"""How a prediction record is read out, wherever it is shown."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

import streamlit as st

from backend.domain import EvidenceStatus, Label, Outcome, ReviewLabel, percent
from dashboard.charts import probability_bar
from dashboard.client import Client, Json, records
from dashboard.words import code, day, facts, joined, plain

HEADLINES = {
    Outcome.AI_GENERATED: ":orange[Looks AI-generated]",
    Outcome.HUMAN_MADE: ":blue[Looks human-made]",
    Outcome.UNCERTAIN: "Too close to call",
    Outcome.NOT_ASSESSED: "Not assessed",
}
REVIEWS = {
    ReviewLabel.AI_GENERATED: "AI-generated",
    ReviewLabel.HUMAN_MADE: "human-made",
    ReviewLabel.CANNOT_TELL: "cannot tell",
}
STATUSES = {
    EvidenceStatus.VERIFIED: ":green-badge[:material/verified: verified]",
    EvidenceStatus.DECLARED: ":blue-badge[:material/label: declared]",
    EvidenceStatus.INVALID: ":red-badge[:material/gpp_bad: invalid]",
    EvidenceStatus.UNREADABLE: ":orange-badge[:material/broken_image: unreadable]",
}
EVIDENCE = {
    "none": "nothing of its maker",
    "c2pa": "Content Credentials",
    "generator": "a generator’s parameters",
    "declaration": "a declaration",
    "camera": "a camera",
    "mark": "a generator’s mark",
    "watermark": "an invisible watermark",
}
"""Kinds of findings, as the filter and the figures name them."""
SOURCES = {
    "context-menu": "the browser’s menu",
    "page-scan": "a scan of its page",
    "dashboard": "this dashboard",
    "cli": "the command line",
    "api": "the API",
    "import": "an import",
}


def probabilities(values: dict[str, float], key: str) -> None:
    """Show both probabilities as numbers and as one bar."""
    ai, human = values[Label.AI_GENERATED], values[Label.HUMAN_MADE]
    with st.container(horizontal=True, horizontal_alignment="distribute", gap="small"):
        st.markdown(f":orange[**{joined(percent(ai))} AI-generated**]", width="content")
        st.markdown(f":blue[**{joined(percent(human))} human-made**]", width="content")
    theme = "dark" if st.context.theme.type == "dark" else "light"
    st.plotly_chart(
        probability_bar(ai, human, theme=theme),
        theme=None,
        key=f"bar-{key}",
        config={"staticPlot": True, "displayModeBar": False},
        alt=f"AI-generated {percent(ai)}, human-made {percent(human)}",
    )


def verdict(record: Json, key: str) -> None:
    """Show outcome, probabilities, the sentence, and what people said since."""
    st.header(HEADLINES[Outcome(record["outcome"])], anchor=False)
    if record["probabilities"] is not None:
        probabilities(record["probabilities"], key)
    st.markdown(plain(record["summary"]))
    if record.get("conflict"):
        st.warning(
            "**Model and file disagree.** What the file says of itself and what the model sees "
            "point to different makers; look at the evidence before you decide.",
            icon=":material/compare_arrows:",
        )
    if record["review"]:
        review_line(record["review"])


def review_line(review: Json) -> None:
    """Show a curator's decision."""
    label = REVIEWS[ReviewLabel(review["label"])]
    when = plain(day(review["created_at"]))
    st.markdown(f":material/verified_user: **Reviewed by a person: {label}**, {when}")


def evidence(findings: Iterable[Json]) -> None:
    """Show what the file says of itself, each with how far to trust it; absences in one line."""
    found = [f for f in findings if f["status"] != EvidenceStatus.ABSENT]
    for finding in found:
        badge = STATUSES[EvidenceStatus(finding["status"])]
        label = finding["label"]
        says = f" **{REVIEWS[ReviewLabel(label)]}**:" if label else ""
        st.markdown(f"{badge}{says} {plain(finding['detail'])}")
        if finding.get("prompt"):
            with st.expander("The prompt in the file"):
                st.text(finding["prompt"])
    absent = [f for f in findings if f["status"] == EvidenceStatus.ABSENT]
    if absent and not found:
        st.caption(
            "The file says nothing of its maker. That speaks for neither side: most sites strip "
            "such marks."
        )


def finding(name: str) -> str:
    """Name a finding as people read it.

    >>> finding("c2pa verified"), finding("none"), finding("tea leaves")
    ('Content Credentials, verified', 'nothing of its maker', 'tea leaves')
    """
    kind, _, status = name.partition(" ")
    if kind not in EVIDENCE:
        return name
    return f"{EVIDENCE[kind]}, {status}" if status else EVIDENCE[kind]


def report_button(client: Client, record_id: str, key: str) -> None:
    """Offer the report as a page to keep; it is asked for when the button is pressed."""
    st.download_button(
        "Report",
        partial(records.report, client, record_id),
        file_name=f"brushmark-report-{record_id[:26]}.html",
        mime="text/html",
        key=f"report-{key}",
        help="One page with picture, evidence and limits, to keep or hand over. It is no proof.",
        on_click="ignore",
        type="tertiary",
        icon=":material/description:",
    )


def context(record: Json) -> None:
    """Show when, how and where the picture was found; addresses are text, not links."""
    where = record["context"]
    lines = [f"Checked {day(record['created_at'])} from {SOURCES[where['source']]}"]
    if where["page_title"]:
        lines.append(f"“{where['page_title']}”")
    lines = [plain(line) for line in lines]
    lines += [code(address) for address in (where["page_url"], where["image_url"]) if address]
    st.caption("  \n".join(lines))


def small_print(record: Json, name: str | None = None) -> None:
    """Show the facts of file and model."""
    lines = ([name] if name else []) + [facts(record["image"]), _model(record)]
    st.caption("  \n".join(plain(line) for line in lines))


def _model(record: Json) -> str:
    model = record["model"]
    version = f"model {model['version']}" if model else "no model"
    return f"{version}, {record['elapsed_ms']:.0f} ms, SHA-256 {record['image']['sha256'][:16]}…"


def chip(record: Json) -> str:
    """Write outcome and score as one coloured badge of Markdown."""
    ai = record["probabilities"] and record["probabilities"][Label.AI_GENERATED]
    score = f" {joined(percent(ai))}" if ai is not None else ""
    return {
        Outcome.AI_GENERATED: f":orange-badge[AI{score}]",
        Outcome.HUMAN_MADE: f":blue-badge[human, AI{score}]",
        Outcome.UNCERTAIN: f":gray-badge[uncertain{score}]",
        Outcome.NOT_ASSESSED: ":gray-badge[not assessed]",
    }[Outcome(record["outcome"])]
