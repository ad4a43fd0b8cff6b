"""Copy the store while it is in use."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sqlite3
import tempfile
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from backend.domain import utc_now
from backend.errors import Conflict, NotFound, StoreDamaged
from backend.settings import Settings
from backend.storage.connections import connect, sync_folder
from backend.storage.failures import translated
from backend.storage.images import ImageStore
from backend.storage.inspection import inspect_file
from backend.wire import time_to_text

FORMAT = 1
MANIFEST = "manifest.json"
STORE = "store.sqlite3"
IMAGES = "images"
_PIECE_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class BackupReport:
    """What a backup holds."""

    target: Path
    predictions: int
    pictures: int
    bytes: int
    damaged: tuple[str, ...] = ()
    """SHA-256 of each kept picture that is damaged and was left out."""

    def lines(self) -> list[str]:
        """Return the report for a person to read."""
        size = f"{self.bytes / 1e6:.1f} MB"
        what = f"{self.predictions} predictions and {self.pictures} pictures ({size})"
        left_out = [f"LEFT OUT, as it is damaged: picture {sha256}" for sha256 in self.damaged]
        return [f"Backed up {what} to {self.target}.", *left_out]


def backup(settings: Settings, target: Path) -> BackupReport:
    """Copy the log and the kept pictures into a new folder, also while a backend writes.

    The log is of one moment, and checked. The folder appears whole, with a manifest of every
    file's hash, or not at all.

    Raises:
        NotFound: there is no store.
        Conflict: the target exists.
        StoreDamaged: the log is; a copy of it would be no backup. Nothing was left behind.
        OutOfSpace, StoreUnavailable: nothing was left behind.
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
    copy_log(settings.store_path, folder / STORE)
    documents, findings = inspect_file(folder / STORE, alone=True)
    if findings:
        raise StoreDamaged(
            f"The log is damaged, so there is no backup of it ({findings[0].where}: "
            f"{findings[0].what}). `brushmark store verify` lists all that is wrong."
        )
    damaged = _copy_pictures(ImageStore(settings.images_path), ImageStore(folder / IMAGES))
    files = {path: describe(folder / path) for path in files_of(folder)}
    manifest = {"format": FORMAT, "created_at": time_to_text(utc_now()), "files": files}
    _write(folder / MANIFEST, json.dumps(manifest, indent=1).encode())
    size = sum(file["bytes"] for file in files.values())
    return BackupReport(target, documents["predictions"], len(files) - 1, size, damaged)


def _copy_pictures(kept: ImageStore, copies: ImageStore) -> tuple[str, ...]:
    """Copy pictures, and return the hashes of those that are damaged."""
    damaged = []
    for sha256 in kept.hashes():
        try:
            data = kept.get(sha256)
        except StoreDamaged:
            damaged.append(sha256)
            continue
        if data is not None:  # None: deleted meanwhile
            copies.put(sha256, data)
    return tuple(damaged)


def copy_log(source: Path, target: Path) -> None:
    """Copy a log in use into one file, as of one moment, through SQLite's online backup."""
    descriptor = os.open(target, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600)
    os.close(descriptor)
    with closing(connect(source)) as log, closing(sqlite3.connect(target)) as copy:
        # In one go: page by page, each write of another process would start it over.
        log.backup(copy)
        copy.execute("PRAGMA journal_mode = DELETE").fetchone()
    sync_file(target)


def files_of(folder: Path) -> list[str]:
    """Return the paths of all files of a backup, relative to it, in order."""
    found = (path for path in folder.rglob("*") if path.is_file())
    return sorted(path.relative_to(folder).as_posix() for path in found)


def describe(path: Path) -> dict[str, Any]:
    """Return what a manifest says of a file: its SHA-256 and its length in bytes."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(_PIECE_BYTES):
            digest.update(piece)
    return {"sha256": digest.hexdigest(), "bytes": path.stat().st_size}


def _write(path: Path, data: bytes) -> None:
    path.write_bytes(data)
    path.chmod(0o600)
    sync_file(path)


def sync_file(path: Path) -> None:
    """Make a file's bytes durable."""
    with path.open("rb+") as file:
        os.fsync(file.fileno())
