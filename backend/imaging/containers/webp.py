"""WebP: RFC 9649 (RIFF chunks)."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from backend.errors import UndecodableImage
from backend.imaging.containers.container import Container

MAX_CHUNKS = 200_000


def matches(data: bytes) -> bool:
    """Say whether these are the first bytes of a WebP file."""
    return data.startswith(b"RIFF") and data[8:12] == b"WEBP"


def read(data: bytes) -> Container:
    """Read the size of the canvas, which Pillow would allocate on opening, and count frames.

    Raises:
        UndecodableImage: the first chunk is of no picture.
        IndexError, ValueError: cut short.
    """
    size = _canvas(data[12:16], data[20:30])
    frames, blocks = 0, dict[bytes, bytes]()
    for kind, start, end in _chunks(data):
        frames += kind == b"ANMF"
        if kind in (b"ICCP", b"EXIF"):
            blocks.setdefault(kind, data[start:end])
    return Container("WEBP", data, size, max(1, frames), blocks.get(b"ICCP"), blocks.get(b"EXIF"))


def _canvas(kind: bytes, body: bytes) -> tuple[int, int]:
    if len(body) < 10:
        raise ValueError("cut short")
    if kind == b"VP8X":
        return int.from_bytes(body[4:7], "little") + 1, int.from_bytes(body[7:10], "little") + 1
    if kind == b"VP8 " and body[3:6] == b"\x9d\x01\x2a":
        width, height = struct.unpack_from("<HH", body, 6)
        return width & 0x3FFF, height & 0x3FFF
    if kind == b"VP8L" and body[0] == 0x2F:
        bits = int.from_bytes(body[1:5], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    raise UndecodableImage("This WebP file does not begin with a picture.")


def _chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    position = 12
    for _ in range(MAX_CHUNKS):
        start = position + 8
        if start > len(data):
            return
        length = int.from_bytes(data[position + 4 : start], "little")
        yield data[position : position + 4], start, start + length
        position = start + length + (length & 1)
    raise UndecodableImage(f"This WebP file is cut into more than {MAX_CHUNKS} pieces.")
