"""The log on TinyDB's documents over SQLite's engine: one file, several processes."""

from __future__ import annotations

import time

from backend.storage import counters
from backend.storage.erasure import Erasure
from backend.storage.failures import require_space
from backend.storage.figure_log import FigureLog
from backend.storage.intake import Intake
from backend.storage.ledger import Ledger
from backend.storage.repository import Stats
from backend.storage.waiting_log import WaitingLog

_READY_FOR_S = 1.0
_SPARE_BYTES = 32 * 1024 * 1024
"""Room for the largest picture that we take, and for the log to grow meanwhile."""
_HEARTBEAT = "last_ready"


class TinyDBRepository(WaitingLog, Intake, Erasure, FigureLog, Ledger):
    """A `Repository` in one SQLite file; what it holds is durable when a method returns."""

    _ready_until = 0.0

    def stats(self) -> Stats:
        """Return the counts that every page shows, in time that does not grow with the log."""
        with self.db.connections.using() as connection:
            return counters.to_stats(counters.read(connection))

    def ready(self) -> None:
        """Return if a write would work now; raise as above if not.

        It does write, durably, as nothing less would tell; at most once a second.
        """
        self.db.connections.check_open()
        require_space(self.path, _SPARE_BYTES)
        if time.monotonic() < self._ready_until:
            return
        self.put_setting(_HEARTBEAT, str(int(time.time())))
        self._ready_until = time.monotonic() + _READY_FOR_S

    def close(self) -> None:
        """Release the store; further calls raise `StoreUnavailable`."""
        self.db.close()
