"""Original bytes to an upright RGB picture, or a refusal in plain words.

Interface (to be filled in): see `decode`.
"""

from __future__ import annotations

from dataclasses import dataclass

from PIL import Image

from backend.domain import ImageFacts

MAX_BYTES = 20 * 1024 * 1024
MAX_PIXELS = 50_000_000


@dataclass(frozen=True, slots=True)
class Decoded:
    """An upright RGB picture (the first frame) and what is known of its file."""

    image: Image.Image
    facts: ImageFacts


def decode(data: bytes, *, max_bytes: int = MAX_BYTES, max_pixels: int = MAX_PIXELS) -> Decoded:
    """Decode a JPEG, PNG, WebP, GIF or AVIF file.

    Raises:
        BadInput: no bytes at all.
        TooLarge: more than `max_bytes` or `max_pixels`.
        UnsupportedType: none of those formats.
        UndecodableImage: truncated or damaged.
    """
    raise NotImplementedError
