"""What a picture file is, judged by its first bytes, and the part of it that makes pixels.

Decoders are written for honest files. Some of their loops run once for every byte or chunk of
whoever made the file, and their metadata parsers are a large surface for nothing: pixels need
none of it. So each format has a short, bounded walker here, which runs first. It finds the
declared size before anything is allocated, counts frames in bounded time, takes out the colour
profile and the EXIF block, and hands on what is left.
"""

from __future__ import annotations

from backend.errors import UnsupportedType
from backend.imaging.containers import avif, gif, jpeg, png, webp
from backend.imaging.containers.container import Container, damaged

__all__ = ["Container", "damaged", "read_container"]

_READERS = (
    (jpeg.matches, "JPEG", jpeg.read),
    (png.matches, "PNG", png.read),
    (webp.matches, "WEBP", webp.read),
    (gif.matches, "GIF", gif.read),
    (avif.matches, "AVIF", avif.read),
)

_OTHERS = (
    (b"BM", "a BMP picture"),
    (b"II*\0", "a TIFF picture"),
    (b"MM\0*", "a TIFF picture"),
    (b"8BPS", "a Photoshop file"),
    (b"%PDF", "a PDF document"),
    (b"%!PS", "a PostScript file"),
    (b"\xc5\xd0\xd3\xc6", "a PostScript file"),
    (b"\0\0\x01\0", "an icon"),
    (b"\xff\x0a", "a JPEG XL picture"),
    (b"\0\0\0\x0cJXL ", "a JPEG XL picture"),
    (b"\0\0\0\x0cjP  ", "a JPEG 2000 picture"),
    (b"PK\x03\x04", "a zip archive"),
)
_HEIF_BRANDS = frozenset({b"heic", b"heix", b"hevc", b"mif1", b"msf1"})


def read_container(data: bytes) -> Container:
    """Walk a file of one of the five formats that we read.

    Raises:
        UnsupportedType: the first bytes are of no such format.
        UndecodableImage: they are, and the rest does not follow.
    """
    for matches, format, read in _READERS:
        if matches(data):
            try:
                return read(data)
            except (IndexError, ValueError, OverflowError) as error:
                raise damaged(format) from error
    raise UnsupportedType(
        f"This is {_what_else(data)}. Brushmark reads JPEG, PNG, WebP, GIF and AVIF pictures: "
        "save it as one of those."
    )


def _what_else(data: bytes) -> str:
    for magic, name in _OTHERS:
        if data.startswith(magic):
            return name
    if data[4:8] == b"ftyp" and data[8:12] in _HEIF_BRANDS:
        return "a HEIC picture"
    text = data[:512].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if b"<svg" in text:
        return "an SVG drawing"
    if text.startswith((b"<!doctype html", b"<html")):
        return "a web page"
    return "no picture format that we know"
