"""JPEG: application segments and comments before the first scan (ITU-T T.81, annex B)."""

from __future__ import annotations

from backend.imaging.provenance.segments.metadata import Metadata

MAX_SEGMENTS = 4096

_APP1, _APP11, _COM = 0xE1, 0xEB, 0xFE
_SOS, _EOI = 0xDA, 0xD9
_STANDALONE = frozenset({0x01, *range(0xD0, 0xD9)})
_XMP = b"http://ns.adobe.com/xap/1.0/\0"
_JUMBF = b"JP"  # ISO/IEC 19566-5, D.2: the common identifier of a JUMBF box's segments
# The first of them begins with the super box and its description, whose type is C2PA's.
_C2PA_TYPE = slice(24, 28)


def walk(data: bytes) -> Metadata:
    """Collect EXIF, XMP, comments and the sign of credentials.

    What stands behind the first scan belongs to no segment of this picture and is not read.
    """
    found = Metadata("JPEG")
    position = 2
    for _ in range(MAX_SEGMENTS):
        while data[position : position + 2] == b"\xff\xff":
            position += 1
        marker = data[position : position + 4]
        if len(marker) < 4 or marker[0] != 0xFF or marker[1] in (_SOS, _EOI):
            return found
        if marker[1] in _STANDALONE:
            position += 2
            continue
        end = position + 2 + int.from_bytes(marker[2:])
        _take(found, marker[1], data[position + 4 : end])
        position = max(end, position + 4)
    found.too_much = True
    return found


def _take(found: Metadata, code: int, body: bytes) -> None:
    if code == _APP1 and body.startswith(b"Exif\0"):
        found.add_exif(body)
    elif code == _APP1 and body.startswith(_XMP):
        found.add_xmp(body[len(_XMP) :])
    elif code == _APP11 and body.startswith(_JUMBF):
        found.has_credentials |= body[_C2PA_TYPE] == b"c2pa"
    elif code == _COM:
        found.add_comment(body)
