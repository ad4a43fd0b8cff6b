"""What a sweep found: kept as JSON, whole after every fit."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from backend.errors import BadRun
from backend.training.baselines.cells import Cell
from backend.training.run import write_json

WEB_COPIES = ", web copies"
"""Ends the name of a split in what was judged, where a web copy of each picture was."""


@dataclass(slots=True)
class Results:
    """Figures of the cells done, reasons for those left out, and how often splits were opened."""

    file: Path
    head: Mapping[str, Any]
    """What the figures rest on: task, pictures, counts, processor."""
    done: dict[Cell, dict[str, Any]] = field(default_factory=dict)
    left_out: dict[Cell, str] = field(default_factory=dict)

    @classmethod
    def open(cls, file: Path, head: Mapping[str, Any]) -> Results:
        """Go on with the results in a file, or begin.

        Raises:
            BadRun: the file cannot be read, or rests on something else.
        """
        if not file.exists():
            file.parent.mkdir(parents=True, exist_ok=True)
            return cls(file, head)
        found = cls.read(file)
        differ = sorted(k for k in head if head[k] != found.head.get(k))
        if differ:
            raise BadRun(
                f"{file} holds other results (they differ in {', '.join(differ)}). "
                "Name another folder with --out, or delete this one."
            )
        return found

    @classmethod
    def read(cls, file: Path) -> Results:
        """Read results for a report. Raises `BadRun`."""
        try:
            document = json.loads(file.read_text(encoding="utf-8"))
            done = {Cell(**entry.pop("cell")): entry for entry in document.pop("done")}
            document.pop("left_out"), document.pop("openings")
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise BadRun(f"{file} holds no results of baselines.") from error
        # What was left out is tried again, so it is not remembered.
        return cls(file, document, done)

    def has(self, cell: Cell) -> bool:
        """Say whether a cell was done."""
        return cell in self.done

    def add(self, cell: Cell, figures: dict[str, Any]) -> None:
        """Keep a cell's figures; they are on disk when this returns."""
        self.done[cell] = figures
        self.save()

    def leave_out(self, cell: Cell, reason: str) -> None:
        """Name a cell as not run; it is tried again when the sweep goes on."""
        self.left_out[cell] = reason
        self.save()

    def tuned_settings(self, cell: Cell) -> dict[str, Any] | None:
        """Return the settings that tuning found on the same pictures, if it has run."""
        if not cell.tuned:
            return None
        for other, figures in self.done.items():
            if other.tuned and other.tuning_key == cell.tuning_key:
                return dict(figures["settings"])
        return None

    def openings(self) -> dict[str, int]:
        """Count how often each sealed split was opened: once by every fit that was judged on it."""
        opened: dict[str, int] = {}
        for figures in self.done.values():
            for split in {name.removesuffix(WEB_COPIES) for name in figures["judged"]}:
                opened[split] = opened.get(split, 0) + 1
        return opened

    def save(self) -> None:
        """Write everything: whole or not at all."""
        write_json(
            self.file,
            {
                **self.head,
                "openings": self.openings(),
                "done": [{"cell": asdict(cell), **figures} for cell, figures in self.done.items()],
                "left_out": [
                    {"cell": asdict(cell), "reason": reason}
                    for cell, reason in self.left_out.items()
                ],
            },
        )
