"""A folder of kept pictures, named by the SHA-256 of their bytes."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from backend.errors import BadInput, StoreDamaged
from backend.storage.connections import sync_folder
from backend.storage.failures import translated

_SHA256 = re.compile(r"[0-9a-f]{64}\Z")
_PARTIAL = ".partial-"
SETTLED_S = 3600.0
"""After so long, what a write left behind is no longer in the making."""


class ImageStore:
    """Original bytes under their hash: written whole or not at all, never overwritten.

    Layout: `<root>/ab/abcdef…` with folders of mode 0700 and files of mode 0600. The names
    have no ending: what a file is, its bytes say.
    """

    def __init__(self, root: Path) -> None:
        self._root = root

    def put(self, sha256: str, data: bytes) -> None:
        """Keep bytes under their hash; durable when it returns.

        Raises:
            BadInput: the hash is none, or not that of the bytes.
            OutOfSpace, StoreUnavailable: nothing was kept.
        """
        path = self._path(sha256)
        if hashlib.sha256(data).hexdigest() != sha256:
            raise BadInput("Those bytes do not have that SHA-256.")
        with translated(path):
            if _renewed(path, data):
                return  # what was damaged since is written anew
            self._prepare(path.parent)
            _write_durably(path, data)

    def get(self, sha256: str) -> bytes | None:
        """Return the bytes, or None where they are not kept.

        Raises:
            BadInput: the hash is none.
            StoreDamaged: the bytes on disk are not those that were kept.
        """
        path = self._path(sha256)
        with translated(path):
            try:
                data = path.read_bytes()
            except FileNotFoundError:
                return None
        if hashlib.sha256(data).hexdigest() != sha256:
            raise StoreDamaged(
                f"The kept picture {sha256[:12]}… is damaged; a backup may have it whole."
            )
        return data

    def has(self, sha256: str) -> bool:
        """Say whether these bytes are kept."""
        return self._path(sha256).is_file()

    def kept_at(self, sha256: str) -> datetime | None:
        """Return when these bytes were kept, or kept anew; None where they are not."""
        try:
            return datetime.fromtimestamp(self._path(sha256).stat().st_mtime, UTC)
        except FileNotFoundError:
            return None

    def delete(self, sha256: str) -> None:
        """Remove the bytes; nothing happens where they are not kept."""
        path = self._path(sha256)
        with translated(path):
            path.unlink(missing_ok=True)
            if path.parent.exists():
                sync_folder(path.parent)

    def delete_aged(self, sha256: str, older_than_s: float = SETTLED_S) -> None:
        """Remove the bytes unless they were kept, or kept anew, since then.

        They are taken aside first: who keeps the same bytes meanwhile makes these younger, or
        writes them anew.
        """
        path = self._path(sha256)
        aside = path.with_name(_PARTIAL + sha256)
        with translated(path), contextlib.suppress(FileNotFoundError):
            path.replace(aside)
            if _is_older(aside, older_than_s):
                aside.unlink()
                sync_folder(path.parent)
            else:
                aside.replace(path)

    def hashes(self) -> Iterator[str]:
        """Yield the hash of every kept picture, in order."""
        for folder in self._folders():
            yield from (path.name for path in _pictures(folder))

    def aged(self, older_than_s: float = SETTLED_S) -> Iterator[list[str]]:
        """Yield the hashes of the pictures that were kept longer ago, a folder at a time."""
        with translated(self._root):
            for folder in self._folders():
                yield [path.name for path in _pictures(folder) if _is_older(path, older_than_s)]

    def sweep(self, older_than_s: float = SETTLED_S) -> int:
        """Remove what interrupted writes left behind; return how many files that were."""
        with translated(self._root):
            every = self._root.glob(f"*/{_PARTIAL}*")
            left = [path for path in every if _is_older(path, older_than_s)]
            for path in left:
                path.unlink(missing_ok=True)
        return len(left)

    def _folders(self) -> list[Path]:
        every = sorted(self._root.iterdir()) if self._root.is_dir() else []
        return [path for path in every if path.is_dir()]

    def _path(self, sha256: str) -> Path:
        if not isinstance(sha256, str) or not _SHA256.match(sha256):
            raise BadInput("A SHA-256 is 64 hex digits in lower case.")
        return self._root / sha256[:2] / sha256

    def _prepare(self, folder: Path) -> None:
        for each in (self._root, folder):
            if not each.is_dir():
                each.mkdir(mode=0o700, parents=True, exist_ok=True)
                sync_folder(each.parent)


def _pictures(folder: Path) -> list[Path]:
    every = sorted(folder.iterdir())
    return [p for p in every if _SHA256.match(p.name) and p.name[:2] == folder.name]


def _is_older(path: Path, seconds: float) -> bool:
    try:
        return path.stat().st_mtime < time.time() - seconds
    except FileNotFoundError:
        return False


def _renewed(path: Path, data: bytes) -> bool:
    """Say whether the bytes are there already, and make them as young as if kept now."""
    try:
        if path.read_bytes() != data:
            return False
        os.utime(path)
    except FileNotFoundError:
        return False
    return True


def _write_durably(path: Path, data: bytes) -> None:
    """Write beside, fsync, rename, fsync the folder: whole or not there, whatever happens."""
    descriptor, name = tempfile.mkstemp(prefix=_PARTIAL, dir=path.parent)  # mode 0600
    partial = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
        sync_folder(path.parent)
    except BaseException:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)
        raise
