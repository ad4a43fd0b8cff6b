"""What SQLite and the disk report, in the domain's words: one place that translates."""

from __future__ import annotations

import errno
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from backend.errors import BrushmarkError, OutOfSpace, StoreDamaged, StoreUnavailable

_NO_SPACE = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_HARDLY_ANY_BYTES = 1024 * 1024
_DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
_BUSY = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
_CLOSED = {sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM}


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Turn errors of SQLite and of the file system about `path` into the domain's.

    Raises:
        OutOfSpace: the disk or the quota is full.
        StoreDamaged: the file holds bytes that SQLite did not write.
        StoreUnavailable: busy, unreadable, closed, or the disk failed.
    """
    try:
        yield
    except sqlite3.IntegrityError:
        raise  # a question of content, answered by whoever wrote it
    except sqlite3.Error as error:
        raise _from_sqlite(error, path) from error
    except UnicodeDecodeError as error:
        # SQLite quotes damaged text of its schema in its message, which Python cannot read.
        raise _damaged(path, "its schema is not text") from error
    except OSError as error:
        raise from_os(error, path) from error


def from_os(error: OSError, path: Path) -> BrushmarkError:
    """Return the domain's error for one of the file system about `path`."""
    if error.errno in _NO_SPACE:
        return _full(path)
    return StoreUnavailable(
        f"{path} cannot be used ({error.strerror or error}). Check the disk and its permissions."
    )


def _from_sqlite(error: sqlite3.Error, path: Path) -> BrushmarkError:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF  # the low byte is the primary code
    if code == sqlite3.SQLITE_FULL:
        return _full(path)
    if code == sqlite3.SQLITE_IOERR and _is_full(path):
        # A shared-memory file that cannot grow is an input/output error to SQLite.
        return _full(path)
    if code in _DAMAGED:
        return _damaged(path, str(error))
    if code in _BUSY:
        return StoreUnavailable("The store is busy with another writer; try again in a moment.")
    if code in _CLOSED:
        return StoreUnavailable(f"The store {path} cannot be opened for writing ({error}).")
    return StoreUnavailable(f"The store {path} cannot be used at the moment ({error}).")


def _damaged(path: Path, how: str) -> StoreDamaged:
    return StoreDamaged(
        f"The store {path} is damaged ({how}). `brushmark store verify` says where; "
        "`brushmark store restore` brings back a backup."
    )


def _full(path: Path) -> OutOfSpace:
    return OutOfSpace(
        f"There is no space left for {path.name} in {path.parent}; nothing was kept. "
        "Free some space and try again."
    )


def require_space(path: Path, spare_bytes: int) -> None:
    """Raise `OutOfSpace` where the disk under `path` has less than that left."""
    if _is_full(path, spare_bytes):
        raise _full(path)


def _is_full(path: Path, spare_bytes: int = _HARDLY_ANY_BYTES) -> bool:
    try:
        return shutil.disk_usage(path.parent).free < spare_bytes
    except OSError:
        return False
