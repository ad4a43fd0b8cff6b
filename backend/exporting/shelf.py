"""Exports that were made: their history in the store, and for a week their files in the home."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

from backend.domain import AuditEvent, Job, new_id, utc_now
from backend.errors import BrushmarkError, Conflict, NotFound
from backend.exporting.examples import Progress
from backend.exporting.make import PARTIAL, make_export
from backend.exporting.request import ExportRequest
from backend.settings import Settings
from backend.storage.connections import sync_folder
from backend.storage.failures import translated
from backend.storage.forgetting_lock import require_no_forgetting
from backend.storage.images import ImageStore
from backend.storage.repository import Repository
from backend.storage.workfolder import InUse, clear, held

KIND = "export"
KEPT_DAYS = 7
"""How long an export's file waits to be fetched: it holds what retention and `forget` are for."""
RUNNING, DONE, FAILED = "running", "done", "failed"
_MOST_JOBS = 10_000
_NO_EXPORT_TAKES = timedelta(days=1)
"""After that an export of the command line that has not ended was killed."""


class ExportShelf:
    """Make exports, list them, hand out their files, and let those go in time."""

    def __init__(self, settings: Settings, repository: Repository, images: ImageStore) -> None:
        self.settings = settings
        self._repository = repository
        self._images = images

    @property
    def folder(self) -> Path:
        """Where the files lie until they are a week old."""
        return self.settings.home / "exports"

    def begin(self, request: ExportRequest, actor: str, target: Path | None = None) -> Job:
        """Enter an export into the history; `target` is a file outside the home."""
        options = {**request.to_json(), "actor": actor, "stored": target is None}
        job = Job(new_id(), utc_now(), KIND, RUNNING, options=options)
        self._repository.save_job(job)
        return job

    def make(
        self, job: Job, request: ExportRequest, progress: Progress, target: Path | None = None
    ) -> Job:
        """Make what was begun; return the finished entry.

        Raises:
            Busy: something is being forgotten.
            NothingToExport, OutOfSpace, StoreUnavailable: the history says why, too.
        """
        path = target or self._file(job.id)
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            made = make_export(
                self._repository,
                self._images,
                request,
                path,
                progress,
                partial(require_no_forgetting, self.settings.home),
            )
        except BaseException as error:
            said = str(error) if isinstance(error, BrushmarkError) else "It was interrupted."
            self._repository.save_job(
                replace(job, state=FAILED, detail=said, finished_at=utc_now())
            )
            raise
        done = replace(
            job,
            state=DONE,
            progress=1.0,
            options={**job.options, "result": made.to_json()},
            finished_at=utc_now(),
        )
        self._repository.save_job(done)
        actor = str(job.options["actor"])
        self._repository.append_event(AuditEvent(new_id(), utc_now(), actor, "export", job.id))
        return done

    def history(self) -> tuple[Job, ...]:
        """Return every export, newest first, whoever made it."""
        jobs = self._repository.list_jobs(limit=_MOST_JOBS)
        return tuple(job for job in jobs if job.kind == KIND)

    def get(self, export_id: str) -> Job:
        """Return one export's entry. Raises `NotFound`."""
        found = next((job for job in self.history() if job.id == export_id), None)
        if found is None:
            raise NotFound(f"There is no export “{export_id[:64]}”.")
        return found

    def has_file(self, job: Job) -> bool:
        """Say whether an export's file is still here."""
        return job.state == DONE and bool(job.options.get("stored")) and self._file(job.id).exists()

    def file(self, export_id: str) -> tuple[Job, Path]:
        """Return an export and its file. Raises `NotFound`, `Conflict`."""
        job = self.get(export_id)
        if job.state == RUNNING:
            raise Conflict("This export is still being made.")
        if not self.has_file(job):
            raise NotFound(
                "This export's file is not here: it failed, was fetched elsewhere, or is more "
                f"than {KEPT_DAYS} days old. Make the export again."
            )
        return job, self._file(job.id)

    def files(self) -> list[Path]:
        """Return the files that are here, whatever the history says."""
        if not self.folder.is_dir():
            return []
        return sorted(path for path in self.folder.glob("*.zip") if path.is_file())

    def delete(self, export_id: str) -> None:
        """Remove an export's file; the history keeps its entry. Raises `NotFound`."""
        _, path = self.file(export_id)
        path.unlink(missing_ok=True)
        sync_folder(self.folder)

    def tidy(self, now: datetime | None = None) -> int:
        """Remove files that are over a week old; return how many."""
        moment = ((now or utc_now()) - timedelta(days=KEPT_DAYS)).timestamp()
        with translated(self.folder):
            old = [path for path in self.files() if path.stat().st_mtime < moment]
            for path in old:
                path.unlink(missing_ok=True)
        return len(old)

    def require_idle(self) -> None:
        """Return if no export is being written to the home, clearing what killed ones left.

        Raises:
            Conflict: one is.
        """
        for folder in self.folder.glob(f"{PARTIAL}*") if self.folder.is_dir() else ():
            try:
                with held(folder):
                    clear(folder)
            except InUse:
                raise Conflict("An export is being made; try again when it is done.") from None

    def recover(self) -> None:
        """Tell of exports that ended with their backend, and clear what they left behind.

        Only for the one backend of a home, before it makes any itself.
        """
        long_ago = utc_now() - _NO_EXPORT_TAKES
        for job in self.history():
            if job.state == RUNNING and (job.options.get("stored") or job.created_at < long_ago):
                self._repository.save_job(
                    replace(
                        job,
                        state=FAILED,
                        detail="The backend ended before the export was made; make it again.",
                        finished_at=utc_now(),
                    )
                )
        with suppress(Conflict):
            self.require_idle()

    def _file(self, export_id: str) -> Path:
        return self.folder / f"{export_id}.zip"
