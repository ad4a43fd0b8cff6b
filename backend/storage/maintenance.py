"""What `brushmark store` does: verify, compact, back up, restore, import."""

from __future__ import annotations

from dataclasses import dataclass

from backend.errors import NotFound
from backend.settings import Settings
from backend.storage import counters
from backend.storage.backup import BackupReport, backup
from backend.storage.derived import derive_anew
from backend.storage.images import ImageStore
from backend.storage.importing import ImportReport, Problem, import_tinydb
from backend.storage.inspection import Finding
from backend.storage.opening import open_repository
from backend.storage.recount import count_anew
from backend.storage.restoring import RestoreReport, restore
from backend.storage.verification import VerifyReport, verify

__all__ = [
    "BackupReport",
    "CompactReport",
    "Finding",
    "ImportReport",
    "Problem",
    "RestoreReport",
    "VerifyReport",
    "backup",
    "compact",
    "import_tinydb",
    "restore",
    "verify",
]


@dataclass(frozen=True, slots=True)
class CompactReport:
    """The size of the log before and after, in bytes, and the leftovers that were removed."""

    before_bytes: int
    after_bytes: int
    leftovers: int

    def lines(self) -> list[str]:
        """Return the report for a person to read."""
        sizes = f"{self.before_bytes / 1e6:.1f} MB to {self.after_bytes / 1e6:.1f} MB"
        return [f"The log went from {sizes}; {self.leftovers} unfinished files were removed."]


def compact(settings: Settings) -> CompactReport:
    """Rewrite the log without gaps, build its indexes and counts anew, empty its journal.

    Works beside a backend, which waits meanwhile; where that takes longer than its patience
    (15 s, for logs of more than about a gigabyte) it says that the store is busy.

    Raises:
        NotFound: there is no store.
        OutOfSpace: it needs as much free space as the log is large; nothing was changed.
        StoreUnavailable, StoreDamaged: nothing was changed.
    """
    if not settings.store_path.is_file():
        raise NotFound(f"There is no store at {settings.store_path}.")
    repository = open_repository(settings)
    try:
        before = settings.store_path.stat().st_size
        with repository.db.transaction() as connection:
            counted = count_anew(connection)
            connection.execute("DELETE FROM counters")
            for tally, value in counted.items():
                counters.bump(connection, [tally], by=value)
            derive_anew(connection)
        with repository.db.connections.using() as connection:
            connection.execute("VACUUM")
        repository.db.connections.shrink_log()
        after = settings.store_path.stat().st_size
    finally:
        repository.close()
    return CompactReport(before, after, ImageStore(settings.images_path).sweep())
