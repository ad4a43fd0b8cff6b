"""The process of one job: `python -m backend.jobs.runner ID`."""

from __future__ import annotations

import logging
import os
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

from filelock import FileLock, Timeout

from backend.domain import Job, utc_now
from backend.errors import BrushmarkError
from backend.jobs.desk import CANCELLED, DONE, FAILED, FINE_TUNE, RE_SCORE, RUNNING, UNFINISHED
from backend.jobs.folder import JobFolder
from backend.jobs.work import Work, fine_tune_job, re_score_job
from backend.settings import Settings
from backend.storage import open_repository
from backend.storage.repository import Repository

log = logging.getLogger(__name__)

_SAVE_EVERY_S = 0.5
_ASK_EVERY_S = 0.3
_PATIENCE_S = 3.0
"""Whoever looks whether a job lives holds its lock for a moment."""
WORK: dict[str, Callable[[Work], dict[str, object]]] = {
    FINE_TUNE: fine_tune_job,
    RE_SCORE: re_score_job,
}


class Stopped(Exception):
    """Somebody asked the job to stop."""


def run(settings: Settings, job_id: str) -> None:
    """Do a job to its end, its turn having come; one at a time in a home.

    Another process that does it already is left to it.
    """
    folder = JobFolder.of(settings, job_id)
    try:
        with folder.lock().acquire(timeout=_PATIENCE_S):
            folder.mark_held()
            repository = open_repository(settings)
            try:
                _do(settings, repository, folder, job_id)
            finally:
                repository.close()
    except Timeout:
        log.warning("another process does the job %s", job_id)


def _do(settings: Settings, repository: Repository, folder: JobFolder, job_id: str) -> None:
    job = next((j for j in repository.list_jobs(500) if j.id == job_id), None)
    if job is None or job.state not in UNFINISHED:
        return
    progress = _Progress(repository, folder, job)
    try:
        with _turn(settings, folder):
            progress(0, 1, "starting")
            result = WORK[job.kind](Work(settings, repository, folder, job.options, progress))
    except Stopped:
        progress.end(CANCELLED, "Stopped.")
    except (BrushmarkError, OSError) as error:
        log.warning("the job failed: %s", error)
        progress.end(FAILED, str(error))
    except BaseException:
        log.exception("the job failed")
        progress.end(FAILED, "Something went wrong; log.txt in the job's folder says what.")
        raise
    else:
        progress.end(DONE, str(result.pop("summary", "")), result)


class _turn:  # noqa: N801 - read as a verb: `with _turn(...)`
    """Wait until no other job of the home runs, or until asked to stop."""

    def __init__(self, settings: Settings, folder: JobFolder) -> None:
        self._lock = FileLock(settings.home / "jobs" / "turn.lock", timeout=0)
        self._folder = folder

    def __enter__(self) -> None:
        while True:
            if self._folder.is_asked_to_stop():
                raise Stopped
            with suppress(Timeout):
                self._lock.acquire()
                return
            time.sleep(_ASK_EVERY_S)

    def __exit__(self, *_: object) -> None:
        self._lock.release()


class _Progress:
    """Write how far a job is into its entry, and stop it when somebody asks."""

    def __init__(self, repository: Repository, folder: JobFolder, job: Job) -> None:
        self._repository, self._folder, self._job = repository, folder, job
        self._saved = 0.0

    def __call__(self, done: int, total: int, text: str) -> None:
        """Note a step. Raises `Stopped`."""
        if self._folder.is_asked_to_stop():
            raise Stopped
        if time.monotonic() - self._saved > _SAVE_EVERY_S:
            share = min(1.0, done / total) if total else 0.0
            self._job = replace(self._job, state=RUNNING, progress=share, detail=text)
            self._repository.save_job(self._job)
            self._saved = time.monotonic()

    def end(self, state: str, detail: str, result: dict[str, object] | None = None) -> None:
        """Write the job's last word."""
        share = 1.0 if state == DONE else self._job.progress
        self._repository.save_job(
            replace(
                self._job,
                state=state,
                progress=share,
                detail=detail,
                finished_at=utc_now(),
                result=result or {},
            )
        )


def main() -> None:
    """Run the job that the command line names, politely beside a server."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    if hasattr(os, "nice"):
        os.nice(5)
    run(Settings.from_env(), sys.argv[1])


if __name__ == "__main__":
    main()
