"""Run the cells of a sweep one after another; an interrupted sweep goes on where it stopped."""

from __future__ import annotations

import errno
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from backend.domain import utc_now
from backend.errors import OutOfSpace
from backend.model.processor import this_processor
from backend.training.baselines import tuning
from backend.training.baselines.cells import Cell, draw
from backend.training.baselines.classifiers import Targets
from backend.training.baselines.measure import Job, measured
from backend.training.baselines.pixels import Copy, Indices, Pixels, cached_pixels
from backend.training.baselines.results import WEB_COPIES, Results
from backend.training.tasks.task import Task

GIB = 2**30
Progress = Callable[[int, int, str], None]


@dataclass(frozen=True, slots=True)
class Limits:
    """When a cell is left out, to be named as not run."""

    minutes: float = float("inf")
    memory_gib: float = 4.0


def sweep(
    task: Task, cells: Sequence[Cell], folder: Path, limits: Limits, progress: Progress
) -> Results:
    """Fit and judge every cell that the limits allow; returns all that the folder holds.

    Args:
        task: pictures to learn from and to be judged on. The judged splits are opened by every
            fit, and each opening is counted in the results.
        cells: in the order in which they are to be done.
        folder: gets `results.json`, written anew after each cell; what it holds is not repeated.
        limits: cells beyond them are named in the results as not run.
        progress: told of steps done, steps in all, and a word.

    Raises:
        BadRun: the folder holds results of other pictures or another processor.
        BadManifest: a picture cannot be read.
        OutOfSpace: the disk is full; what was measured is kept.
    """
    results = Results.open(folder / "results.json", _head(task))
    try:
        _Sweep(task, results, folder / "pixels", limits, progress).go(cells)
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        raise OutOfSpace(
            f"The disk is full. Make room and start the same command again: {folder} goes on "
            "from its last fit."
        ) from error
    return results


def _head(task: Task) -> dict[str, Any]:
    return {
        "task": task.name,
        "rows_sha256": task.sha256,
        "counts": task.counts(),
        "judged": ["as they are", "web copies"],
        "processor": this_processor().summary,
    }


class _Sweep:
    """What stays the same from cell to cell."""

    def __init__(
        self, task: Task, results: Results, cache: Path, limits: Limits, progress: Progress
    ) -> None:
        self.task, self.results, self.cache = task, results, cache
        self.limits, self.progress = limits, progress
        self.deadline = time.monotonic() + 60 * limits.minutes
        self.pictures = pictures_of(task)
        self.targets: Targets = np.array([row.target for row, _ in self.pictures], np.int64)
        self.units = tuning.units_of(task.learnt)

    def go(self, cells: Sequence[Cell]) -> None:
        to_do = [cell for cell in cells if not self.results.has(cell)]
        fitting = [cell for cell in to_do if self._fits(cell)]
        pixels = self._pixels(fitting)
        for number, cell in enumerate(fitting):
            self.progress(number, len(fitting), cell.name)
            left = self.deadline - time.monotonic()
            if left <= 0:
                self.results.leave_out(cell, "the time limit was reached before its turn")
                continue
            self._do(cell, pixels, left)
        self.progress(len(fitting), len(fitting), "done")

    def _pixels(self, cells: Sequence[Cell]) -> dict[int, Pixels]:
        if not cells:
            return {}
        sizes = sorted({cell.px for cell in cells} | {tuning.TUNE_PX})
        key = f"{self.task.name}-{self.task.sha256[:16]}-copies"
        return cached_pixels(self.pictures, sizes, self.cache, key, self.progress)

    def _fits(self, cell: Cell) -> bool:
        needed = cell.needed_bytes(len(self._learn(cell))) / GIB
        if needed <= self.limits.memory_gib:
            return True
        self.results.leave_out(
            cell, f"it would hold {needed:.1f} GiB; the limit is {self.limits.memory_gib:g}"
        )
        return False

    def _learn(self, cell: Cell, at_most: int | None = None) -> Indices:
        return draw(self.targets[: len(self.task.learnt)], cell.eighths, cell.seed, at_most)

    def _do(self, cell: Cell, pixels: dict[int, Pixels], left_s: float) -> None:
        job = Job(
            cell=cell,
            pixels=pixels[cell.px],
            small=pixels[tuning.TUNE_PX],
            learn=self._learn(cell),
            tune_on=self._learn(cell, tuning.TUNE_AT_MOST),
            targets=self.targets,
            units=self.units,
            judged=self._judged(),
            settings=self.results.tuned_settings(cell),
        )
        # A limit of none is a limit of days: the wait has to be a finite number.
        found = measured(job, min(left_s, 1e6))
        if "failed" in found:
            self.results.leave_out(cell, found["failed"])
        else:
            self.results.add(cell, {**found, "date": f"{utc_now():%Y-%m-%d}"})

    def _judged(self) -> dict[str, Indices]:
        places, start = {}, len(self.task.learnt)
        for ending in ("", WEB_COPIES):
            for split, rows in self.task.judged.items():
                places[split + ending] = np.arange(start, start + len(rows), dtype=np.int64)
                start += len(rows)
        return places


def pictures_of(task: Task) -> tuple[Copy, ...]:
    """Return a task's pictures in the order of their pixels: those learnt from, those judged, and
    a web copy of each that is judged."""
    copies = [(row, 1) for rows in task.judged.values() for row in rows]
    return (*((row, 0) for row in task.rows), *copies)
