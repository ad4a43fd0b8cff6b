"""The data card: what the data set holds, where it comes from, how it was split, what to mind."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from backend.dataset.grouping import NEAR_BITS
from backend.domain import Label
from backend.exporting.cells import flat
from backend.exporting.request import ExportFormat

_FRONT = """---
task_categories:
- image-classification
tags:
- brushmark
- ai-generated-images
---

# Brushmark export

Pictures that people looked at and labelled as made by a generator or by a person.
"""
_FILES = (
    (ExportFormat.IMAGEFOLDER, "`train/`, `val/`, `test/`", "pictures by label, named by SHA-256"),
    (
        ExportFormat.IMAGEFOLDER,
        "`*/metadata.jsonl`",
        'a line a picture: `datasets.load_dataset("imagefolder", data_dir="…")`',
    ),
    (ExportFormat.CSV, "`manifest.csv`", "Brushmark's data manifest: `brushmark train --data …`"),
    (
        ExportFormat.LABEL_STUDIO,
        "`label_studio.json`, `label_config.xml`",
        "tasks with annotations and predictions, and the labelling set-up for them",
    ),
    (
        ExportFormat.ALL,
        "`records.jsonl`",
        "the log's records, without clients, addresses, titles and reviewers",
    ),
    (
        ExportFormat.ALL,
        "`features*.safetensors`",
        "feature vectors, a file a model, named as in a release's `features.safetensors`",
    ),
)
_RULES = f"""
## How it was made

- The label is that of the latest review of a picture's exact bytes that was not undone. Pictures
  that nobody reviewed, and those of which a curator could not tell, are not in it.
- Near-duplicates (perceptual hashes within {NEAR_BITS} of 64 bits) share a group, and no split cuts
  a group. Pictures that have a near-duplicate with the other label are left out on both sides.
- A picture whose file was not kept has its record and its vector, and no file.
- Labels are judgements of people and can be wrong. The pictures were chosen for review, not drawn
  at random, unless `audit` is true: figures measured on the others are not error rates.
- The pictures are the original files, with whatever metadata their makers left in them, and belong
  to whoever made them: `licence` says what is known of that.
"""


def data_card(document: Mapping[str, Any]) -> str:
    """Write README.md from the export's own document, export.json."""
    chosen = ExportFormat(document["request"]["format"])
    parts = [
        _FRONT,
        "## What is in it\n",
        _counts(document),
        "\n| file | what it is |\n|---|---|",
    ]
    parts += [f"| {name} | {what} |" for kind, name, what in _FILES if chosen.has(kind)]
    parts.append("| `export.json` | counts, request and leakage report, for programs |")
    parts.append("| `SHA256SUMS` | of every other file: `sha256sum -c SHA256SUMS` |")
    parts += [_RULES, "## Leakage report\n", *_findings(document), "\n## Where it comes from\n"]
    parts += [*_request(document), *_tables(document), ""]
    return "\n".join(parts)


def _counts(document: Mapping[str, Any]) -> str:
    lines = ["| split | AI-generated | human-made |", "|---|---|---|"]
    for split, counts in document["splits"].items():
        lines.append(
            f"| {split} | {counts[Label.AI_GENERATED.value]} | {counts[Label.HUMAN_MADE.value]} |"
        )
    lines.append(
        f"\n{document['examples']} pictures in {document['groups']} groups; the files of "
        f"{document['pictures']} are kept, of {document['not_kept']} not."
    )
    return "\n".join(lines)


def _findings(document: Mapping[str, Any]) -> list[str]:
    findings = document["leakage"]["findings"]
    if not findings:
        return ["Nothing to mend, nothing to take care of."]
    return [f"- **{f['weight']}**: {_words(f['message'])}" for f in findings]


def _request(document: Mapping[str, Any]) -> list[str]:
    given = document["request"]["filter"]
    if not given:
        return ["Every reviewed picture of the log."]
    conditions = ", ".join(f"{name} is {_words(str(value))}" for name, value in given.items())
    return [f"The log's reviewed pictures where {conditions}."]


def _tables(document: Mapping[str, Any]) -> list[str]:
    lines: list[str] = []
    for name, heading in (("sources", "source"), ("models", "model that judged")):
        lines += ["", f"| {heading} | pictures |", "|---|---|"]
        lines += [f"| {_words(text)} | {count} |" for text, count in document[name].items()]
    return lines


def _words(text: str) -> str:
    """Show text from outside as it is: neither markup nor a cell's border."""
    return re.sub(r"([\\`*_{}\[\]()<>#|~$&!])", r"\\\1", flat(text))
