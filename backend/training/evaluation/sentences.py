"""What the figures say, in sentences for people."""

from __future__ import annotations

from collections.abc import Sequence

from backend.training.evaluation.findings import Findings
from backend.training.evaluation.leaks import ALARM_AUC, Control
from backend.training.evaluation.markup import percent, with_interval
from backend.training.evaluation.tables import LEAST_ORIGINALS, Table


def in_words(f: Findings) -> list[str]:
    """Return the main findings, worst news included."""
    n, served = f.summary["n"], f.summary["served"]
    said = [
        f"Of {n['human_made']:,} human-made originals, {percent(served['human_called_ai'])} get "
        f"the verdict “AI-generated” at the served threshold; of {n['ai_generated']:,} generated "
        f"ones, {percent(served['ai_called_human'])} get “human-made”. "
        f"{percent(1 - served['coverage'])} of all stay “uncertain”, and of the rest "
        f"{percent(served['accuracy_when_decided'])} are right."
    ]
    for key, noun in (("generator", "generator"), ("human_source", "human source")):
        said.append(_of_names(f.tables[key], noun))
    cells = [g for g in f.grid if g.cell != "clean"]
    if cells:
        worst = min(cells, key=lambda g: g.figures["balanced_accuracy"].value)
        mean = sum(g.figures["balanced_accuracy"].value for g in cells) / len(cells)
        said.append(
            f"On degraded copies the balanced accuracy is {percent(mean)} on average and "
            f"{percent(worst.figures['balanced_accuracy'].value)} at worst ({worst.title})."
        )
    said += alarms(f.controls)
    return said


def _of_names(table: Table, noun: str) -> str:
    text = f"With every {noun} weighed alike, {with_interval(table.macro)} are judged rightly"
    worst = table.worst
    if worst is None:
        return f"{text}; none has {LEAST_ORIGINALS} originals, so none is called the worst."
    return (
        f"{text}; the worst with at least {LEAST_ORIGINALS} originals is {worst.name}, "
        f"{with_interval(worst.right)} of {worst.originals}."
    )


def alarms(controls: Sequence[Control]) -> list[str]:
    """Return a sentence for each control on packing alone that does too well."""
    return [
        f"These data are not equalised: a classifier that sees only {c.sees} reaches AUC "
        f"{c.auc.value:.3f} ({ALARM_AUC:.2f} is the alarm). A detector that has learnt this looks "
        "better here than it is."
        for c in controls
        if c.alarms
    ]


def warnings(f: Findings) -> list[str]:
    """Return what a reader must know before any figure."""
    said = []
    if f.setting.limited:
        said.append(
            f"A quick look: {len(f.clean.scores.rows):,} of {f.setting.originals_in_split:,} "
            "originals. The figures are rough and not to be quoted."
        )
    if f.setting.split == "train":
        said.append("The model has learnt from these very pictures: the figures say little.")
    opened = f.openings.get(f.setting.split)
    if opened:
        said.append(
            f"The split {f.setting.split} is sealed. These weights have looked at it "
            f"{opened['by_the_release'] + opened['by_evaluate']} times: {opened['by_the_release']} "
            f"at their release, {opened['by_evaluate']} by this command. Choose nothing by it."
        )
    return said
