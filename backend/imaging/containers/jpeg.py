"""JPEG: ITU-T T.81, annex B (markers and segments)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from backend.errors import UndecodableImage
from backend.imaging.containers.container import Container

MAX_SEGMENTS = 4096
"""More than any camera or editor writes; a 20 MB file could hold five million empty ones."""
MAX_SCANS = 200
MAX_SCANNED_PIXELS = 1_000_000_000
"""Scans times pixels. A progressive scan of 50 megapixels costs some 45 ms and can be written
in 100 bytes, so a small file could keep a decoder busy for hours; encoders write ten or so."""

_USUAL_SCANS = 16
_EOI, _SOS = 0xD9, 0xDA
_FRAME_HEADERS = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
# Frame headers, Huffman and arithmetic tables, quantisation, restart interval; JFIF and Adobe,
# which tell the colour space. Everything else is metadata.
_KEPT = frozenset(range(0xC0, 0xD0)) | {0xDB, 0xDD, 0xE0, 0xEE}
_STANDALONE = frozenset({0x01, *range(0xD0, 0xD9)})
# A marker is FF and a byte that is neither 00 (a stuffed FF) nor FF (padding).
_MARKER = re.compile(rb"\xff([\x01-\xfe])", re.DOTALL)
_SCAN_END = re.compile(rb"\xff([\x01-\xcf\xd8-\xfe])", re.DOTALL)


@dataclass(slots=True)
class _Header:
    kept: list[bytes] = field(default_factory=lambda: [b"\xff\xd8"])
    size: tuple[int, int] | None = None
    exif: bytes | None = None
    icc: list[bytes] = field(default_factory=list)

    def take(self, code: int, body: bytes) -> None:
        if code in _FRAME_HEADERS:
            if self.size is not None:
                raise UndecodableImage("This JPEG file declares two pictures in one.")
            height, width = int.from_bytes(body[1:3]), int.from_bytes(body[3:5])
            self.size = width, height
        if code in _KEPT:
            self.kept.append(b"\xff%c%b" % (code, (len(body) + 2).to_bytes(2)) + body)
        elif code == 0xE1 and body.startswith(b"Exif\0") and self.exif is None:
            self.exif = body
        elif code == 0xE2 and body.startswith(b"ICC_PROFILE\0"):
            self.icc.append(body[12:])

    def profile(self) -> bytes | None:
        """Join the profile's numbered pieces (ICC.1, annex B.4), if all of them are there."""
        pieces = sorted(self.icc)
        if [piece[:2] for piece in pieces] != [
            bytes((number, len(pieces))) for number in range(1, len(pieces) + 1)
        ]:
            return None
        return b"".join(piece[2:] for piece in pieces) or None


def matches(data: bytes) -> bool:
    """Say whether these are the first bytes of a JPEG file."""
    return data.startswith(b"\xff\xd8\xff")


def read(data: bytes) -> Container:
    """Keep frame, tables and scans; take out EXIF and profile; drop all other segments.

    That leaves nothing of a multi-picture file (MPO, or a phone's gain map) but its first
    picture, which is what every viewer shows.

    Raises:
        UndecodableImage: no picture, or one that would take hours.
        IndexError, ValueError: cut short.
    """
    header, position = _Header(), 2
    for _ in range(MAX_SEGMENTS):
        marker = _MARKER.search(data, position)
        if marker is None:
            raise ValueError("no scan")
        code, position = marker[1][0], marker.end()
        if code == _EOI:
            raise UndecodableImage("This JPEG file holds no picture data.")
        if code in _STANDALONE:
            continue
        end = _segment_end(data, position)
        if code == _SOS:
            return _finish(header, data, marker.start())
        header.take(code, data[position + 2 : end])
        position = end
    raise UndecodableImage(
        f"This JPEG file has more than {MAX_SEGMENTS} segments before the picture."
    )


def _segment_end(data: bytes, position: int) -> int:
    length = int.from_bytes(data[position : position + 2])
    if length < 2 or position + length > len(data):
        raise ValueError("a segment is cut short")
    return position + length


def _finish(header: _Header, data: bytes, scans_start: int) -> Container:
    if header.size is None:
        raise UndecodableImage("This JPEG file does not say how large its picture is.")
    width, height = header.size
    limit = min(MAX_SCANS, max(_USUAL_SCANS, MAX_SCANNED_PIXELS // max(1, width * height)))
    # Counting the two bytes is quick and never too low; only a suspicious file is walked.
    if data.count(b"\xff\xda", scans_start) > limit and _scans(data, scans_start, limit) > limit:
        raise UndecodableImage("This JPEG file stores its picture in too many passes to decode.")
    pixels = b"".join([*header.kept, data[scans_start:]])
    return Container("JPEG", pixels, header.size, 1, header.profile(), header.exif)


def _scans(data: bytes, position: int, limit: int) -> int:
    scans = 0
    for _ in range(limit + MAX_SEGMENTS):
        marker = _SCAN_END.search(data, position)
        if marker is None or marker[1][0] == _EOI:
            return scans
        scans += marker[1][0] == _SOS
        position = marker.end()
        if marker[1][0] not in _STANDALONE:
            position += max(2, int.from_bytes(data[position : position + 2]))
    return limit + 1
