"""Files with traps in them, built byte by byte."""

from __future__ import annotations

import struct
import zlib

from PIL import Image, ImageCms

from tests.pictures import draw, encode

SIGNATURE = b"\x89PNG\r\n\x1a\n"


def chunk(kind: bytes, body: bytes = b"") -> bytes:
    """Return a PNG chunk with its right checksum."""
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(
    width: int, height: int, rows: bytes, *, depth: int = 8, colour: int = 2, extra: bytes = b""
) -> bytes:
    """Return a PNG file of unfiltered `rows`; `extra` chunks go before the image data."""
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    stride = len(rows) // height if rows else 0
    lines = b"".join(
        b"\0" + rows[y * stride : (y + 1) * stride] for y in range(height if rows else 0)
    )
    data = chunk(b"IDAT", zlib.compress(lines))
    return SIGNATURE + chunk(b"IHDR", header) + extra + data + chunk(b"IEND")


def before_idat(data: bytes, extra: bytes) -> bytes:
    """Insert chunks into a PNG file before its image data."""
    at = data.index(b"IDAT") - 4
    return data[:at] + extra + data[at:]


def exif(orientation: int, order: str = ">") -> bytes:
    """Return an EXIF block (TIFF structure) with an orientation and nothing else."""
    head = (b"MM" if order == ">" else b"II") + struct.pack(order + "HI", 42, 8)
    entry = struct.pack(order + "HHIHH", 0x0112, 3, 1, orientation, 0)
    return b"Exif\0\0" + head + struct.pack(order + "H", 1) + entry + b"\0\0\0\0"


def jpeg_segment(code: int, body: bytes) -> bytes:
    """Return one marker segment of a JPEG file."""
    return bytes((0xFF, code)) + struct.pack(">H", len(body) + 2) + body


def after_soi(data: bytes, extra: bytes) -> bytes:
    """Insert bytes into a JPEG file right after its start-of-image marker."""
    return data[:2] + extra + data[2:]


def gif_screen(width: int, height: int) -> bytes:
    """Return the head of a GIF file without a palette."""
    return b"GIF89a" + struct.pack("<HHBBB", width, height, 0, 0, 0)


def animation(format: str, frames: int, **options: object) -> bytes:
    """Return an animation of drawn pictures."""
    pictures = [draw(60, 50, seed) for seed in range(frames)]
    return encode(
        pictures[0], format, save_all=True, append_images=pictures[1:], duration=40, **options
    )


def swapped_profile() -> bytes:
    """Return a readable RGB profile that is far from sRGB: the one of a wide-gamut display.

    Made by giving sRGB's profile other primaries: its red and green columns change places.
    """
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    table = {}
    for index in range(int.from_bytes(profile[128:132])):
        at = 132 + 12 * index
        table[bytes(profile[at : at + 4])] = at
    red, green = table[b"rXYZ"], table[b"gXYZ"]
    profile[red + 4 : red + 12], profile[green + 4 : green + 12] = (
        profile[green + 4 : green + 12],
        profile[red + 4 : red + 12],
    )
    return (
        bytes(profile)
        .replace(b"s\0R\0G\0B\0", b"o\0d\0d\0 \0")
        .replace(b"\0s\0R\0G\0B", b"\0o\0d\0d\0 ")
    )


def solid(mode: str, colour: object, size: tuple[int, int] = (40, 30)) -> Image.Image:
    """Return a picture of one colour."""
    return Image.new(mode, size, colour)  # type: ignore[arg-type]
