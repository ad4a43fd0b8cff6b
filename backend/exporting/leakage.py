"""What a model could learn from an export in place of the question, said aloud."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from backend.dataset.findings import Finding, Weight
from backend.dataset.leaks import LEAK_AUC, is_leak, leak_auc, outside_columns
from backend.domain import Label
from backend.wire import Json

_FEW = 20
"""Fewer pictures of a class than this say nothing of leaks."""
_NAMES = {
    "size": "width, height and shape",
    "format": "the file's format",
    "bytes": "the file's bytes and bits per pixel",
    "outside": "size, format and bytes together",
}


@dataclass(frozen=True, slots=True)
class Placed:
    """A picture with its place in the export and the outside of its file."""

    sha256: str
    label: Label
    source: str
    group: str
    split: str
    width: int
    height: int
    format: str
    bytes: int
    model: str
    audit: bool
    kept: bool


def leakage(rows: Sequence[Placed]) -> tuple[Json, list[Finding]]:
    """Return the figures of the leakage report, and its findings, the gravest first."""
    findings = [*_lone_classes(rows), *_sources(rows), *_audit(rows)]
    figures, leaks = _outsides(rows)
    order = list(Weight)
    return figures, sorted([*findings, *leaks], key=lambda f: order.index(f.weight))


def _lone_classes(rows: Sequence[Placed]) -> Iterator[Finding]:
    labels: dict[str, Counter[Label]] = defaultdict(Counter)
    for row in rows:
        labels[row.split][row.label] += 1
    for split in sorted(labels):
        if len(labels[split]) == 1:
            ((label, count),) = labels[split].items()
            yield Finding(
                "lone-class",
                Weight.MEND,
                count,
                f"The split {split} holds {label} alone: nothing can be trained or measured "
                "on it. Review more pictures, or split less.",
            )


def _sources(rows: Sequence[Placed]) -> Iterator[Finding]:
    labels: dict[str, set[Label]] = defaultdict(set)
    sizes: Counter[str] = Counter()
    for row in rows:
        labels[row.source].add(row.label)
        sizes[row.source] += 1
    lone = sorted(source for source, found in labels.items() if len(found) == 1)
    if lone and len(labels) > 1:
        share = sum(sizes[source] for source in lone) / len(rows)
        yield Finding(
            "sources-of-one-label",
            Weight.CARE,
            len(lone),
            f"{len(lone)} of {len(labels)} sources have one label ({share:.0%} of the pictures): "
            "a model can learn the source in place of the question.",
            tuple(lone[:5]),
        )


def _audit(rows: Sequence[Placed]) -> Iterator[Finding]:
    count = sum(row.audit for row in rows)
    if count:
        yield Finding(
            "audit-sample",
            Weight.NOTE,
            count,
            f"{count} pictures are of the random audit sample (column audit): measure on them, "
            "and train on the others.",
        )


def _outsides(rows: Sequence[Placed]) -> tuple[Json, list[Finding]]:
    """Measure how well each outside of the files tells the label."""
    targets = np.array([int(row.label is Label.AI_GENERATED) for row in rows], np.int64)
    if min(int(np.sum(targets == 1)), int(np.sum(targets == 0))) < _FEW:
        return {}, [
            Finding(
                "too-few",
                Weight.NOTE,
                len(rows),
                f"With fewer than {_FEW} pictures of a label, leaks cannot be measured.",
            )
        ]
    columns = outside_columns(
        [(row.width, row.height) for row in rows],
        [row.format for row in rows],
        [row.bytes for row in rows],
    )
    figures: Json = {}
    findings: list[Finding] = []
    for name, outside in columns.items():
        auc = leak_auc(outside, targets, [row.group for row in rows])
        elsewhere = leak_auc(outside, targets, [row.source for row in rows])
        figures[name] = {"groups": round(auc, 3), "sources": round(elsewhere, 3)}
        if is_leak(auc, targets):
            message = (
                f"The label leaks through {_NAMES[name]}: AUC {auc:.2f} without a look at the "
                f"picture, {elsewhere:.2f} for sources not seen (said aloud from {LEAK_AUC:.2f})."
            )
            findings.append(Finding(f"leak-{name}", Weight.CARE, len(rows), message))
    return figures, findings
