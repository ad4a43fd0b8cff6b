"""Ask again, later and later, and never more often than we were told to."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TypeVar

_T = TypeVar("_T")
LONGEST_WAIT_S = 120.0


class TryLater(Exception):
    """It may work another time: `error` is what went wrong, `wait_s` what the server asked for."""

    def __init__(self, error: Exception, wait_s: float | None = None) -> None:
        super().__init__(str(error))
        self.error = error
        self.wait_s = wait_s


@dataclass(slots=True)
class Patience:
    """Tries up to `attempts` times; waits double from `first_wait_s`, with jitter.

    Shared by threads: where the server told one to wait, all wait, and `give_up` wakes all.
    Source of the jitter: M. Brooker, Exponential Backoff And Jitter (2015), “equal jitter”.
    """

    attempts: int = 5
    first_wait_s: float = 1.0
    sleep: Callable[[float], None] | None = None
    clock: Callable[[], float] = time.monotonic
    _stopping: threading.Event = field(default_factory=threading.Event)
    _quiet_until: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def of(self, work: Callable[[], _T]) -> _T:
        """Do the work, again where it raises `TryLater`; raise its `error` when out of tries."""
        for attempt in range(self.attempts):
            self._wait_for_all()
            try:
                return work()
            except TryLater as later:
                self._heed(later)
                if attempt + 1 == self.attempts or self._stopping.is_set():
                    raise later.error from later
                if later.wait_s is None:
                    self._back_off(attempt)
        raise AssertionError("a patience has at least one attempt")

    def give_up(self) -> None:
        """End all waiting: what is under way is not tried again."""
        self._stopping.set()

    def _pause(self, seconds: float) -> None:
        if self.sleep is not None:
            self.sleep(seconds)
        else:
            self._stopping.wait(seconds)

    def _heed(self, later: TryLater) -> None:
        if later.wait_s is not None:
            with self._lock:
                wait_s = min(max(0.0, later.wait_s), LONGEST_WAIT_S)
                self._quiet_until = max(self._quiet_until, self.clock() + wait_s)

    def _back_off(self, attempt: int) -> None:
        longest = min(self.first_wait_s * 2**attempt, LONGEST_WAIT_S)
        self._pause(longest * random.uniform(0.5, 1.0))  # noqa: S311 - no secret hangs on it

    def _wait_for_all(self) -> None:
        while (left := self._quiet_until - self.clock()) > 0 and not self._stopping.is_set():
            self._pause(left)


def retry_after_s(header: str | None, now: datetime | None = None) -> float | None:
    """Return the seconds that a Retry-After header asks for: a number, or a date (RFC 9110)."""
    if not header:
        return None
    text = header.strip()
    if text.replace(".", "", 1).isdigit():
        return float(text)
    try:
        when = parsedate_to_datetime(text)
    except ValueError:
        return None
    when = when if when.tzinfo else when.replace(tzinfo=UTC)
    return max(0.0, (when - (now or datetime.now(UTC))).total_seconds())
