"""Locks that die with their process, and folders that one process works in at a time."""

from __future__ import annotations

import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from backend.errors import BrushmarkError

LOCK = "lock"
_TRIES = 1000


class InUse(Exception):
    """Somebody else works in the folder."""


@contextmanager
def locked(path: Path, refusal: BrushmarkError) -> Iterator[None]:
    """Hold a lock file that dies with its process. Raises `refusal` at once where another does."""
    lock = FileLock(path, timeout=0)
    try:
        lock.acquire()
    except Timeout:
        raise refusal from None
    try:
        yield
    finally:
        lock.release()


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Make a working folder where it is not there, and hold it alone.

    Raises:
        InUse: another process or thread holds it.
        OSError: the folder cannot be made.
    """
    lock = _hold(folder)
    try:
        yield
    finally:
        lock.release()


def clear(folder: Path) -> None:
    """Remove a working folder that the caller holds, as far as the system lets it.

    The holder does this and nobody after it: between a release and the removal, another could have
    begun to work there.
    """
    shutil.rmtree(folder, ignore_errors=True)


def _is_file(path: Path) -> bool:
    try:
        return not stat.S_ISDIR(path.stat().st_mode)  # asked once: it may come and go meanwhile
    except FileNotFoundError:
        return False


def _hold(folder: Path) -> FileLock:
    for _ in range(_TRIES):
        lock = FileLock(folder / LOCK, timeout=0)
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock.acquire()
        except (FileNotFoundError, FileExistsError):  # its last holder cleared it at this moment
            if _is_file(folder):
                raise
        except Timeout:
            raise InUse(folder) from None
        else:
            return lock
    raise InUse(folder)
