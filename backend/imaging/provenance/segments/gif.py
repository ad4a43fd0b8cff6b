"""GIF: comments, XMP and credentials in extension blocks (GIF89a, 24 and 26)."""

from __future__ import annotations

import contextlib

from backend.imaging.provenance.segments.metadata import MAX_BLOCK_BYTES, Metadata

MAX_BLOCKS = 100_000
_EXTENSION, _IMAGE = 0x21, 0x2C
_COMMENT, _APPLICATION = 0xFE, 0xFF
_XMP, _C2PA = b"XMP DataXMP", b"C2PA_GIF"
_XMP_TRAILER_BYTES = 258  # 01 FF FE ... 00: leads a decoder that does not know XMP to its end


def walk(data: bytes) -> Metadata:
    """Collect comments, XMP and the sign of credentials, across all frames."""
    found = Metadata("GIF")
    with contextlib.suppress(IndexError):  # cut short: what came before counts
        _Walker(data, found).walk()
    return found


class _Walker:
    def __init__(self, data: bytes, found: Metadata) -> None:
        self._data = data
        self._found = found
        self._left = MAX_BLOCKS

    def walk(self) -> None:
        position = 13 + _palette_bytes(self._data[10])
        while self._left > 0:
            kind = self._data[position]
            if kind == _EXTENSION:
                position = self._extension(self._data[position + 1], position + 2)
            elif kind == _IMAGE:
                position += 11 + _palette_bytes(self._data[position + 9])
                position = self._skip(position)
            else:
                return
        self._found.too_much = True

    def _extension(self, label: int, position: int) -> int:
        end = self._skip(position)
        if label == _COMMENT:
            self._found.add_comment(self._joined(position, end))
        elif label == _APPLICATION:
            name = self._data[position + 1 : position + 12]
            if name == _XMP:
                # XMP stands there as it is; its own bytes are read as lengths of blocks.
                self._found.add_xmp(self._data[position + 12 : end - _XMP_TRAILER_BYTES])
            elif name.startswith(_C2PA):
                self._found.has_credentials = True
        return end

    def _joined(self, position: int, end: int) -> bytes:
        parts, total = [], 0
        while position < end - 1 and total <= MAX_BLOCK_BYTES:
            length = self._data[position]
            parts.append(self._data[position + 1 : position + 1 + length])
            total += length
            position += length + 1
        return b"".join(parts)

    def _skip(self, position: int) -> int:
        while True:
            self._left -= 1
            length = self._data[position]
            position += length + 1
            if not length or self._left <= 0:
                return position


def _palette_bytes(flags: int) -> int:
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0
