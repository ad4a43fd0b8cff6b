"""Start, follow, stop and resume jobs; each runs in a process that outlives this one."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from backend.domain import AuditEvent, Job, new_id, utc_now
from backend.errors import Conflict, NotFound, UnknownField
from backend.jobs.folder import JobFolder
from backend.jobs.threads import one_thread_for_sums
from backend.settings import NAMES, PREFIX, Settings
from backend.storage.repository import Repository

FINE_TUNE, RE_SCORE = "fine-tune", "re-score"
KINDS = (FINE_TUNE, RE_SCORE)
WAITING, RUNNING, DONE, FAILED, CANCELLED, INTERRUPTED = (
    "waiting",
    "running",
    "done",
    "failed",
    "cancelled",
    "interrupted",
)
UNFINISHED = (WAITING, RUNNING)
_LISTED = 500


class JobDesk:
    """The jobs of a home."""

    def __init__(
        self,
        settings: Settings,
        repository: Repository,
        spawn: Callable[[Settings, str], Any] | None = None,
    ) -> None:
        self._settings = settings
        self._repository = repository
        self._spawn = spawn or spawn_runner
        self._turn = threading.Lock()

    def start(self, kind: str, options: Mapping[str, object], actor: str) -> Job:
        """Start a job in a process of its own and return its entry.

        Raises:
            UnknownField: no such kind.
            Conflict: one of that kind is not finished.
        """
        if kind not in KINDS:
            raise UnknownField(kind, KINDS, what="kind of job")
        with self._turn:
            busy = next(
                (j for j in self.latest() if j.kind == kind and j.state in UNFINISHED), None
            )
            if busy is not None:
                raise Conflict(f"A {kind} is {busy.state} already; wait for it, or stop it.")
            job = Job(new_id(), utc_now(), kind, WAITING, options=dict(options))
            self._repository.save_job(job)
            self._note(actor, "job.start", job)
            self._run(job.id)
        return job

    def latest(self, limit: int = 50) -> tuple[Job, ...]:
        """Return jobs, newest first; one whose process is gone is `interrupted`."""
        every = self._repository.list_jobs(_LISTED)
        return tuple(self._seen(job) for job in every if job.kind in KINDS)[:limit]

    def get(self, job_id: str) -> Job:
        """Return one job. Raises `NotFound`."""
        job = next((j for j in self.latest(_LISTED) if j.id == job_id), None)
        if job is None:
            raise NotFound(f"There is no job “{job_id[:64]}”.")
        return job

    def curve(self, job: Job) -> list[dict[str, Any]]:
        """Return a fine-tune's figures, step by step."""
        return JobFolder.of(self._settings, job.id).curve()

    def cancel(self, job_id: str, actor: str) -> Job:
        """Ask a job to stop; what it has done so far can be resumed.

        Raises:
            NotFound: no such job.
            Conflict: it has ended.
        """
        job = self.get(job_id)
        if job.state not in {*UNFINISHED, INTERRUPTED}:
            raise Conflict(f"That job is {job.state}; there is nothing to stop.")
        folder = JobFolder.of(self._settings, job.id)
        folder.ask_to_stop()
        self._note(actor, "job.cancel", job)
        if not folder.is_alive():
            job = replace(job, state=CANCELLED, finished_at=utc_now(), detail="Stopped.")
            self._repository.save_job(job)
        return job

    def resume(self, job_id: str, actor: str) -> Job:
        """Let a job go on that was interrupted, stopped or has failed.

        Raises:
            NotFound: no such job.
            Conflict: it is running, or done.
        """
        with self._turn:
            job = self.get(job_id)
            if job.state not in {INTERRUPTED, CANCELLED, FAILED}:
                raise Conflict(f"That job is {job.state}; there is nothing to resume.")
            job = replace(job, state=WAITING, finished_at=None, detail="")
            self._repository.save_job(job)
            self._note(actor, "job.resume", job)
            self._run(job.id)
        return job

    def _run(self, job_id: str) -> None:
        folder = JobFolder.of(self._settings, job_id)
        folder.mark_unheld()
        folder.mark_started()
        self._spawn(self._settings, job_id)

    def _seen(self, job: Job) -> Job:
        if job.state in UNFINISHED and not JobFolder.of(self._settings, job.id).is_alive():
            # The process writes its last word before it lets go: look once more.
            latest = next((j for j in self._repository.list_jobs(_LISTED) if j.id == job.id), job)
            if latest.state in UNFINISHED:
                return replace(latest, state=INTERRUPTED)
            return latest
        return job

    def _note(self, actor: str, action: str, job: Job) -> None:
        self._repository.append_event(
            AuditEvent(new_id(), utc_now(), actor, action, f"{job.kind} {job.id}")
        )


def spawn_runner(settings: Settings, job_id: str) -> subprocess.Popen[bytes]:
    """Start the process that does a job; it survives this one, and its terminal."""
    with JobFolder.of(settings, job_id).log.open("ab") as out:
        process = subprocess.Popen(  # noqa: S603
            [sys.executable, "-m", "backend.jobs.runner", job_id],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            env={**_environment(), "BRUSHMARK_HOME": str(settings.home)},
            start_new_session=os.name == "posix",
            creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0)
            | getattr(subprocess, "DETACHED_PROCESS", 0),
        )
    # Somebody has to take note of its end while this process lives.
    threading.Thread(target=process.wait, name=f"job {job_id}", daemon=True).start()
    return process


def _environment() -> dict[str, str]:
    """Return this process's environment, without what a dashboard beside it was told."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(PREFIX) or k in NAMES}
    one_thread_for_sums(kept)
    return kept
