"""Exports in a running backend: one at a time, in the background or while somebody waits."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import replace

from backend.domain import Job
from backend.errors import BrushmarkError, Busy, Unavailable
from backend.exporting.request import ExportRequest
from backend.exporting.shelf import RUNNING, ExportShelf

log = logging.getLogger(__name__)


class ExportDesk:
    """Makes exports for requests; knows how far the one that is being made has come."""

    def __init__(self, shelf: ExportShelf) -> None:
        self.shelf = shelf
        self._turn = threading.Lock()
        self._thread: threading.Thread | None = None
        self._stopping = threading.Event()
        self._step: tuple[str, int, int, str] = ("", 0, 0, "")

    def make(self, request: ExportRequest, actor: str) -> Job:
        """Make an export and wait for it. Raises `Busy`, and as `ExportShelf.make`."""
        self._take_turn()
        try:
            job = self.shelf.begin(request, actor)
            return self.shelf.make(job, request, self._reporter(job.id))
        finally:
            self._turn.release()

    def start(self, request: ExportRequest, actor: str) -> Job:
        """Begin an export in the background and return its entry. Raises `Busy`."""
        self._take_turn()
        try:
            job = self.shelf.begin(request, actor)
            self._thread = threading.Thread(
                target=self._work, args=(job, request), name="export", daemon=True
            )
            self._thread.start()
        except BaseException:
            self._turn.release()
            raise
        return job

    def seen(self, job: Job) -> Job:
        """Add to an entry how far it has come."""
        export_id, done, total, text = self._step
        if job.state != RUNNING or export_id != job.id:
            return job
        return replace(job, progress=min(1.0, done / total) if total else 0.0, detail=text)

    def close(self) -> None:
        """Stop the export that is being made, and wait until it has cleared up."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(timeout=10)

    def _work(self, job: Job, request: ExportRequest) -> None:
        try:
            self.shelf.make(job, request, self._reporter(job.id))
        except BrushmarkError as error:
            log.info("an export was not made: %s", error)
        except Exception:
            log.exception("an export failed")
        finally:
            self._turn.release()

    def _take_turn(self) -> None:
        if not self._turn.acquire(blocking=False):
            raise Busy("Another export is being made; try again when it is done.")

    def _reporter(self, export_id: str) -> Callable[[int, int, str], None]:
        def report(done: int, total: int, text: str) -> None:
            if self._stopping.is_set():
                raise Unavailable("The backend ended before the export was made; make it again.")
            self._step = (export_id, done, total, text)

        return report
