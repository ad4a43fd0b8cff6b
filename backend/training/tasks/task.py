"""Find a task's rows in a manifest, or say which of them is not what was frozen."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from backend.errors import BadManifest, UnknownField
from backend.training.manifest import SEALED, Manifest, Row, counts

FULL = "full"
TASKS = ("founding", FULL)
FROZEN = ("path", "sha256", "label", "generator", "split")
"""What a frozen list says of each row; a manifest has to agree on all of it."""
LEARNT = ("train", "val")


@dataclass(frozen=True, slots=True)
class Task:
    """What a classifier learns from and what it is judged on; one view of each original."""

    name: str
    learnt: tuple[Row, ...]
    judged: dict[str, tuple[Row, ...]]
    """Rows by split: `test` and `unseen`, where the manifest has them."""

    @property
    def rows(self) -> tuple[Row, ...]:
        """All rows, those to learn from first, then those of each judged split."""
        return self.learnt + tuple(row for rows in self.judged.values() for row in rows)

    @property
    def sha256(self) -> str:
        """A hash of the pictures and labels in their order: of what the figures rest on."""
        text = "".join(f"{row.sha256} {row.label} {row.split}\n" for row in self.rows)
        return hashlib.sha256(text.encode()).hexdigest()

    def counts(self) -> dict[str, dict[str, int]]:
        """Count rows by label: those learnt from, and those of each judged split."""
        return {"learnt": counts(self.learnt), **{s: counts(r) for s, r in self.judged.items()}}


def task_of(manifest: Manifest, name: str) -> Task:
    """Return a task's rows in a manifest.

    Raises:
        UnknownField: there is no task of that name.
        BadManifest: a frozen row is not in the manifest, or is not the same there.
    """
    chosen = restrict(manifest, name)
    judged = {split: chosen.of(split, view="whole") for split in SEALED}
    return Task(name, chosen.of(*LEARNT, view="whole"), {s: r for s, r in judged.items() if r})


def restrict(manifest: Manifest, name: str) -> Manifest:
    """Return the manifest with a task's rows alone; `full` leaves it whole.

    Raises: as `task_of` does.
    """
    if name not in TASKS:
        raise UnknownField(name, TASKS, what="task")
    if name == FULL:
        return manifest
    return replace(manifest, rows=_found(manifest, name), task=name)


def frozen_file(name: str) -> Path:
    """Return where a task's frozen list lies."""
    return Path(__file__).with_name(f"{name}.csv")


def frozen_rows(name: str) -> tuple[dict[str, str], ...]:
    """Read a task's frozen list: `FROZEN` for each row."""
    with frozen_file(name).open(newline="", encoding="utf-8") as file:
        return tuple(csv.DictReader(file))


def frozen_values(row: Row) -> dict[str, str]:
    """Return what a frozen list says of a row."""
    return {name: str(getattr(row, name)) for name in FROZEN}


def _found(manifest: Manifest, name: str) -> tuple[Row, ...]:
    by_path = {row.path: row for row in manifest.rows}
    found: list[Row] = []
    for number, wanted in enumerate(frozen_rows(name), start=2):
        at = f"Task {name}, row {number}: {wanted['path']}"
        row = by_path.get(wanted["path"])
        if row is None:
            raise BadManifest(f"{at} is not in {manifest.file}. The task needs its own data.")
        differ = _differences(wanted, frozen_values(row))
        if differ:
            raise BadManifest(f"{at} is not the picture that was frozen: {', '.join(differ)}.")
        found.append(row)
    return tuple(found)


def _differences(wanted: dict[str, str], found: dict[str, str]) -> Sequence[str]:
    return [f"{k} is {found[k]}, not {v}" for k, v in wanted.items() if found[k] != v]
