"""A zip with the same bytes for the same content: fixed times, modes and order, and checksums."""

from __future__ import annotations

import hashlib
import shutil
import zipfile
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

SUMS = "SHA256SUMS"
_EPOCH = (1980, 1, 1, 0, 0, 0)
_MODE = 0o644 << 16
_UNIX = 3
_PIECE_BYTES = 1024 * 1024


class Archive:
    """Write files into a new zip; closing adds SHA256SUMS over all of them."""

    def __init__(self, path: Path, scratch: Path) -> None:
        self._zip = zipfile.ZipFile(path, "x", allowZip64=True)
        self._sums = (scratch / "sums").open("w+b")
        self.bytes = 0
        """Of all the files in it, before compression."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if error is None:
                self._sums.seek(0)
                self._put(SUMS, self._sums, zipfile.ZIP_DEFLATED)
            self._zip.close()
        finally:
            self._sums.close()

    def picture(self, name: str, data: bytes) -> None:
        """Add a picture as it is: it is compressed already."""
        self._zip.writestr(_info(name, zipfile.ZIP_STORED), data)
        self._note(name, hashlib.sha256(data).hexdigest(), len(data))

    def text(self, name: str, text: str) -> None:
        """Add a text."""
        data = text.encode()
        self._zip.writestr(_info(name, zipfile.ZIP_DEFLATED), data)
        self._note(name, hashlib.sha256(data).hexdigest(), len(data))

    def file(self, name: str, file: BinaryIO, *, compressed: bool = True) -> None:
        """Add what a file holds, piece by piece."""
        file.seek(0)
        kind = zipfile.ZIP_DEFLATED if compressed else zipfile.ZIP_STORED
        digest, length = self._put(name, file, kind)
        self._note(name, digest, length)

    def _put(self, name: str, file: BinaryIO, kind: int) -> tuple[str, int]:
        digest, length = hashlib.sha256(), 0
        # Of either size the headers are those of a large file: nobody knows it beforehand.
        with self._zip.open(_info(name, kind), "w", force_zip64=True) as entry:
            while piece := file.read(_PIECE_BYTES):
                digest.update(piece)
                length += len(piece)
                entry.write(piece)
        return digest.hexdigest(), length

    def _note(self, name: str, digest: str, length: int) -> None:
        self._sums.write(f"{digest}  {name}\n".encode())
        self.bytes += length


def _info(name: str, kind: int) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name, _EPOCH)
    info.compress_type = kind
    info.external_attr = _MODE
    info.create_system = _UNIX
    return info


def free_bytes(folder: Path) -> int:
    """Return how much room the disk below a folder has."""
    return shutil.disk_usage(folder).free
