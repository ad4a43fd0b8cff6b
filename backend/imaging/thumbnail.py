"""A small copy of a picture, encoded afresh: nothing of the original file survives in it."""

from __future__ import annotations

import io

from PIL import Image

from backend.imaging.decode import decode

MAX_SIDE_PX = 256


def thumbnail(data: bytes, *, max_side_px: int = MAX_SIDE_PX) -> bytes:
    """Return a JPEG whose longer side has at most `max_side_px` pixels.

    Raises:
        BadInput, TooLarge, UnsupportedType, UndecodableImage: as `decode`.
    """
    image = decode(data).image
    image.thumbnail((max_side_px, max_side_px), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=82)
    return buffer.getvalue()
