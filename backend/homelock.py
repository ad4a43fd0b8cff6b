"""One backend a home: a lock file that dies with the process that holds it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from backend.errors import AlreadyRunning
from backend.settings import Settings
from backend.storage.workfolder import locked


@contextmanager
def only_backend(settings: Settings) -> Iterator[None]:
    """Hold the home's lock. Raises `AlreadyRunning` at once where another backend has it."""
    refusal = AlreadyRunning(
        f"Another backend already serves {settings.home}. Stop that one, or set "
        "BRUSHMARK_HOME to another folder for this one."
    )
    with locked(settings.backend_lock_path, refusal):
        yield


def refuse_second_backend(settings: Settings) -> None:
    """Return if no backend serves this home. Raises `AlreadyRunning`."""
    with only_backend(settings):
        pass
