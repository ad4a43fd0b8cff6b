"""Open the store that the settings name."""

from __future__ import annotations

from backend.settings import Settings
from backend.storage.tinydb_repository import TinyDBRepository


def open_repository(settings: Settings) -> TinyDBRepository:
    """Open the log of that home, creating or migrating it as needed.

    Raises:
        BadSetting: the home cannot be used.
        OutOfSpace, StoreUnavailable, StoreDamaged: the file cannot be.
    """
    settings.prepare_home()
    return TinyDBRepository(settings.store_path)
