"""Verdicts for people (a table) and for pipes (plain lines that keep their form)."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from backend.cli.failures import printable
from backend.domain import EvidenceStatus, Label, Outcome, PredictionRecord, percent

_STYLES = {
    Outcome.AI_GENERATED: "bold dark_orange3",
    Outcome.HUMAN_MADE: "bold dodger_blue2",
    Outcome.UNCERTAIN: "bold",
    Outcome.NOT_ASSESSED: "dim",
}

_STATUS_STYLES = {
    EvidenceStatus.VERIFIED: "bold green",
    EvidenceStatus.DECLARED: "",
    EvidenceStatus.INVALID: "bold red",
    EvidenceStatus.UNREADABLE: "yellow",
    EvidenceStatus.ABSENT: "dim",
}


def plain_line(name: str, record: PredictionRecord) -> str:
    """Write a verdict as five fields with tabs between them.

    Outcome in words, P(AI-generated), P(human-made), file, sentence; probabilities have three
    decimals, or are a dash where the picture was not assessed.
    """
    return "\t".join(
        (
            record.verdict.outcome.words,
            *_probabilities(record, "{:.3f}".format, "-"),
            printable(name),
            printable(record.verdict.summary),
        )
    )


def print_table(console: Console, rows: Iterable[tuple[str, PredictionRecord]]) -> None:
    """Print verdicts as a table that fits the terminal."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, expand=False)
    table.add_column("Verdict", no_wrap=True)
    table.add_column("AI", justify="right", no_wrap=True)
    table.add_column("human", justify="right", no_wrap=True)
    table.add_column("Picture", overflow="fold", ratio=2)
    table.add_column("What it means", overflow="fold", ratio=3)
    for name, record in rows:
        outcome = record.verdict.outcome
        # Text, not markup: a file may be called "[red].jpg".
        table.add_row(
            Text(outcome.words, style=_STYLES[outcome]),
            *_probabilities(record, percent, "–"),
            Text(printable(name)),
            Text(record.verdict.summary),
        )
    console.print(table)


def evidence_lines(name: str, record: PredictionRecord) -> list[str]:
    """Write each finding as five fields with tabs between them, the first of them `evidence`.

    Then status, kind, file and finding; a prompt is a line of its own, of the status `prompt`.
    """
    lines = []
    for row in record.verdict.evidence:
        fields = ["evidence", row.status.value, row.kind, printable(name)]
        lines.append("\t".join((*fields, printable(row.detail))))
        if row.prompt:
            fields[1] = "prompt"
            lines.append("\t".join((*fields, _one_line(row.prompt))))
    return lines


def print_evidence(console: Console, rows: Iterable[tuple[str, PredictionRecord]]) -> None:
    """Print what each file says of its own origin, as a table that fits the terminal."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, expand=False)
    table.add_column("Picture", overflow="fold", ratio=1)
    table.add_column("Evidence", no_wrap=True)
    table.add_column("Status", no_wrap=True)
    table.add_column("What the file says", overflow="fold", ratio=4)
    for name, record in rows:
        for number, row in enumerate(record.verdict.evidence):
            said = Text(printable(row.detail), style=_STATUS_STYLES[row.status])
            if row.prompt:
                said.append(f"\nPrompt: {_one_line(row.prompt)}", style="italic")
            table.add_row(
                Text(printable(name) if number == 0 else ""),
                Text(row.kind),
                Text(row.status.value, style=_STATUS_STYLES[row.status]),
                said,
            )
    console.print(table)


def _one_line(prompt: str) -> str:
    return printable(" ".join(prompt.split()))


def _probabilities(
    record: PredictionRecord, form: Callable[[float], str], none: str
) -> tuple[str, str]:
    prediction = record.verdict.prediction
    if prediction is None:
        return none, none
    found = prediction.probabilities
    return form(found[Label.AI_GENERATED]), form(found[Label.HUMAN_MADE])
