"""The few EXIF fields that speak of a picture's origin (CIPA DC-008, Exif 3.0)."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

MAX_ENTRIES = 512
MAX_VALUE_BYTES = 1024 * 1024

_EXIF_DIRECTORY = 0x8769
_ASCII_TAGS = {
    0x010E: "ImageDescription",
    0x010F: "Make",
    0x0110: "Model",
    0x0131: "Software",
    0x013B: "Artist",
    0xA433: "LensMake",
    0xA434: "LensModel",
}
_USER_COMMENT, _MAKER_NOTE = 0x9286, 0x927C
_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 9: 4, 10: 8, 129: 1}


@dataclass(frozen=True, slots=True)
class ExifFields:
    """Fields by their names in the standard, and whether there are maker notes."""

    texts: dict[str, str]
    has_maker_note: bool = False

    def get(self, name: str) -> str:
        """Return a field's text, or an empty one."""
        return self.texts.get(name, "")


NONE = ExifFields({})


def read_exif(block: bytes | None) -> ExifFields:
    """Read a TIFF-structured block: the first directory and the EXIF directory within it.

    Raises:
        ValueError: it is there, and is no such block.
    """
    if not block:
        return NONE
    if block[:4] not in (b"II*\0", b"MM\0*"):
        raise ValueError("no TIFF header")
    order = "<" if block[:1] == b"I" else ">"
    try:
        return _read(block, order)
    except struct.error as error:
        raise ValueError("a directory is cut short") from error


def _read(block: bytes, order: str) -> ExifFields:
    texts: dict[str, str] = {}
    maker_note = False
    (first,) = struct.unpack_from(order + "I", block, 4)
    directories = [first]
    for directory in directories:  # at most two: a third is never appended
        for tag, value in _entries(block, order, directory):
            if tag in _ASCII_TAGS:
                texts.setdefault(_ASCII_TAGS[tag], _ascii(value))
            elif tag == _USER_COMMENT:
                texts.setdefault("UserComment", _comment(value, order))
            elif tag == _MAKER_NOTE:
                maker_note = maker_note or len(value) > 8
            elif tag == _EXIF_DIRECTORY and len(directories) == 1 and len(value) >= 4:
                directories.append(int(struct.unpack(order + "I", value[:4])[0]))
    return ExifFields({name: text for name, text in texts.items() if text}, maker_note)


def _entries(block: bytes, order: str, directory: int) -> Iterator[tuple[int, bytes]]:
    (count,) = struct.unpack_from(order + "H", block, directory)
    wanted = {*_ASCII_TAGS, _USER_COMMENT, _MAKER_NOTE, _EXIF_DIRECTORY}
    for number in range(min(count, MAX_ENTRIES)):
        start = directory + 2 + 12 * number
        tag, kind, values, offset = struct.unpack_from(order + "HHII", block, start)
        if tag not in wanted:
            continue
        size = _SIZES.get(kind, 0) * values
        begin = start + 8 if size <= 4 else offset
        if size <= MAX_VALUE_BYTES:
            yield tag, block[begin : begin + size]


def _ascii(value: bytes) -> str:
    return value.split(b"\0")[0].decode("utf-8", "replace").strip()


def _comment(value: bytes, order: str) -> str:
    """Decode a UserComment: eight bytes name its encoding (4.6.6, table 9)."""
    code, text = value[:8], value[8:]
    if code.startswith(b"UNICODE"):
        # The standard means UTF-16 in the order of the block; some write the other one.
        endings = ("utf-16-le", "utf-16-be") if order == "<" else ("utf-16-be", "utf-16-le")
        wide = min((text.decode(name, "replace") for name in endings), key=_strangeness)
        return wide.strip("\0 \n")
    if code.startswith((b"ASCII", b"\0\0\0\0")):
        return text.decode("utf-8", "replace").strip("\0 \n")
    return value.decode("utf-8", "replace").strip("\0 \n")


def _strangeness(text: str) -> int:
    return sum(ord(character) > 0x2FFF for character in text[:200])
