"""Copy the store while it is in use, and put a copy back."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from backend.domain import utc_now
from backend.errors import AlreadyRunning, BadInput, Conflict, NotFound, StoreDamaged
from backend.settings import Settings
from backend.storage.connections import connect, sync_folder
from backend.storage.failures import translated
from backend.storage.images import ImageStore
from backend.storage.verification import inspect_file
from backend.wire import time_to_text

_FORMAT = 1
_MANIFEST = "manifest.json"
_STORE = "store.sqlite3"
_IMAGES = "images"
_PIECE_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class BackupReport:
    """What a backup holds."""

    target: Path
    predictions: int
    pictures: int
    bytes: int

    def lines(self) -> list[str]:
        """Return the report for a person to read."""
        size = f"{self.bytes / 1e6:.1f} MB"
        what = f"{self.predictions} predictions and {self.pictures} pictures ({size})"
        return [f"Backed up {what} to {self.target}."]


@dataclass(frozen=True, slots=True)
class RestoreReport:
    """What was put back, and where the store from before lies now."""

    source: Path
    predictions: int
    pictures: int
    aside: Path | None

    def lines(self) -> list[str]:
        """Return the report for a person to read."""
        what = f"{self.predictions} predictions and {self.pictures} pictures"
        lines = [f"Restored {what} from {self.source}."]
        if self.aside:
            lines.append(
                f"The store from before is kept in {self.aside}; delete it when all is well."
            )
        return lines


def backup(settings: Settings, target: Path) -> BackupReport:
    """Copy the log and the kept pictures into a new folder, also while a backend writes.

    The log is of one moment. The folder appears whole, with a manifest of every file's hash,
    or not at all.

    Raises:
        NotFound: there is no store.
        Conflict: the target exists.
        OutOfSpace, StoreUnavailable, StoreDamaged: nothing was left behind.
    """
    if not settings.store_path.is_file():
        raise NotFound(f"There is no store at {settings.store_path}.")
    target = target.absolute()
    if target.exists():
        raise Conflict(f"{target} exists already; name a new folder for the backup.")
    with translated(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        partial = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
        try:
            report = _fill(settings, partial, target)
            partial.rename(target)
            sync_folder(target.parent)
        except BaseException:
            shutil.rmtree(partial, ignore_errors=True)
            raise
    return report


def _fill(settings: Settings, folder: Path, target: Path) -> BackupReport:
    # The log first: a picture is kept before its record, so none that it names is missed.
    copy_log(settings.store_path, folder / _STORE)
    kept = ImageStore(settings.images_path)
    copies = ImageStore(folder / _IMAGES)
    for sha256 in kept.hashes():
        data = kept.get(sha256)
        if data is not None:  # deleted meanwhile
            copies.put(sha256, data)
    files = {path: _describe(folder / path) for path in _files(folder)}
    manifest = {"format": _FORMAT, "created_at": time_to_text(utc_now()), "files": files}
    _write(folder / _MANIFEST, json.dumps(manifest, indent=1).encode())
    with closing(sqlite3.connect(folder / _STORE)) as connection:
        (predictions,) = connection.execute("SELECT count(*) FROM predictions").fetchone()
    size = sum(file["bytes"] for file in files.values())
    return BackupReport(target, predictions, len(files) - 1, size)


def copy_log(source: Path, target: Path) -> None:
    """Copy a log in use into one file, as of one moment, through SQLite's online backup."""
    descriptor = os.open(target, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600)
    os.close(descriptor)
    with closing(connect(source)) as log, closing(sqlite3.connect(target)) as copy:
        # In one go: page by page, each write of another process would start it over.
        log.backup(copy)
        copy.execute("PRAGMA journal_mode = DELETE").fetchone()
    _sync(target)


def restore(settings: Settings, source: Path) -> RestoreReport:
    """Put a backup in the place of the store, after checking it; what was there is kept aside.

    Raises:
        AlreadyRunning: a backend holds this home.
        NotFound, BadInput: the source is no backup.
        StoreDamaged: the backup is; nothing was changed.
        OutOfSpace, StoreUnavailable: nothing was changed.
    """
    source = source.absolute()
    pictures = _checked_pictures(source)
    documents, findings = inspect_file(source / _STORE, alone=True)
    if findings:
        raise StoreDamaged(
            f"The backup's log is damaged, so nothing was changed ({findings[0].where}: "
            f"{findings[0].what})."
        )
    settings.prepare_home()
    with _home_lock(settings), translated(settings.store_path):
        aside = _swap(settings, source, pictures)
    return RestoreReport(source, documents.get("predictions", 0), len(pictures), aside)


@contextlib.contextmanager
def _home_lock(settings: Settings) -> Iterator[None]:
    lock = FileLock(settings.home / "backend.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout as error:
        raise AlreadyRunning(
            f"A backend is using {settings.home}. Stop it, then restore again."
        ) from error
    try:
        yield
    finally:
        lock.release()


def _swap(settings: Settings, source: Path, pictures: list[str]) -> Path | None:
    """Bring the backup in, with the store's file replaced in one atomic step."""
    store = settings.store_path
    staged = store.with_name(f"{store.name}.restoring")
    shutil.copyfile(source / _STORE, staged)
    staged.chmod(0o600)
    _sync(staged)
    images, copies = ImageStore(settings.images_path), ImageStore(source / _IMAGES)
    for sha256 in pictures:
        images.put(sha256, copies.get(sha256) or b"")
    aside = _set_aside(settings)
    staged.replace(store)
    sync_folder(store.parent)
    if aside:
        _set_aside_pictures(settings, aside, set(pictures))
    return aside


def _set_aside(settings: Settings) -> Path | None:
    """Keep the present store; leave no log beside it that SQLite would apply to another file."""
    store = settings.store_path
    if not store.exists():
        return None
    stamp = f"{utc_now():%Y%m%d-%H%M%S}-"
    aside = Path(tempfile.mkdtemp(prefix=f"before-restore-{stamp}", dir=settings.home))
    with contextlib.suppress(sqlite3.Error), closing(connect(store)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    shutil.copyfile(store, aside / store.name)
    _sync(aside / store.name)
    for ending in ("-wal", "-shm"):
        log = store.with_name(store.name + ending)
        if log.exists():
            log.replace(aside / log.name)
    sync_folder(aside)
    return aside


def _set_aside_pictures(settings: Settings, aside: Path, restored: set[str]) -> None:
    images, left = ImageStore(settings.images_path), ImageStore(aside / _IMAGES)
    for sha256 in [digest for digest in images.hashes() if digest not in restored]:
        with contextlib.suppress(StoreDamaged):
            data = images.get(sha256)
            if data is not None:
                left.put(sha256, data)
                images.delete(sha256)


def _checked_pictures(source: Path) -> list[str]:
    """Check every file of a backup against its manifest; return the hashes of its pictures."""
    try:
        manifest: Any = json.loads((source / _MANIFEST).read_bytes())
        files = dict(manifest["files"])
        known = manifest["format"] == _FORMAT and _STORE in files
    except FileNotFoundError as error:
        raise NotFound(f"{source} is no backup: it has no {_MANIFEST}.") from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadInput(f"The manifest of {source} cannot be read ({error}).") from error
    if not known:
        raise BadInput(f"{source} is a backup of a kind that this Brushmark does not know.")
    if set(files) != set(_files(source)) - {_MANIFEST}:
        raise StoreDamaged(f"{source} does not hold just the files that its manifest names.")
    for path, expected in files.items():
        if _describe(source / path) != expected:
            raise StoreDamaged(f"{path} of the backup is damaged, so nothing was changed.")
    return sorted(ImageStore(source / _IMAGES).hashes())


def _files(folder: Path) -> list[str]:
    found = (path for path in folder.rglob("*") if path.is_file())
    return sorted(path.relative_to(folder).as_posix() for path in found)


def _describe(path: Path) -> dict[str, Any]:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(_PIECE_BYTES):
            digest.update(piece)
    return {"sha256": digest.hexdigest(), "bytes": path.stat().st_size}


def _write(path: Path, data: bytes) -> None:
    path.write_bytes(data)
    path.chmod(0o600)
    _sync(path)


def _sync(path: Path) -> None:
    with path.open("rb+") as file:
        os.fsync(file.fileno())
