"""The part of the Quality page about the labels: do reviewers agree, and which may be wrong?"""

from __future__ import annotations

import streamlit as st

from backend.domain import Label, ReviewLabel
from dashboard.access import current_client
from dashboard.client import Client, Failure, Json, figures
from dashboard.gathering import gatherer
from dashboard.links import to_page
from dashboard.rates import count, interval, share
from dashboard.shell import empty
from dashboard.words import plain

_SUSPECTS = 8
_COLUMN_PX = 415
_LABELS = {
    ReviewLabel.AI_GENERATED: "AI-generated",
    ReviewLabel.HUMAN_MADE: "human-made",
    ReviewLabel.CANNOT_TELL: "cannot tell",
}
_WORDS = (
    (0.8, "almost always beyond chance"),
    (0.6, "well beyond chance"),
    (0.4, "moderately beyond chance"),
    (0.2, "little beyond chance"),
)


def reviewers() -> None:
    """Show agreement between reviewers, and labels that may be wrong."""
    client = current_client()
    # Side by side where there is room for both.
    row = st.container(horizontal=True, gap="medium")
    with row.container(width=_COLUMN_PX):
        st.subheader("Do reviewers agree?", anchor=False)
        _agreement(figures.agreement(client))
    with row.container(width=_COLUMN_PX):
        st.subheader("Labels that may be wrong", anchor=False)
        _suspects(client, figures.label_errors(client, _SUSPECTS))


def _agreement(found: Json) -> None:
    if not found["pictures"]:
        empty(
            "Nobody reviewed the same picture yet",
            "Where two people label the same picture, this shows how far they agree: labels that "
            "people differ on cannot teach a model more than that.",
            icon=":material/group:",
            key="agreement",
        )
        return
    columns = st.columns(2)
    with columns[0], st.container(border=True, height="stretch"):
        st.metric("Same label", share(found["raw"]["value"]))
        st.caption(f"{interval(found['raw'])} pairs")
    with columns[1], st.container(border=True, height="stretch"):
        kappa = found["kappa"]
        st.metric(
            "Fleiss’ kappa",
            "–" if kappa is None else f"{kappa:.2f}",
            help="Agreement beyond chance: 0 is what chance gives, 1 is always.",
        )
        st.caption("everybody says the same" if kappa is None else kappa_words(kappa))
    st.caption(
        f"On {count(found['pictures'], 'picture')} with labels of two or more of "
        f"{count(found['reviewers'], 'reviewer')}."
    )
    if len(found["pairs"]) > 1:
        st.dataframe([_pair_row(pair) for pair in found["pairs"]], hide_index=True, width="stretch")
    if found["disputes"]:
        st.markdown("**They differ on**")
        for dispute in found["disputes"][:5]:
            to_page(
                "gallery",
                ", ".join(
                    f"{plain(name)}: {_LABELS[ReviewLabel(label)]}"
                    for name, label in dispute["labels"].items()
                ),
                ":material/compare_arrows:",
                q=dispute["sha256"],
            )


def kappa_words(kappa: float) -> str:
    """Say in words how much agreement a kappa is (after Landis and Koch 1977)."""
    return next((words for least, words in _WORDS if kappa >= least), "no better than chance")


def _pair_row(pair: Json) -> dict[str, str]:
    return {
        "Reviewers": f"{pair['first']}, {pair['second']}",
        "Same label": f"{share(pair['agreement']['value'])} of {pair['agreement']['n']}",
        "Kappa": "–" if pair["kappa"] is None else f"{pair['kappa']:.2f}",
    }


def _suspects(client: Client, found: Json) -> None:
    if not found["found"]:
        empty(
            "No label looks wrong",
            "Labels are suspected where the score, and the training pictures most alike, speak "
            "clearly for the other side. Both sides need some reviews first.",
            icon=":material/thumb_up:",
            key="suspects",
        )
        return
    st.caption(
        f"About {count(found['expected'], 'label')} of {found['reviewed']:,} may be wrong; the "
        "most doubtful first. The model may be the one that errs: look before you change one."
    )
    suspects = [suspect["prediction"]["id"] for suspect in found["found"]]
    gatherer().ask_all(client, "thumbnail", suspects)
    for suspect in found["found"]:
        _suspect(client, suspect)


def _suspect(client: Client, suspect: Json) -> None:
    record = suspect["prediction"]
    picture, words, link = st.columns([3, 9, 5], vertical_alignment="center")
    with picture:
        data = _thumbnail(client, record["id"])
        if data is not None:
            st.image(data, width=72, alt="A reviewed picture")
        else:
            st.markdown(":gray[:material/hide_image:]")
    with words:
        label = Label(suspect["label"])
        score = record["probabilities"]["ai_generated"]
        against = 1 - score if label is Label.AI_GENERATED else score
        alike = suspect["unlike"]
        more = f"; {round(5 * alike)} of 5 most alike disagree" if alike is not None else ""
        st.markdown(
            f":small[labelled **{_LABELS[ReviewLabel(label.value)]}**, the model gives "
            f"{share(against)} to the other{more}]"
        )
    with link:
        to_page("gallery", "Look again", ":material/visibility:", q=str(record["image"]["sha256"]))


def _thumbnail(client: Client, record_id: str) -> bytes | None:
    try:
        return gatherer().get(client, "thumbnail", record_id)
    except Failure:
        return None
