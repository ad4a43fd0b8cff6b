"""PNG: W3C Portable Network Graphics (third edition), with APNG's frames."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator

from backend.errors import UndecodableImage
from backend.imaging.containers.container import Container

MAX_CHUNKS = 20_000
"""Encoders write image data in chunks of 4 kB and more: 20 MB make 5,000 of them."""
MAX_PROFILE_BYTES = 4 * 1024 * 1024

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_END = b"\0\0\0\0IEND\xaeB`\x82"
_KEPT = frozenset({b"IHDR", b"PLTE", b"tRNS", b"IDAT"})


def matches(data: bytes) -> bool:
    """Say whether these are the first bytes of a PNG file."""
    return data.startswith(_SIGNATURE)


def read(data: bytes) -> Container:
    """Keep header, palette, transparency and image data; take out EXIF and profile.

    Text, animation frames after the default image and all unknown chunks are left out. The
    checksums of image data are verified here, since Pillow does not.

    Raises:
        UndecodableImage: damaged image data, or no image.
        IndexError, ValueError: cut short.
    """
    kept: list[bytes | memoryview] = [_SIGNATURE]
    profile: bytes | None = None
    exif = size = None
    frames, animated, seen_data, first_is_default = 0, False, False, False
    for kind, chunk in _chunks(data):
        body = chunk[8:-4]
        if size is None:
            size = _declared_size(kind, body)
        if kind in _KEPT:
            kept.append(chunk)
        if kind == b"IDAT":
            _verify(chunk)
            first_is_default |= not seen_data and frames == 0
            seen_data = True
        elif kind == b"acTL":
            animated = not seen_data
        elif kind == b"fcTL":
            frames += 1
        elif kind == b"iCCP" and profile is None:
            profile = bytes(body)
        elif kind == b"eXIf":
            exif = bytes(body)
    if not seen_data:
        raise UndecodableImage("This PNG file holds no picture data.")
    shown = frames + first_is_default if animated else 1
    icc = _inflated(profile) if profile else None
    return Container("PNG", b"".join([*kept, _END]), size, shown, icc, exif)


def _chunks(data: bytes) -> Iterator[tuple[bytes, memoryview]]:
    view, position = memoryview(data), len(_SIGNATURE)
    seen_data = False
    for _ in range(MAX_CHUNKS):
        header = data[position : position + 8]
        end = position + 12 + int.from_bytes(header[:4])
        kind = header[4:]
        if len(header) < 8 or end > len(data):
            # What follows the image data may be missing: the picture is whole without it.
            if seen_data and kind != b"IDAT":
                return
            raise ValueError("cut short")
        if kind == b"IEND":
            return
        seen_data = seen_data or kind == b"IDAT"
        yield kind, view[position:end]
        position = end
    raise UndecodableImage(f"This PNG file is cut into more than {MAX_CHUNKS} pieces.")


def _declared_size(kind: bytes, body: memoryview) -> tuple[int, int]:
    if kind != b"IHDR" or len(body) != 13:
        raise UndecodableImage("This PNG file does not begin with its header.")
    width, height = struct.unpack_from(">II", body)
    return width, height


def _verify(chunk: memoryview) -> None:
    if zlib.crc32(chunk[4:-4]) != int.from_bytes(chunk[-4:]):
        raise UndecodableImage("This PNG file's picture data fails its checksum: it is damaged.")


def _inflated(body: bytes) -> bytes | None:
    _, separator, rest = body.partition(b"\0")
    if not separator or rest[:1] != b"\0":
        return None
    inflate = zlib.decompressobj()
    try:
        profile = inflate.decompress(rest[1:], MAX_PROFILE_BYTES)
    except zlib.error:
        return None
    return profile if inflate.eof else None
