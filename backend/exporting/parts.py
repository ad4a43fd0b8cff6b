"""The tables of an export, each written to a file of its own while the pictures go by."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

from backend.errors import StoreDamaged
from backend.exporting import tables
from backend.exporting.archive import Archive
from backend.exporting.examples import Example
from backend.exporting.leakage import Placed
from backend.exporting.request import ExportFormat
from backend.storage.images import ImageStore

MANIFEST = "manifest.csv"
RECORDS = "records.jsonl"
METADATA = "metadata.jsonl"
TASKS = "label_studio.json"
CONFIG = "label_config.xml"


class Parts:
    """Writes each row to the tables that the format has; `finish` puts them into the zip."""

    def __init__(self, folder: Path, format: ExportFormat) -> None:
        self._folder = folder
        self._format = format
        self._files: dict[str, BinaryIO] = {}
        if format.has(ExportFormat.CSV):
            self._file(MANIFEST).write(tables.csv_line())
        if format.has(ExportFormat.LABEL_STUDIO):
            self._file(TASKS).write(b"[")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for file in self._files.values():
            file.close()

    def _file(self, name: str) -> BinaryIO:
        if name not in self._files:
            path = self._folder / f"part-{len(self._files)}"
            self._files[name] = path.open("w+b")
        return self._files[name]

    def add(self, example: Example, line: Any, *, split: str, group: str) -> Placed:
        """Write an example into every table; return its row for the leakage report."""
        values = tables.row(example, line, split=split, group=group)
        if self._format.has(ExportFormat.ALL):
            phash = None if example.phash is None else f"{example.phash:016x}"
            more = {"phash": phash, "group": group, "split": split, "kept": example.kept}
            placed = {**line, **more}
            self._file(RECORDS).write(_json(placed) + b"\n")
        if example.kept or self._format is ExportFormat.CSV:
            # A manifest beside pictures names only those that are there.
            if self._format.has(ExportFormat.CSV):
                self._file(MANIFEST).write(tables.csv_line(values))
            if self._format.has(ExportFormat.IMAGEFOLDER):
                self._file(f"{split}/{METADATA}").write(tables.metadata_line(values))
            if self._format.has(ExportFormat.LABEL_STUDIO):
                self._add_task(values)
        return Placed(
            sha256=example.sha256,
            label=example.label,
            source=example.source,
            group=group,
            split=split,
            model=values["model"] or "none",
            audit=values["audit"],
            kept=example.kept,
            **{name: values[name] for name in ("width", "height", "format", "bytes")},
        )

    def _add_task(self, values: dict[str, Any]) -> None:
        file = self._file(TASKS)
        file.write(b"\n" if file.tell() == 1 else b",\n")
        file.write(_json(tables.label_studio_task(values)))

    def picture(
        self, archive: Archive, example: Example, split: str, images: ImageStore
    ) -> Example:
        """Put a picture into the zip; return its example, no longer called kept if it is not."""
        if not example.kept or not self._format.has_pictures:
            return example
        try:
            data = images.get(example.sha256)
        except StoreDamaged:
            data = None
        if data is None:
            return replace(example, kept=False)
        archive.picture(tables.path_of(example, split), data)
        return example

    def finish(self, archive: Archive) -> None:
        """Put the tables into the zip."""
        for name, file in self._files.items():
            if name == TASKS:
                file.write(b"\n]\n")
            archive.file(name, file)
        if self._format.has(ExportFormat.LABEL_STUDIO):
            archive.text(CONFIG, tables.LABEL_CONFIG)


def _json(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":"), sort_keys=True).encode()
