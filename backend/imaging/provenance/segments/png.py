"""PNG: text, EXIF and credentials in chunks (W3C PNG, third edition, 11.3)."""

from __future__ import annotations

import zlib
from collections.abc import Iterator

from backend.imaging.provenance.segments.metadata import MAX_BLOCK_BYTES, Metadata

MAX_CHUNKS = 20_000
_FIRST_CHUNK = 8
_XMP_KEYWORD = b"XML:com.adobe.xmp"


def walk(data: bytes) -> Metadata:
    """Collect texts, XMP, EXIF and the sign of credentials; compressed texts within a limit."""
    found = Metadata("PNG")
    for kind, start, end in chunks(data):
        if kind in (b"tEXt", b"zTXt", b"iTXt"):
            _take_text(found, kind, data[start:end])
        elif kind == b"eXIf":
            found.add_exif(data[start:end])
        elif kind == b"caBX":
            found.has_credentials = True
    return found


def chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Yield kind, start and end of the body of each whole chunk before the end chunk."""
    position = _FIRST_CHUNK
    for _ in range(MAX_CHUNKS):
        header = data[position : position + 8]
        start, end = position + 8, position + 8 + int.from_bytes(header[:4])
        if len(header) < 8 or end > len(data) or header[4:] == b"IEND":
            return
        yield header[4:], start, end
        position = end + 4


def _take_text(found: Metadata, kind: bytes, body: bytes) -> None:
    keyword, separator, rest = body.partition(b"\0")
    if not separator or len(keyword) > 79 or len(rest) > MAX_BLOCK_BYTES:
        found.too_much = True
        return
    text: bytes | None = rest
    if kind == b"zTXt":
        text = _inflated(rest[1:])
    elif kind == b"iTXt":
        text = _international(rest)
    if text is None:
        found.too_much = True
    elif keyword == _XMP_KEYWORD:
        found.add_xmp(text)
    else:
        encoding = "utf-8" if kind == b"iTXt" else "latin-1"
        found.add_text(keyword.decode("latin-1"), text.decode(encoding, "replace"))


def _international(rest: bytes) -> bytes | None:
    """Return the text of an iTXt chunk: flag, method, language, translated keyword, text."""
    _, language, after = rest[2:].partition(b"\0")
    _, keyword, text = after.partition(b"\0")
    if len(rest) < 2 or not language or not keyword:
        return None
    return _inflated(text) if rest[0] == 1 else text


def _inflated(packed: bytes) -> bytes | None:
    inflate = zlib.decompressobj()
    try:
        text = inflate.decompress(packed, MAX_BLOCK_BYTES)
    except zlib.error:
        return None
    return text if inflate.eof else None
