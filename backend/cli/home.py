"""The home's store, opened for as long as a command needs it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from backend.settings import Settings
from backend.storage import open_repository
from backend.storage.repository import Repository


@contextmanager
def open_home(settings: Settings | None = None) -> Iterator[Repository]:
    """Open the store of the home, making both where there is none.

    Raises:
        BadSetting, StoreUnavailable, StoreDamaged: it cannot be used.
    """
    settings = settings or Settings.from_env()
    settings.prepare_home()
    repository = open_repository(settings)
    try:
        yield repository
    finally:
        repository.close()
