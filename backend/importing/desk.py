"""Imports in a running backend: uploads are durable before they are worked on, and resumed."""

from __future__ import annotations

import logging
import os
import threading
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import IO, Any

from backend.domain import Job, new_id, utc_now
from backend.errors import BadInput, BrushmarkError, Unavailable
from backend.importing.importer import FOLDER, Importer, ImportReport
from backend.importing.staging import discard
from backend.storage.connections import sync_folder
from backend.storage.failures import translated

log = logging.getLogger(__name__)

KIND = "import"
RUNNING, DONE, FAILED = "running", "done", "failed"
_PIECE_BYTES = 1024 * 1024
_MOST_JOBS = 10_000
_MOST_ATTEMPTS = 2
_ATTEMPTS = "attempts"
_TWICE = (
    "The backend ended twice while it imported this file. Give it more memory, or send the "
    "pictures in several files."
)


class ImportDesk:
    """Takes uploads, imports them one after the other, and finishes what a kill cut off."""

    def __init__(self, importer: Importer) -> None:
        self._importer = importer
        self._turn = threading.Lock()
        self._entry = threading.Lock()
        self._at_work: Job | None = None
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def _folder(self) -> Path:
        return self._importer.settings.home / FOLDER

    def take(self, stream: IO[bytes], actor: str) -> tuple[Job, ImportReport]:
        """Keep an upload and import it.

        Raises:
            BadInput, TooLarge: it cannot be imported; nothing was.
            OutOfSpace, StoreUnavailable, NoModel: nothing was imported; try again.
        """
        job = Job(new_id(), utc_now(), KIND, RUNNING, options={"actor": actor})
        upload = self._upload(job.id)
        with translated(upload):
            self._folder.mkdir(mode=0o700, exist_ok=True)
            _save(stream, upload)
        self._importer.repository.save_job(job)
        return self._work(job)

    def history(self) -> tuple[Job, ...]:
        """Return every import over HTTP, newest first."""
        jobs = self._importer.repository.list_jobs(limit=_MOST_JOBS)
        return tuple(job for job in jobs if job.kind == KIND)

    def recover(self) -> None:
        """Go on with imports that a kill cut off, in the background, and clear up after others.

        One that ended the process twice is not begun a third time: it has failed.

        Only for the one backend of a home, before it takes any itself.
        """
        cut_off = [job for job in self.history() if job.state == RUNNING]
        here = [job for job in cut_off if self._upload(job.id).exists()]
        for job in cut_off:
            if job not in here:
                self._finish(job, FAILED, "The backend ended before the file had arrived.")
            elif _attempts(job) >= _MOST_ATTEMPTS:
                here.remove(job)
                self._finish(job, FAILED, _TWICE)
        wanted = {self._upload(job.id) for job in here}
        for path in self._folder.iterdir() if self._folder.is_dir() else ():
            if path.is_dir() and not here:
                discard(path, self._importer.repository, self._importer.images)
            elif path.is_file() and path not in wanted:
                path.unlink(missing_ok=True)
        if here:
            self._thread = threading.Thread(
                target=self._resume, args=(here,), name="import", daemon=True
            )
            self._thread.start()

    def close(self) -> None:
        """Stop what is being imported; the next backend goes on with it."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(timeout=10)
        with self._entry, suppress(BrushmarkError):
            if self._at_work is not None:
                # It was not the import that ended the process.
                self._count(self._at_work, -1)

    def _resume(self, jobs: list[Job]) -> None:
        for job in jobs:
            try:
                self._work(job)
            except BrushmarkError as error:
                log.info("an import was not finished: %s", error)
            except Exception:
                log.exception("an import failed")

    def _work(self, job: Job) -> tuple[Job, ImportReport]:
        upload = self._upload(job.id)
        with self._turn:
            self._require_time()
            try:
                job = self._at_work = self._count(job, 1)
                actor = str(job.options["actor"])
                report = self._importer.run(upload, actor, self._report, "The upload")
            except BaseException as error:
                if not self._stopping.is_set():
                    said = str(error) if isinstance(error, BrushmarkError) else "It failed."
                    self._finish(job, FAILED, said)
                    upload.unlink(missing_ok=True)
                raise
            done = self._finish(job, DONE, "", report.to_json())
            upload.unlink(missing_ok=True)
            sync_folder(self._folder)
        return done, report

    def _count(self, job: Job, step: int) -> Job:
        """Note how often an import was begun, so that one which ends the process is found out."""
        counted = replace(job, options={**job.options, _ATTEMPTS: _attempts(job) + step})
        self._importer.repository.save_job(counted)
        return counted

    def _finish(self, job: Job, state: str, detail: str, result: Any = None) -> Job:
        options = {**job.options, "result": result} if result is not None else job.options
        ended = replace(job, state=state, detail=detail, options=options, finished_at=utc_now())
        with self._entry:
            self._importer.repository.save_job(ended)
            self._at_work = None
        return ended

    def _report(self, done: int, total: int, text: str) -> None:
        self._require_time()

    def _require_time(self) -> None:
        if self._stopping.is_set():
            raise Unavailable("The backend ends; it goes on with the import when it starts again.")

    def _upload(self, job_id: str) -> Path:
        return self._folder / f"{job_id}.zip"


def _attempts(job: Job) -> int:
    return int(str(job.options.get(_ATTEMPTS, 0)))


def _save(stream: IO[bytes], path: Path) -> None:
    """Write an upload durably. Raises `BadInput` where nothing came."""
    try:
        with path.open("xb") as file:
            while piece := stream.read(_PIECE_BYTES):
                file.write(piece)
            if not file.tell():
                raise BadInput("The body is empty; a zip is wanted.")
            file.flush()
            os.fsync(file.fileno())
        sync_folder(path.parent)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
