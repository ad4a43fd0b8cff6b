"""Read a data manifest, or refuse it with the row's number."""

from __future__ import annotations

import csv
import hashlib
import io
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from PIL import Image

from backend.domain import Label
from backend.errors import BadManifest, BrushmarkError
from backend.imaging.decode import decode

REQUIRED = ("path", "label", "generator", "kind", "source", "group", "split", "licence", "sha256")
SPLITS = ("train", "val", "test", "unseen")
SEALED = ("test", "unseen")
"""Splits that are opened for a release and counted, never for tuning."""


@dataclass(frozen=True, slots=True)
class Row:
    """One labelled picture of a manifest; `number` is its line in the file, the header being 1."""

    number: int
    file: Path
    path: str
    label: Label
    generator: str
    kind: str
    source: str
    group: str
    split: str
    licence: str
    sha256: str
    more: Mapping[str, str] = field(default_factory=dict)

    @property
    def target(self) -> int:
        """1 for ai_generated, 0 for human_made: the order of the network's logits."""
        return int(self.label is Label.AI_GENERATED)

    @property
    def view(self) -> str:
        """Which view of its original this is; `whole` where the manifest does not say."""
        return self.more.get("view") or "whole"


@dataclass(frozen=True, slots=True)
class Manifest:
    """The rows of a manifest and the SHA-256 of its file."""

    file: Path
    sha256: str
    rows: tuple[Row, ...]
    task: str | None = None
    """The named task whose rows alone these are; None where it is the whole file."""

    def described(self) -> dict[str, str]:
        """Return what a run's configuration says of its data."""
        whole = {"manifest": str(self.file), "sha256": self.sha256}
        return whole if self.task is None else {**whole, "task": self.task}

    def of(self, *splits: str, view: str | None = None) -> tuple[Row, ...]:
        """Return the rows of some splits, of one view where one is named."""
        return tuple(r for r in self.rows if r.split in splits and (view is None or r.view == view))


def read_manifest(file: Path, *, lone_classes: bool = False) -> Manifest:
    """Read and check a manifest; pictures lie beside it.

    A split with a single class is let through where `lone_classes` says so.

    Raises:
        BadManifest: a missing file or column, an unknown label or split, a picture that is
            not there, a group cut by a split, a split with a single class. The message
            names the row.
    """
    manifest, faults = survey(file, lone_classes=lone_classes)
    if faults:
        raise faults[0]
    return manifest


def survey(file: Path, *, lone_classes: bool = False) -> tuple[Manifest, list[BadManifest]]:
    """Read the rows that can be read, and all that `read_manifest` refuses the others for.

    Raises:
        BadManifest: there is nothing to look through: no file, no header, no rows.
    """
    try:
        raw = file.read_bytes()
        text = raw.decode("utf-8")
    except FileNotFoundError as error:
        raise BadManifest(f"There is no manifest {file}.") from error
    except (OSError, UnicodeDecodeError) as error:
        raise BadManifest(f"The manifest {file} cannot be read: {error}.") from error
    reader = csv.DictReader(io.StringIO(text, newline=""))
    missing = [name for name in REQUIRED if name not in (reader.fieldnames or ())]
    if missing:
        raise BadManifest(f"{file.name}: the header lacks {', '.join(missing)}.")
    rows: list[Row] = []
    faults: list[BadManifest] = []
    for entry in reader:
        try:
            rows.append(_row(file, reader.line_num, entry))
        except BadManifest as fault:
            faults.append(fault)
    if not rows and not faults:
        raise BadManifest(f"{file.name} has no rows.")
    faults += _cut_groups(file, rows)
    faults += () if lone_classes else _lone_classes(file, rows)
    return Manifest(file, hashlib.sha256(raw).hexdigest(), tuple(rows)), faults


def _row(file: Path, number: int, entry: Mapping[str, str | None]) -> Row:
    values = {k: (v or "").strip() for k, v in entry.items() if k is not None}
    at = f"{file.name}, row {number}"
    try:
        label = Label(values["label"])
    except ValueError:
        raise BadManifest(
            f"{at}: the label is “{values['label']}”; it must be one of {', '.join(Label)}."
        ) from None
    if values["split"] not in SPLITS:
        raise BadManifest(
            f"{at}: the split is “{values['split']}”; it must be one of {', '.join(SPLITS)}."
        )
    if not values["group"]:
        raise BadManifest(
            f"{at}: no group; near-duplicates share one, a single picture has its own."
        )
    picture = (file.parent / values["path"]).resolve()
    if not picture.is_relative_to(file.parent.resolve()):
        raise BadManifest(f"{at}: {values['path']} lies outside the manifest's folder.")
    if not picture.is_file():
        raise BadManifest(f"{at}: there is no file {values['path']}.")
    more = {k: v for k, v in values.items() if k not in REQUIRED}
    known = {k: values[k] for k in REQUIRED if k not in {"label"}}
    return Row(number=number, file=picture, label=label, more=more, **known)


def _cut_groups(file: Path, rows: Iterable[Row]) -> Iterator[BadManifest]:
    first: dict[str, Row] = {}
    for row in rows:
        seen = first.setdefault(row.group, row)
        if seen.split != row.split:
            yield BadManifest(
                f"{file.name}, row {row.number}: group {row.group} is cut by a split "
                f"({row.split} here, {seen.split} in row {seen.number})."
            )


def _lone_classes(file: Path, rows: Iterable[Row]) -> Iterator[BadManifest]:
    labels: dict[str, dict[Label, int]] = defaultdict(dict)
    for row in rows:
        labels[row.split].setdefault(row.label, row.number)
    for split, found in labels.items():
        if len(found) == 1:
            label, number = next(iter(found.items()))
            yield BadManifest(
                f"{file.name}: the split {split} holds {label} alone (from row {number}); "
                "two classes are needed."
            )


def require_classes(manifest: Manifest, splits: Iterable[str], view: str | None) -> None:
    """Refuse a manifest that lacks a class in a split that is needed. Raises `BadManifest`."""
    for split in splits:
        for label, n in counts(manifest.of(split, view=view)).items():
            if not n:
                seen = f"{view} view" if view else "picture"
                raise BadManifest(
                    f"{manifest.file.name}: there is no {label} {seen} in the split {split}, and "
                    "both classes are needed there."
                )


def open_picture(row: Row) -> Image.Image:
    """Decode a row's picture as serving does.

    Raises:
        BadManifest: it cannot be read; the message names the row.
    """
    try:
        return decode(row.file.read_bytes()).image
    except (OSError, BrushmarkError) as error:
        raise BadManifest(f"Row {row.number}: {row.path} cannot be read: {error}") from error


def counts(rows: Sequence[Row]) -> dict[str, int]:
    """Count rows by label."""
    return {label.value: sum(r.label is label for r in rows) for label in Label}
