"""The sections that go by name: generators, sources, kinds, left-out names, worst mistakes."""

from __future__ import annotations

from collections.abc import Sequence

from backend.domain import Label
from backend.training.evaluation import figures
from backend.training.evaluation.findings import Findings
from backend.training.evaluation.leave_out import LEAST_ORIGINALS as LEAST_LEFT_OUT
from backend.training.evaluation.leave_out import LeftOut
from backend.training.evaluation.markup import (
    beside,
    chart,
    folded,
    jpeg,
    paragraph,
    percent,
    plain_with_interval,
    section,
    table,
    with_interval,
)
from backend.training.evaluation.mistakes import Mistake
from backend.training.evaluation.tables import LEAST_ORIGINALS, Table

_MOST_DRAWN = 30
_SHORT = {Label.AI_GENERATED: "AI-generated", Label.HUMAN_MADE: "human-made"}


def names(f: Findings) -> str:
    """Return macro means, worst names, figures of families and kinds, and the whole tables."""
    overview = [
        [
            t.title,
            str(len(t.lines)),
            with_interval(t.macro),
            t.worst.name if t.worst else "none is large enough",
            with_interval(t.worst.right) if t.worst else "",
            percent(t.worst.wronged) if t.worst else "",
        ]
        for t in f.tables.values()
    ]
    heads = ["By", "Names", "Mean over names", "Worst", "Its recall", "Its wrong verdicts"]
    return section(
        "names",
        "Who is found, who is accused",
        table(heads, overview),
        paragraph(
            f"Recall at score 0.5. Worst among names with at least {LEAST_ORIGINALS} originals. "
            "Intervals are Wilson's for as many trials as resampled groups of near-duplicates say "
            "the originals are worth; for means over names, names resampled. Wrong verdicts are "
            "those at the served thresholds.",
            "note",
        ),
        beside(
            _drawn("family", f.tables["family"], figures.AI),
            _drawn("human_kind", f.tables["human_kind"], figures.HUMAN),
        ),
        _drawn("human_source", f.tables["human_source"], figures.HUMAN),
        *(folded(f"{t.title}: all {len(t.lines)}", _whole(t)) for t in f.tables.values()),
    )


def _drawn(name: str, t: Table, colour: str) -> str:
    lines = [line for line in t.lines if line.enough][:_MOST_DRAWN]
    if not lines:
        return ""
    return chart(
        name.replace("_", "-"),
        figures.dots(
            [f"{line.name} ({line.originals})" for line in lines],
            {"recall": (colour, [line.right for line in lines])},
            title="judged rightly at score 0.5",
            marks=(0.5,),
        ),
        t.title,
        f"Worst first, originals in brackets; those with at least {LEAST_ORIGINALS}"
        + (f", the worst {_MOST_DRAWN} of them." if len(lines) == _MOST_DRAWN else "."),
    )


def _whole(t: Table) -> str:
    heads = ["Name", "Originals", "Groups", "Recall", "Wrong verdicts", "Uncertain", "Mean score"]
    return table(
        heads,
        [
            [
                line.name,
                str(line.originals),
                str(line.groups),
                with_interval(line.right),
                percent(line.wronged),
                percent(line.undecided),
                f"{line.mean_score:.2f}",
            ]
            for line in t.lines
        ],
    )


def left_out(f: Findings) -> str:
    """Return what is reached on generators and sources that the classifier never saw."""
    if not f.left_out:
        return ""
    parts = [_left_out_field(field, lines) for field, lines in f.left_out.items()]
    return section(
        "left-out",
        "Left out",
        paragraph(
            f"On the pooled vectors of the training and validation splits that the release "
            f"carries, {f.classifier} is fitted anew without each name, and judged on it. The "
            "network beneath has not been trained anew. Pictures of the other class are those "
            f"of val. Names with at least {LEAST_LEFT_OUT} originals."
        ),
        *parts,
    )


def _left_out_field(field: str, lines: Sequence[LeftOut]) -> str:
    heads = [field.capitalize(), "Class", "Originals", "Groups", "Recall", "AUC"]
    rows = [
        [
            line.name,
            _SHORT[line.label],
            str(line.originals),
            str(line.groups),
            with_interval(line.recall),
            plain_with_interval(line.auc),
        ]
        for line in lines
    ]
    drawn = []
    for label in (Label.AI_GENERATED, Label.HUMAN_MADE):
        own = [line for line in lines if line.label is label]
        if own:
            drawn.append(_left_out_chart(field, label, own))
    return "".join(drawn) + folded(f"Leaving one {field} out: all {len(lines)}", table(heads, rows))


def _left_out_chart(field: str, label: Label, lines: Sequence[LeftOut]) -> str:
    mean = sum(line.recall.value for line in lines) / len(lines)
    drawn = lines[:_MOST_DRAWN]
    colour = figures.AI if label is Label.AI_GENERATED else figures.HUMAN
    return chart(
        f"left-out-{field}-{label.value.replace('_', '-')}",
        figures.dots(
            [f"{line.name} ({line.originals})" for line in drawn],
            {"recall": (colour, [line.recall for line in drawn])},
            title="judged rightly",
            marks=(0.5,),
        ),
        f"{field.capitalize()} left out, {_SHORT[label]}",
        f"The worst {len(drawn)} of {len(lines)}, originals in brackets. The mean recall of all "
        f"{len(lines)} is {percent(mean)}.",
    )


def mistakes(f: Findings) -> str:
    """Return the contact sheets."""
    parts = []
    for label, sheet in f.mistakes.items():
        if sheet:
            title = "Human-made, taken for AI-generated"
            if label is Label.AI_GENERATED:
                title = "AI-generated, taken for human-made"
            cards = "".join(_card(mistake) for mistake in sheet)
            parts.append(f'<h3>{title}</h3><div class="sheet">{cards}</div>')
    if not parts:
        return ""
    return section(
        "mistakes",
        "Worst mistakes",
        paragraph(
            "Each beside its heat map: warm speaks for AI-generated, cool for human-made. "
            "Of every original the whole view is shown."
        ),
        *parts,
    )


def _card(mistake: Mistake) -> str:
    row = mistake.row
    what = f"{row.kind} of {row.source}" if row.target == 0 else f"{row.generator} in {row.source}"
    text = f"P(AI) {mistake.score:.3f}. {what}, row {row.number}, {row.sha256[:8]}"
    return (
        '<figure class="mistake"><div>'
        + jpeg(mistake.picture, f"Picture: {what}")
        + jpeg(mistake.heat_map, f"Heat map: {what}")
        + f"</div>{_caption(text)}</figure>"
    )


def _caption(text: str) -> str:
    return paragraph(text).replace("<p>", "<figcaption>").replace("</p>", "</figcaption>")
