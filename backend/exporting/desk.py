"""Exports in a running backend: one after the other, followed or waited for."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace

from backend.domain import Job
from backend.errors import BrushmarkError, Conflict, Unavailable
from backend.exporting.request import ExportRequest
from backend.exporting.shelf import RUNNING, ExportShelf

log = logging.getLogger(__name__)

MOST_WAITING = 4
_ENDED = "The backend ended before the export was made; make it again."


class ExportDesk:
    """Makes exports for requests; knows how far the one that is being made has come."""

    def __init__(self, shelf: ExportShelf) -> None:
        self.shelf = shelf
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="export")
        self._waiting = threading.BoundedSemaphore(MOST_WAITING + 1)
        self._stopping = threading.Event()
        self._step: tuple[str, int, int, str] = ("", 0, 0, "")

    def make(self, request: ExportRequest, actor: str) -> Job:
        """Make an export and wait for it. Raises as `start` and `ExportShelf.make`."""
        return self._submit(request, actor)[1].result()

    def start(self, request: ExportRequest, actor: str) -> Job:
        """Begin an export in the background and return its entry.

        Raises:
            Conflict: several wait already.
            Unavailable: the backend ends.
        """
        return self._submit(request, actor)[0]

    def seen(self, job: Job) -> Job:
        """Add to an entry how far it has come."""
        if job.state != RUNNING:
            return job
        export_id, done, total, text = self._step
        if export_id != job.id:
            return replace(job, detail="waiting for its turn")
        return replace(job, progress=min(1.0, done / total) if total else 0.0, detail=text)

    def close(self) -> None:
        """Stop the export that is being made, and wait until it has cleared up."""
        self._stopping.set()
        self._pool.shutdown(cancel_futures=True)

    def _submit(self, request: ExportRequest, actor: str) -> tuple[Job, Future[Job]]:
        if not self._waiting.acquire(blocking=False):
            raise Conflict(f"{MOST_WAITING} exports wait already; try again when one is done.")
        try:
            job = self.shelf.begin(request, actor)
            future = self._pool.submit(self._work, job, request)
        except RuntimeError:  # the pool was shut down
            self._waiting.release()
            raise Unavailable(_ENDED) from None
        except BaseException:
            self._waiting.release()
            raise
        return job, future

    def _work(self, job: Job, request: ExportRequest) -> Job:
        try:
            return self.shelf.make(job, request, self._reporter(job.id))
        except BrushmarkError as error:
            log.info("an export was not made: %s", error)
            raise
        except Exception:
            log.exception("an export failed")
            raise
        finally:
            self._waiting.release()

    def _reporter(self, export_id: str) -> Callable[[int, int, str], None]:
        def report(done: int, total: int, text: str) -> None:
            if self._stopping.is_set():
                raise Unavailable(_ENDED)
            self._step = (export_id, done, total, text)

        report(0, 0, "starting")
        return report
