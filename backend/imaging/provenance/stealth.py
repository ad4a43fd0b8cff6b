"""Parameters hidden in the lowest bits of a PNG file's pixels, as NovelAI and others write them.

The bits of column after column, top to bottom, of the alpha channel (or of red, green and blue)
spell a signature, a length in bits and then the text, plain or gzipped. Telling whether the
signature is there takes no decoding of the picture: it stands in the first pixels of the rows, and
those depend on nothing to their left (W3C PNG, 9.2).
"""

from __future__ import annotations

import io
import zlib

import numpy as np
from PIL import Image

from backend.imaging.containers import read_container
from backend.imaging.provenance.finding import json_object
from backend.imaging.provenance.segments.metadata import MAX_BLOCK_BYTES
from backend.imaging.provenance.segments.png import chunks

MAX_PIXELS = 3_200_000
"""NovelAI's largest picture has 3.1 megapixels."""

_BITS = 120
_SIGNATURES = {
    b"stealth_pnginfo": ("alpha", False),
    b"stealth_pngcomp": ("alpha", True),
    b"stealth_rgbinfo": ("rgb", False),
    b"stealth_rgbcomp": ("rgb", True),
}
_RGB, _RGBA = 2, 6


def read(data: bytes, format: str) -> dict[str, str]:
    """Return the hidden texts by keyword; none where there is no signature."""
    if format != "PNG":
        return {}
    for signature in _first_column(data):
        if signature in _SIGNATURES:
            channels, packed = _SIGNATURES[signature]
            return _texts(_payload(data, channels, packed))
    return {}


def _first_column(data: bytes) -> list[bytes]:
    """Return what the first pixels of the rows spell in alpha, and in red, green and blue."""
    walked = chunks(data)
    kind, start, _ = next(walked, (b"", 0, 0))
    if kind != b"IHDR":
        return []
    width, height = int.from_bytes(data[start : start + 4]), int.from_bytes(data[start + 4 :][:4])
    depth, colour, interlaced = data[start + 8], data[start + 9], data[start + 12]
    samples = {_RGB: 3, _RGBA: 4}.get(colour)
    if samples is None or depth != 8 or interlaced or width * height > MAX_PIXELS:
        return []
    rows = min(height, _BITS)
    raw = _inflated_start(data, rows * (1 + width * samples))
    pixels = _first_pixels(raw, 1 + width * samples, samples)
    spelled = [_bytes(pixels[: _BITS // 3, :3].reshape(-1))]
    if colour == _RGBA:
        spelled.append(_bytes(pixels[:, 3]))
    return spelled


def _inflated_start(data: bytes, size: int) -> bytes:
    inflate, raw = zlib.decompressobj(), bytearray()
    for kind, start, end in chunks(data):
        if kind != b"IDAT":
            continue
        try:
            raw += inflate.decompress(data[start:end], size - len(raw))
        except zlib.error:
            break
        if len(raw) >= size or inflate.eof:
            break
    return bytes(raw)


def _first_pixels(raw: bytes, stride: int, samples: int) -> np.ndarray:
    """Undo the filters of the rows' first pixels, whose left neighbours count as zero."""
    pixels, above = [], [0] * samples
    for start in range(0, len(raw) - samples, stride):
        kind = raw[start]
        pixel = list(raw[start + 1 : start + 1 + samples])
        if kind in (2, 4):  # up, and Paeth, which is up where there is nothing to the left
            pixel = [(value + up) & 255 for value, up in zip(pixel, above, strict=True)]
        elif kind == 3:  # average
            pixel = [(value + up // 2) & 255 for value, up in zip(pixel, above, strict=True)]
        pixels.append(pixel)
        above = pixel
    return np.array(pixels, dtype=np.uint8).reshape(-1, samples)


def _bytes(values: np.ndarray) -> bytes:
    return np.packbits(values & 1).tobytes()


def _payload(data: bytes, channels: str, packed: bool) -> bytes:
    with Image.open(io.BytesIO(read_container(data).pixels), formats=("PNG",)) as image:
        start = _BITS // 8
        head = _hidden(image, channels, start + 4)
        length = min(int.from_bytes(head[start:]) // 8, MAX_BLOCK_BYTES)
        body = _hidden(image, channels, start + 4 + length)[start + 4 :]
    return zlib.decompressobj(31).decompress(body, MAX_BLOCK_BYTES) if packed else body


def _hidden(image: Image.Image, channels: str, size: int) -> bytes:
    """Return so many hidden bytes; the bits run down one column of pixels after the other."""
    bits_a_column = image.height * (1 if channels == "alpha" else 3)
    columns = min(image.width, -(-8 * size // bits_a_column))
    pixels = np.asarray(image.crop((0, 0, columns, image.height))).swapaxes(0, 1)
    bits = pixels[..., 3] if channels == "alpha" else pixels[..., :3]
    return _bytes(np.ascontiguousarray(bits).reshape(-1))[:size]


def _texts(payload: bytes) -> dict[str, str]:
    """Return NovelAI's texts by keyword, or another tool's parameters."""
    text = payload.decode("utf-8", "replace")
    named = {key: value for key, value in json_object(text).items() if isinstance(value, str)}
    return named if "Comment" in named else {"parameters": text}
