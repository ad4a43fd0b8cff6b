"""Look through a manifest for what would make figures wrong: leaks, copies, damage."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from backend.dataset.findings import Finding, Report, Weight
from backend.dataset.grouping import NEAR_BITS, near_hashes
from backend.dataset.leaks import LEAK_AUC, is_leak, leak_auc, outside_columns
from backend.dataset.picture_facts import PictureFacts, Progress, Unreadable, look_at_all
from backend.domain import Label
from backend.imaging.fingerprint import distance
from backend.training.manifest import SPLITS, Manifest, Row, survey

_EXAMPLES = 5
_LEAKS = {
    "size": "width, height and shape",
    "format": "the file's format",
    "bytes": "the file's bytes and bits per pixel",
    "outside": "size, format and bytes together",
    "original_size": "the originals' width, height and shape (columns original_*)",
    "original_format": "the originals' format (column original_format)",
}


@dataclass(frozen=True, slots=True)
class _Pictures:
    """The rows whose pictures can be read, each with its facts."""

    rows: tuple[Row, ...]
    facts: tuple[PictureFacts, ...]

    def pairs(self) -> Iterator[tuple[Row, PictureFacts]]:
        return zip(self.rows, self.facts, strict=True)


def check_manifest(file: Path, *, jobs: int, progress: Progress) -> Report:
    """Check a manifest and every picture in it.

    Raises:
        BadManifest: there is nothing to look through: no file, no header, no rows.
    """
    manifest, faults = survey(file)
    pictures, unreadable = _look(manifest, jobs, progress)
    progress(0, 0, "comparing")
    findings = [
        *_counted("manifest", Weight.MEND, [str(f) for f in faults], "refused by training"),
        *_counted("unreadable", Weight.MEND, unreadable, "unreadable pictures"),
        *_digests(pictures),
        *_copies(pictures),
    ]
    near, near_figures = _near(pictures)
    leaks, leak_figures = _leaks(pictures)
    sources, source_figures = _sources(manifest)
    figures = {
        "rows": len(manifest.rows),
        "splits": _splits(manifest),
        "near_duplicates": near_figures,
        "leak_auc": leak_figures,
        "sources": source_figures,
    }
    return Report(str(file), manifest.sha256, figures, (*findings, *near, *leaks, *sources))


def _look(manifest: Manifest, jobs: int, progress: Progress) -> tuple[_Pictures, list[str]]:
    rows: list[Row] = []
    facts: list[PictureFacts] = []
    unreadable: list[str] = []
    looked = look_at_all([row.file for row in manifest.rows], jobs=jobs)
    for row, (_, found) in zip(manifest.rows, looked, strict=True):
        if isinstance(found, Unreadable):
            unreadable.append(f"row {row.number}: {row.path}: {found.reason}")
        else:
            rows.append(row)
            facts.append(found)
        progress(len(rows) + len(unreadable), len(manifest.rows), "looking at pictures")
    return _Pictures(tuple(rows), tuple(facts)), unreadable


def _splits(manifest: Manifest) -> dict[str, dict[str, int]]:
    counts = Counter((row.split, row.label.value) for row in manifest.rows)
    present = [split for split in SPLITS if any(row.split == split for row in manifest.rows)]
    return {s: {label.value: counts[s, label.value] for label in Label} for s in present}


def _counted(code: str, weight: Weight, found: Sequence[str], what: str) -> Iterator[Finding]:
    if found:
        yield Finding(code, weight, len(found), f"{len(found)} {what}.", tuple(found[:_EXAMPLES]))


def _digests(pictures: _Pictures) -> Iterator[Finding]:
    wrong = [
        f"row {row.number}: {row.path}"
        for row, facts in pictures.pairs()
        if row.sha256 and row.sha256.lower() != facts.sha256
    ]
    lacking = [f"row {row.number}: {row.path}" for row in pictures.rows if not row.sha256]
    yield from _counted("sha256", Weight.MEND, wrong, "pictures are not those of their SHA-256")
    yield from _counted("sha256-missing", Weight.CARE, lacking, "rows without a SHA-256")


def _copies(pictures: _Pictures) -> Iterator[Finding]:
    same: dict[str, list[Row]] = defaultdict(list)
    for row, facts in pictures.pairs():
        same[facts.sha256].append(row)
    copies = [rows for rows in same.values() if len(rows) > 1]
    for code, weight, differ, what in (
        ("copies-labels", Weight.MEND, _labels, "files occur under both labels"),
        ("copies-splits", Weight.MEND, _split_names, "files occur in several splits"),
        ("copies-groups", Weight.MEND, _groups, "files occur in several groups"),
    ):
        found = [_copy_line(rows) for rows in copies if differ(rows) > 1]
        yield from _counted(code, weight, found, what)
    yield from _counted("copies", Weight.CARE, [*map(_copy_line, copies)], "files occur twice")


def _labels(rows: Sequence[Row]) -> int:
    return len({row.label for row in rows})


def _split_names(rows: Sequence[Row]) -> int:
    return len({row.split for row in rows})


def _groups(rows: Sequence[Row]) -> int:
    return len({row.group for row in rows})


def _copy_line(rows: Sequence[Row]) -> str:
    return "rows " + ", ".join(f"{row.number} ({row.split})" for row in rows[:4])


_Pair = tuple[Row, Row, int]


def _near(pictures: _Pictures) -> tuple[list[Finding], dict[str, int]]:
    """Find near-duplicates that a split, a label or a group tells apart."""
    hashes = np.array([facts.hash for facts in pictures.facts], np.uint64)
    pairs: list[_Pair] = [
        (pictures.rows[i], pictures.rows[j], distance(int(hashes[i]), int(hashes[j])))
        for i, j in near_hashes(hashes).tolist()
    ]
    questions: tuple[tuple[str, Weight, Callable[[_Pair], bool], str], ...] = (
        ("near-splits", Weight.MEND, lambda p: p[0].split != p[1].split, "different splits"),
        ("near-labels", Weight.CARE, lambda p: p[0].label is not p[1].label, "different labels"),
        ("near-groups", Weight.CARE, lambda p: p[0].group != p[1].group, "different groups"),
    )
    findings: list[Finding] = []
    figures = {"pairs": len(pairs)}
    for code, weight, apart, what in questions:
        found = sorted(filter(apart, pairs), key=lambda pair: pair[2])
        figures[code] = len(found)
        lines = [_near_line(pair) for pair in found]
        what = f"pairs of near-duplicates (within {NEAR_BITS} bits) lie in {what}"
        findings += _counted(code, weight, lines, what)
    return findings, figures


def _near_line(pair: _Pair) -> str:
    first, second, bits = pair
    return (
        f"{bits} bits: row {first.number} ({first.split}, {first.label}) and "
        f"row {second.number} ({second.split}, {second.label})"
    )


def _leaks(pictures: _Pictures) -> tuple[list[Finding], dict[str, Any]]:
    """Measure how well each outside of the files tells the label."""
    targets = np.array([row.target for row in pictures.rows], np.int64)
    if len(set(targets.tolist())) < 2:
        return [], {}
    findings: list[Finding] = []
    figures: dict[str, Any] = {}
    groups, sources = ([getattr(r, n) for r in pictures.rows] for n in ("group", "source"))
    for name, columns in _outsides(pictures).items():
        auc = leak_auc(columns, targets, groups)
        elsewhere = leak_auc(columns, targets, sources)
        figures[name] = {"groups": round(auc, 3), "sources": round(elsewhere, 3)}
        if is_leak(auc, targets):
            message = (
                f"The label leaks through {_LEAKS[name]}: AUC {auc:.2f} without a look at the "
                f"picture, {elsewhere:.2f} for sources not seen (said aloud from {LEAK_AUC:.2f})."
            )
            findings.append(Finding(f"leak-{name}", Weight.CARE, len(targets), message))
    return findings, figures


def _outsides(pictures: _Pictures) -> dict[str, Any]:
    facts = pictures.facts
    outsides = dict(
        outside_columns(
            [(f.width, f.height) for f in facts],
            [f.format for f in facts],
            [f.file_bytes for f in facts],
        )
    )
    more = [row.more for row in pictures.rows]
    sides = [(m.get("original_width", ""), m.get("original_height", "")) for m in more]
    if all(side.isdigit() and int(side) for pair in sides for side in pair):
        sizes = [(int(width), int(height)) for width, height in sides]
        if sizes == [(f.width, f.height) for f in facts]:  # these files are the originals
            return outsides
        originals = outside_columns(sizes, [m.get("original_format", "") for m in more], [])
        outsides |= {f"original_{name}": columns for name, columns in originals.items()}
    return outsides


def _sources(manifest: Manifest) -> tuple[list[Finding], dict[str, Any]]:
    """Say how far the source alone tells the label, split by split, and whether unseen is so."""
    labels: dict[str, dict[str, set[Label]]] = defaultdict(lambda: defaultdict(set))
    for row in manifest.rows:
        labels[row.split][row.source].add(row.label)
    figures: dict[str, Any] = {}
    found: list[str] = []
    for split in (s for s in SPLITS if s in labels):
        lone = {source for source, seen in labels[split].items() if len(seen) == 1}
        rows = [row for row in manifest.rows if row.split == split]
        share = sum(row.source in lone for row in rows) / len(rows)
        figures[split] = {"sources": len(labels[split]), "of_one_label": len(lone)}
        if lone:
            found.append(
                f"{split}: {len(lone)} of {len(labels[split])} sources, {share:.0%} of the rows"
            )
    lone_sources = sum(figure["of_one_label"] for figure in figures.values())
    findings = [
        Finding(
            "sources-of-one-label",
            Weight.NOTE,
            lone_sources,
            "Sources of one label tell it by themselves: weight by source, test by source.",
            tuple(found),
        )
    ][: bool(found)]
    elsewhere = {source for split, seen in labels.items() if split != "unseen" for source in seen}
    known = sorted(elsewhere & set(labels.get("unseen", {})))
    findings += _counted("unseen-known", Weight.MEND, known, "sources of unseen occur elsewhere")
    return findings, figures
