"""Bounded work: so many at a time, so many waiting, and no more."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from backend.errors import Busy


class WorkQueue:
    """A bounded queue in front of decoding and the network."""

    def __init__(self, slots: int, waiting: int, timeout_s: float = 30.0) -> None:
        self._slots = threading.BoundedSemaphore(slots)
        self._places = threading.BoundedSemaphore(slots + waiting)
        self._timeout_s = timeout_s
        self.capacity = slots + waiting
        self._length = 0
        self._lock = threading.Lock()

    @property
    def length(self) -> int:
        """How many work or wait now."""
        return self._length

    @contextmanager
    def place(self) -> Iterator[None]:
        """Hold a place while working. Raises `Busy` where none is free."""
        if not self._places.acquire(blocking=False):
            raise Busy("Too many pictures are being checked; try again in a second.")
        self._count(1)
        try:
            if not self._slots.acquire(timeout=self._timeout_s):
                raise Busy("Checks take too long at the moment; try again in a few seconds.")
            try:
                yield
            finally:
                self._slots.release()
        finally:
            self._count(-1)
            self._places.release()

    def _count(self, change: int) -> None:
        with self._lock:
            self._length += change
