"""Connections to one SQLite file: one a thread, durable commits, several processes at once."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
import time
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from backend.errors import StoreUnavailable
from backend.storage.failures import translated

BUSY_TIMEOUT_MS = 15_000
_PRAGMAS = (
    f"busy_timeout = {BUSY_TIMEOUT_MS}",
    "synchronous = FULL",  # in WAL mode: one fsync a commit, which is what durable means
    "fullfsync = ON",  # macOS: fsync alone does not reach the platter there
    "checkpoint_fullfsync = ON",
    "secure_delete = ON",  # what is deleted is overwritten
    "foreign_keys = ON",
    "cell_size_check = ON",  # notice a damaged page before following it
    "temp_store = MEMORY",
    "cache_size = -4000",  # kilobytes a thread; the system caches the file for all
    "journal_size_limit = 67108864",
)
_strangers: list[sqlite3.Connection] = []
"""Connections inherited through a fork: closing one would take the parent's locks away."""


def decode(raw: bytes) -> str:
    """Read SQLite's text so that damaged bytes survive the way to their checksum."""
    return raw.decode("utf-8", "surrogateescape")


def connect(path: Path) -> sqlite3.Connection:
    """Open a connection with the settings that durability and erasure rest on."""
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    try:
        connection.text_factory = decode
        for pragma in _PRAGMAS:
            connection.execute(f"PRAGMA {pragma}")
    except BaseException:
        connection.close()
        raise
    return connection


class _Handle:
    """A thread's connection; closed when the thread ends or the store does."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection
        self.depth = 0
        self._pid = os.getpid()

    def close(self) -> None:
        if self._pid == os.getpid():
            self.connection.close()
        else:
            _strangers.append(self.connection)

    def __del__(self) -> None:
        self.close()


class Connections:
    """Hand each thread its own connection to one file, and writers their turn."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._pid = os.getpid()
        self._local = threading.local()
        self._handles: weakref.WeakSet[_Handle] = weakref.WeakSet()
        self._guard = threading.Lock()
        # SQLite's own waiting is not fair: threads of one process queue here instead.
        self._turn = threading.RLock()
        self._closed = False
        with translated(path):
            _create(path)
            with self.using() as connection:
                _enter_wal_mode(connection)

    def __len__(self) -> int:
        """Count the connections that are open, of all threads."""
        with self._guard:
            return len(self._handles)

    def check_open(self) -> None:
        """Raise `StoreUnavailable` if the store was closed, or opened before a fork.

        SQLite's locks belong to a process; a child that used its parent's would ruin the file.
        Source: https://www.sqlite.org/howtocorrupt.html, section 2.7.
        """
        if self._closed:
            raise StoreUnavailable("The store is closed.")
        if self._pid != os.getpid():
            raise StoreUnavailable("The store was opened before this process was forked off.")

    def _handle(self) -> _Handle:
        self.check_open()
        handle: _Handle | None = getattr(self._local, "handle", None)
        if handle is None:
            handle = _Handle(connect(self.path))
            self._local.handle = handle
            with self._guard:
                self._handles.add(handle)
        return handle

    @contextmanager
    def using(self) -> Iterator[sqlite3.Connection]:
        """Lend this thread's connection, for reading.

        Raises:
            StoreUnavailable, StoreDamaged, OutOfSpace: see `failures.translated`.
        """
        with translated(self.path):
            yield self._handle().connection

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Hold the write lock: all of it is durable at the end, or none of it happened.

        A transaction within a transaction joins it.
        """
        with translated(self.path):
            handle = self._handle()
            connection = handle.connection
            if handle.depth:
                yield connection
                return
            with self._turn:
                _take_write_lock(connection)
                handle.depth = 1
                try:
                    yield connection
                    connection.execute("COMMIT")
                except BaseException:
                    _roll_back(connection)
                    raise
                finally:
                    handle.depth = 0

    @contextmanager
    def savepoint(self) -> Iterator[sqlite3.Connection]:
        """Take back what is written here, and nothing before it, where this ends by an error."""
        with self.transaction() as connection:
            connection.execute("SAVEPOINT here")
            try:
                yield connection
            except BaseException:
                connection.execute("ROLLBACK TO here")
                raise
            finally:
                connection.execute("RELEASE here")

    def shrink_log(self) -> None:
        """Move the write-ahead log into the file and cut it to nothing, if no reader is in the way.

        What was deleted stays readable in the log until then.
        """
        with self.using() as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    def close(self) -> None:
        """Close every thread's connection; further use raises `StoreUnavailable`."""
        if self._pid != os.getpid():
            return
        with self._turn, self._guard:
            self._closed = True
            for handle in list(self._handles):
                handle.close()


def _take_write_lock(connection: sqlite3.Connection) -> None:
    """Begin to write as soon as no other process does.

    SQLite's own waiting asks every 100 ms in the end, and so starves beside a busy writer.
    """
    deadline = time.monotonic() + BUSY_TIMEOUT_MS / 1000
    connection.execute("PRAGMA busy_timeout = 3")
    try:
        while True:
            try:
                connection.execute("BEGIN IMMEDIATE")
                return
            except sqlite3.OperationalError as error:
                if not _is_busy(error) or time.monotonic() > deadline:
                    raise
    finally:
        connection.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")


def _is_busy(error: sqlite3.Error) -> bool:
    return error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY


def _roll_back(connection: sqlite3.Connection) -> None:
    # A full disk may have rolled back already; a failing one leaves it to the next opening.
    with contextlib.suppress(sqlite3.Error):
        if connection.in_transaction:
            connection.execute("ROLLBACK")


def _create(path: Path) -> None:
    """Make the file readable by its owner alone; the log and its index inherit the mode."""
    try:
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600)
    except FileExistsError:
        return
    os.close(descriptor)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make a folder's new and renamed entries durable, where the system knows how (POSIX)."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _enter_wal_mode(connection: sqlite3.Connection) -> None:
    """Switch to write-ahead logging; SQLite does not wait its turn for this, so we do."""
    deadline = time.monotonic() + BUSY_TIMEOUT_MS / 1000
    while True:
        try:
            (mode,) = connection.execute("PRAGMA journal_mode").fetchone()
            if mode != "wal":
                connection.execute("PRAGMA journal_mode = WAL").fetchone()
            return
        except sqlite3.OperationalError as error:
            if not _is_busy(error) or time.monotonic() > deadline:
                raise
            time.sleep(0.02)
