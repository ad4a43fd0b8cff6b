"""A folder of kept pictures, named by the SHA-256 of their bytes."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from backend.errors import BadInput, StoreDamaged
from backend.storage.connections import sync_folder
from backend.storage.failures import translated

_SHA256 = re.compile(r"[0-9a-f]{64}\Z")
_PARTIAL = ".partial-"


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
            if path.is_file() and path.read_bytes() == data:
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

    def delete(self, sha256: str) -> None:
        """Remove the bytes; nothing happens where they are not kept."""
        path = self._path(sha256)
        with translated(path):
            path.unlink(missing_ok=True)
            if path.parent.exists():
                sync_folder(path.parent)

    def hashes(self) -> Iterator[str]:
        """Yield the hash of every kept picture, in order."""
        if not self._root.is_dir():
            return
        for folder in sorted(self._root.iterdir()):
            if folder.is_dir():
                names = sorted(path.name for path in folder.iterdir())
                yield from (n for n in names if _SHA256.match(n) and n[:2] == folder.name)

    def sweep(self, older_than_s: float = 3600.0) -> int:
        """Remove what interrupted writes left behind; return how many files that were."""
        moment = time.time() - older_than_s
        left = [p for p in self._root.glob(f"*/{_PARTIAL}*") if p.stat().st_mtime < moment]
        for path in left:
            path.unlink(missing_ok=True)
        return len(left)

    def _path(self, sha256: str) -> Path:
        if not isinstance(sha256, str) or not _SHA256.match(sha256):
            raise BadInput("A SHA-256 is 64 hex digits in lower case.")
        return self._root / sha256[:2] / sha256

    def _prepare(self, folder: Path) -> None:
        for each in (self._root, folder):
            if not each.is_dir():
                each.mkdir(mode=0o700, parents=True, exist_ok=True)
                sync_folder(each.parent)


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
