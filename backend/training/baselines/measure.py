"""Fit one cell in a process of its own and measure what it took there."""

from __future__ import annotations

import multiprocessing
import sys
import time
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

import numpy as np

from backend.training.baselines import tuning
from backend.training.baselines.cells import Cell
from backend.training.baselines.classifiers import Targets, find_kind
from backend.training.baselines.pixels import Indices, Pixels
from backend.training.metrics import confusion

MIB = 2**20


@dataclass(frozen=True, slots=True)
class Job:
    """All that a fit needs; it travels to the process that makes it."""

    cell: Cell
    pixels: Pixels
    small: Pixels
    """The same pictures at `tuning.TUNE_PX`."""
    learn: Indices
    """Which pictures to learn from, by their place in `pixels`."""
    tune_on: Indices
    """Which of the pictures learnt from tuning may look at."""
    targets: Targets
    """Of every picture in `pixels`."""
    units: Indices
    """Of every picture that may be learnt from: sources and groups that no fold cuts."""
    judged: Mapping[str, Indices]
    settings: Mapping[str, Any] | None = None
    """Settings that tuning found before, so that it is not done twice."""


def measured(job: Job, timeout_s: float) -> dict[str, Any]:
    """Fit and judge in a child process; returns its figures, or `{"failed": why}`.

    Times are processor seconds on one thread, memory the child's own peak of resident memory
    in MiB (None where the system does not tell).

    Raises:
        RuntimeError: the fit broke for another reason than memory or time.
    """
    context = _context()
    here, there = context.Pipe(duplex=False)
    child = context.Process(target=_answer, args=(there, job), daemon=True)
    child.start()
    there.close()
    try:
        return _await(here, child, timeout_s)
    finally:
        if child.is_alive():
            child.kill()
        child.join()
        child.close()
        here.close()


def _context() -> Any:
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    # Imported once: the children start in milliseconds and share the libraries' pages.
    libraries = ("sklearn.svm", "sklearn.tree", "sklearn.ensemble", "sklearn.cluster")
    context.set_forkserver_preload([__name__, "sklearn.model_selection", *libraries])
    return context


def _await(here: Connection, child: Any, timeout_s: float) -> dict[str, Any]:
    if not here.poll(max(0.0, timeout_s)):
        return {"failed": "the time limit was reached while it ran"}
    try:
        kind, answer = here.recv()
    except EOFError:
        child.join()
        return {"failed": f"its process was ended from outside (code {child.exitcode})"}
    if kind == "broken":
        raise RuntimeError(f"{child.name} broke:\n{answer}")
    return dict(answer)


def _answer(there: Connection, job: Job) -> None:
    try:
        there.send(("done", fit_here(job)))
    except MemoryError:
        there.send(("done", {"failed": "out of memory"}))
    except Exception:
        there.send(("broken", traceback.format_exc()))


def fit_here(job: Job) -> dict[str, Any]:
    """Tune if asked to, fit and judge in this process; returns what `measured` does."""
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):
        idle = peak_mib()
        _warm_up(job)
        settings, tune_s = _settings(job)
        model = find_kind(job.cell.kind).make(job.cell.seed, **settings)
        start = time.process_time()
        model.fit(job.pixels, job.learn, job.targets[job.learn])
        fitted = time.process_time()
        answers = {split: model.predict(places) for split, places in job.judged.items()}
        done = time.process_time()
    judged = sum(len(places) for places in job.judged.values())
    return {
        "settings": settings,
        "learnt": len(job.learn),
        "tune_s": tune_s,
        "fit_s": fitted - start,
        "predict_ms_each": 1000 * (done - fitted) / max(1, judged),
        "idle_mib": idle,
        "peak_mib": peak_mib(),
        "judged": {
            split: confusion(answer.astype(np.float64), job.targets[job.judged[split]])
            for split, answer in answers.items()
        },
    }


def _warm_up(job: Job) -> None:
    """Fit two pictures, so that importing and starting libraries is not taken for learning."""
    two = job.learn[[int(np.argmax(job.targets[job.learn] == label)) for label in (0, 1)]]
    model = find_kind(job.cell.kind).make(job.cell.seed)
    model.fit(job.small, two, job.targets[two])
    model.predict(two)


def _settings(job: Job) -> tuple[dict[str, Any], float | None]:
    kind = find_kind(job.cell.kind)
    if not job.cell.tuned:
        return dict(kind.founding), None
    if job.settings is not None:
        return dict(job.settings), None
    start = time.process_time()
    on = job.tune_on
    seed = job.cell.seed
    found = tuning.choose(kind, job.small, on, job.targets[on], job.units[on], seed)
    return found, time.process_time() - start


def peak_mib() -> float | None:
    """Return this process's peak of resident memory so far, in MiB; None on Windows."""
    if sys.platform == "win32":
        return None
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / MIB if sys.platform == "darwin" else peak / 1024
