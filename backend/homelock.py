"""One backend a home: a lock file that dies with the process that holds it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from filelock import FileLock, Timeout

from backend.errors import AlreadyRunning
from backend.settings import Settings


@contextmanager
def only_backend(settings: Settings) -> Iterator[None]:
    """Hold the home's lock. Raises `AlreadyRunning` at once where another backend has it."""
    lock = FileLock(settings.home / "backend.lock", timeout=0)
    try:
        lock.acquire()
    except Timeout:
        raise AlreadyRunning(
            f"Another backend already serves {settings.home}. Stop that one, or set "
            "BRUSHMARK_HOME to another folder for this one."
        ) from None
    try:
        yield
    finally:
        lock.release()


def refuse_second_backend(settings: Settings) -> None:
    """Return if no backend serves this home. Raises `AlreadyRunning`."""
    with only_backend(settings):
        pass
