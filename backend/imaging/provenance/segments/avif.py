"""AVIF: EXIF and XMP as items of the `meta` box, credentials as a `uuid` box (ISO/IEC 14496-12)."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from backend.imaging.provenance.segments.metadata import MAX_BLOCK_BYTES, Metadata

MAX_BOXES = 1024
MAX_ITEMS = 1024
MAX_EXTENTS = 64
_C2PA_UUID = bytes.fromhex("d8fec3d61b0e483c92975828877ec481")
_XMP_TYPE = b"application/rdf+xml\0"


@dataclass(frozen=True, slots=True)
class _Box:
    kind: bytes
    start: int
    end: int


def walk(data: bytes) -> Metadata:
    """Collect EXIF, XMP and the sign of credentials."""
    found = Metadata("AVIF")
    for box in _boxes(data, 0, len(data)):
        if box.kind == b"uuid" and data[box.start : box.start + 16] == _C2PA_UUID:
            found.has_credentials = True
        elif box.kind == b"meta":
            try:
                _read_meta(data, box, found)
            except (struct.error, IndexError):
                found.too_much = True
    return found


def _boxes(data: bytes, position: int, limit: int) -> Iterator[_Box]:
    for _ in range(MAX_BOXES):
        if position + 8 > limit:
            return
        size, header = int.from_bytes(data[position : position + 4]), 8
        kind = data[position + 4 : position + 8]
        if size == 1:
            size, header = int.from_bytes(data[position + 8 : position + 16]), 16
        elif size == 0:
            size = limit - position
        if size < header or position + size > limit:
            return
        yield _Box(kind, position + header, position + size)
        position += size


def _read_meta(data: bytes, meta: _Box, found: Metadata) -> None:
    boxes = {box.kind: box for box in _boxes(data, meta.start + 4, meta.end)}
    if b"iinf" not in boxes or b"iloc" not in boxes:
        return
    wanted = _wanted_items(data, boxes[b"iinf"])
    idat = boxes[b"idat"].start if b"idat" in boxes else None
    for item, extents in _locations(data, boxes[b"iloc"], wanted, idat):
        body = b"".join(data[start:end] for start, end in extents)
        if wanted[item] == b"Exif":
            # Four bytes say how far behind them the TIFF header stands (ISO/IEC 23008-12, A.2.1).
            found.add_exif(body[4 + int.from_bytes(body[:4]) :])
        else:
            found.add_xmp(body)


def _wanted_items(data: bytes, iinf: _Box) -> dict[int, bytes]:
    """Return the ids of the EXIF and XMP items, with their kinds."""
    start = iinf.start + (6 if data[iinf.start] == 0 else 8)
    wanted: dict[int, bytes] = {}
    for box in _boxes(data, start, iinf.end):
        version = data[box.start]
        if box.kind != b"infe" or version not in (2, 3):
            continue
        wide = 4 if version == 3 else 2
        item = int.from_bytes(data[box.start + 4 : box.start + 4 + wide])
        kind_at = box.start + 6 + wide
        kind = data[kind_at : kind_at + 4]
        name_and_type = data[kind_at + 4 : min(box.end, kind_at + 260)]
        if kind == b"Exif" or (kind == b"mime" and _XMP_TYPE in name_and_type):
            wanted[item] = kind
    return wanted


def _locations(
    data: bytes, iloc: _Box, wanted: dict[int, bytes], idat: int | None
) -> Iterator[tuple[int, list[tuple[int, int]]]]:
    """Yield id and byte ranges of each wanted item (ISO/IEC 14496-12, 8.11.3)."""
    version = data[iloc.start]
    sizes = int.from_bytes(data[iloc.start + 4 : iloc.start + 6])
    offset_size, length_size, base_size = sizes >> 12, sizes >> 8 & 15, sizes >> 4 & 15
    index_size = sizes & 15 if version in (1, 2) else 0
    reader = _Numbers(data, iloc.start + 6, iloc.end)
    for _ in range(min(reader.next(4 if version == 2 else 2), MAX_ITEMS)):
        item = reader.next(4 if version == 2 else 2)
        method = reader.next(2) & 15 if version in (1, 2) else 0
        reader.next(2)
        base = reader.next(base_size)
        extents = []
        for _ in range(min(reader.next(2), MAX_EXTENTS)):
            reader.next(index_size)
            start, length = base + reader.next(offset_size), reader.next(length_size)
            if method == 1 and idat is not None:
                start += idat
            extents.append((start, start + min(length, MAX_BLOCK_BYTES + 8)))
        if item in wanted and method in (0, 1):
            yield item, extents


class _Numbers:
    """Big-endian numbers of given sizes, one after the other."""

    def __init__(self, data: bytes, position: int, end: int) -> None:
        self._data, self._position, self._end = data, position, end

    def next(self, size: int) -> int:
        start, self._position = self._position, self._position + size
        if self._position > self._end:
            raise IndexError("the box ends early")
        return int.from_bytes(self._data[start : self._position])
