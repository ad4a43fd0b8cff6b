"""What a walker says of a file."""

from __future__ import annotations

from dataclasses import dataclass

from backend.errors import UndecodableImage


@dataclass(frozen=True, slots=True)
class Container:
    """A file's format and the part of it that makes pixels.

    `format` is Pillow's name. `pixels` is a file with the same picture, and without metadata
    where the decoder would otherwise parse it. `size` is the declared width and height in
    pixels, before any orientation, and `frames` the number of frames; both are None where
    only the decoder can tell, which it then does without decoding. `icc` and `exif` are the
    colour profile and the TIFF-structured EXIF block.
    """

    format: str
    pixels: bytes
    size: tuple[int, int] | None
    frames: int | None
    icc: bytes | None = None
    exif: bytes | None = None


def damaged(format: str) -> UndecodableImage:
    """Return the refusal of a file that begins well and does not go on so."""
    return UndecodableImage(
        f"This {format.replace('WEBP', 'WebP')} file is cut short or damaged. "
        "Try to get it again, or open it in a picture editor and save it anew."
    )
