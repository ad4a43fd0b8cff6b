"""Where files come from: a zip that is trusted in nothing, or a folder."""

from __future__ import annotations

import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, Protocol

from backend.errors import BadInput, NotFound, TooLarge
from backend.imaging.decode import MAX_BYTES

MAX_ENTRIES = 1_000_000
MAX_TEXT_BYTES = 1024**3
"""Of one table, unpacked."""
MAX_LINE_BYTES = 1024 * 1024
MAX_RATIO = 200
"""Unpacked to packed bytes of one file; honest text stays far below."""
_SMALL_BYTES = 1024 * 1024
_MAX_DIRECTORY_BYTES = 512 * 1024**2
_KINDS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}
_END = b"PK\x05\x06"
_END_BYTES = 22 + 65535
_ENCRYPTED = 0x1


class Source(Protocol):
    """Files by relative path, read within limits."""

    @property
    def label(self) -> str:
        """What people call it."""

    def names(self) -> list[str]:
        """Return the paths of all files, in order."""

    def size(self, name: str) -> int:
        """Return a file's length in bytes, as it says."""

    def open(self, name: str) -> IO[bytes]:
        """Open a file for reading; damage shows while reading. Raises `BadInput`."""


class FolderSource:
    """A folder on this machine; hidden files and links are passed over."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.label = folder.name

    def names(self) -> list[str]:
        """Return the paths of all files, in order."""
        found = (p for p in self._folder.rglob("*") if p.is_file() and not p.is_symlink())
        relative = (p.relative_to(self._folder) for p in found)
        return sorted(p.as_posix() for p in relative if not any(x[:1] == "." for x in p.parts))

    def size(self, name: str) -> int:
        """Return a file's length in bytes."""
        return (self._folder / name).stat().st_size

    def open(self, name: str) -> IO[bytes]:
        """Open a file for reading."""
        return (self._folder / name).open("rb")


class ZipSource:
    """A zip whose every name and size was looked at before anything is read."""

    def __init__(self, archive: zipfile.ZipFile, label: str, length: int) -> None:
        self._archive = archive
        self.label = label
        self._entries = {info.filename: info for info in _checked(archive, length)}

    def names(self) -> list[str]:
        """Return the paths of all files, in order."""
        return sorted(self._entries)

    def size(self, name: str) -> int:
        """Return a file's length in bytes, as the zip says."""
        return self._entries[name].file_size

    def open(self, name: str) -> IO[bytes]:
        """Open a file for reading."""
        return self._archive.open(self._entries[name])


@contextmanager
def open_source(path: Path, called: str | None = None) -> Iterator[Source]:
    """Open a zip or a folder; `called` is what people call it, if not by its name.

    Raises:
        NotFound: there is neither.
        BadInput, TooLarge: no zip, a damaged or a hostile one.
    """
    if path.is_dir():
        yield FolderSource(path)
        return
    if not path.is_file():
        raise NotFound(f"There is no file or folder {path}.")
    name = called or path.name
    _require_modest_directory(path, name)
    with refusing_damage(name):
        archive = zipfile.ZipFile(path)
    with archive:
        yield ZipSource(archive, called or path.stem, path.stat().st_size)


@contextmanager
def refusing_damage(label: str) -> Iterator[None]:
    """Turn what a broken zip raises into a sentence."""
    try:
        yield
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, struct.error) as error:
        raise BadInput(f"{label} is no whole zip file ({error}). Fetch it again.") from error


def _require_modest_directory(path: Path, name: str) -> None:
    """Refuse a zip whose table of contents alone would fill the memory."""
    with path.open("rb") as file:
        length = file.seek(0, 2)
        file.seek(max(0, length - _END_BYTES))
        tail = file.read()
    at = tail.rfind(_END)
    if at < 0 or len(tail) < at + 22:
        raise BadInput(f"{name} is no whole zip file. Fetch it again.")
    (size,) = struct.unpack_from("<I", tail, at + 12)
    if size != 0xFFFFFFFF and size > _MAX_DIRECTORY_BYTES:
        raise TooLarge(f"{name} has too many files.")


def _checked(archive: zipfile.ZipFile, length: int) -> Iterator[zipfile.ZipInfo]:
    entries = [info for info in archive.infolist() if not info.is_dir()]
    if len(entries) > MAX_ENTRIES:
        raise TooLarge(f"The zip has {len(entries):,} files; at most {MAX_ENTRIES:,} are taken.")
    seen: set[str] = set()
    for info in entries:
        _check_entry(info, seen)
        seen.add(info.filename)
    ends = 0
    for info in sorted(entries, key=lambda i: i.header_offset):
        # Files that share bytes are the trick of zips that unpack to a thousand times their size.
        if info.header_offset < ends or info.compress_size > length:
            raise BadInput("The zip's files overlap; it was made to do harm.")
        ends = info.header_offset + info.compress_size
    yield from entries


def _check_entry(info: zipfile.ZipInfo, seen: set[str]) -> None:
    name = info.filename
    shown = "".join(c if c.isprintable() else "?" for c in name[:80])
    parts = PurePosixPath(name).parts
    is_odd = name.startswith("/") or ".." in parts or any(c in name for c in "\\:\0")
    if is_odd or not name.isprintable():
        raise BadInput(f"The zip names a file “{shown}”, which would lead out of its folder.")
    if name in seen:
        raise BadInput(f"The zip holds “{shown}” twice.")
    mode = info.external_attr >> 16
    if mode and not stat.S_ISREG(mode) and stat.S_IFMT(mode):
        raise BadInput(f"“{shown}” in the zip is a link or something else than a file.")
    if info.flag_bits & _ENCRYPTED:
        raise BadInput("The zip is encrypted; unpack it first.")
    if info.compress_type not in _KINDS:
        raise BadInput(f"“{shown}” in the zip is packed in a way that is not read here.")
    if info.file_size > max(_SMALL_BYTES, MAX_RATIO * info.compress_size):
        raise TooLarge(f"“{shown}” unpacks to more than {MAX_RATIO} times its size; not taken.")


def read_all(source: Source, name: str, most_bytes: int = MAX_BYTES) -> bytes:
    """Read a file, whatever its zip says of its length.

    Raises:
        TooLarge: it has more bytes than that.
        BadInput: it is damaged.
    """
    with refusing_damage(source.label), source.open(name) as file:
        data = file.read(most_bytes + 1)
    if len(data) > most_bytes:
        raise TooLarge(f"{name} has more than {most_bytes:,} bytes.")
    return data


def read_lines(source: Source, name: str) -> Iterator[bytes]:
    """Yield a text file's lines, of bounded length and number. Raises as `read_all`."""
    total = 0
    with refusing_damage(source.label), source.open(name) as file:
        while line := file.readline(MAX_LINE_BYTES + 1):
            total += len(line)
            if len(line) > MAX_LINE_BYTES or total > MAX_TEXT_BYTES:
                raise TooLarge(f"{name} is too large for a table of pictures.")
            yield line
