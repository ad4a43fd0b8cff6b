"""WebP: EXIF, XMP and credentials in RIFF chunks (RFC 9649, 2.7)."""

from __future__ import annotations

from backend.imaging.provenance.segments.metadata import Metadata

MAX_CHUNKS = 20_000


def walk(data: bytes) -> Metadata:
    """Collect EXIF, XMP and the sign of credentials, within the RIFF's own length."""
    found = Metadata("WEBP")
    file_end = min(len(data), 8 + int.from_bytes(data[4:8], "little"))
    position = 12
    for _ in range(MAX_CHUNKS):
        kind, start = data[position : position + 4], position + 8
        if start > file_end:
            return found
        length = int.from_bytes(data[position + 4 : start], "little")
        if start + length > file_end:
            return found
        if kind == b"EXIF":
            found.add_exif(data[start : start + length])
        elif kind == b"XMP ":
            found.add_xmp(data[start : start + length])
        elif kind == b"C2PA":
            found.has_credentials = True
        position = start + length + (length & 1)
    found.too_much = True
    return found
