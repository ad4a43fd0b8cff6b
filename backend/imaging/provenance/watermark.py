"""The invisible watermark that Stable Diffusion's and FLUX's own programs write into pixels.

Each block of 4 x 4 values of the picture's blue-difference channel, at half its size (the low band
of one Haar wavelet step), carries one bit in its largest value: which half of a step of 36 it lies
in. The bits repeat over the picture; their mean decides. One JPEG of usual quality wipes them out.

Source: the method “dwtDct” of https://github.com/ShieldMnt/invisible-watermark; the messages are
those of the published programs of Stability AI, diffusers and Black Forest Labs.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image

from backend.domain import Evidence, Label
from backend.imaging.provenance.original import Original
from backend.imaging.provenance.rows import declared

KIND = "watermark"
MAX_PIXELS = 12_000_000
_STEP = 36.0
_BLOCK = 4


@dataclass(frozen=True, slots=True)
class Message:
    """What a program writes, and how many of its bits have to be found."""

    tool: str
    bits: tuple[int, ...]
    least: int


def _bits(number: int, length: int) -> tuple[int, ...]:
    return tuple(number >> (length - 1 - i) & 1 for i in range(length))


def _text(text: bytes) -> tuple[int, ...]:
    return _bits(int.from_bytes(text), 8 * len(text))


MESSAGES = (
    Message(
        "Stable Diffusion XL", _bits(0b101100111110110010010000011110111011000110011110, 48), 44
    ),
    Message("FLUX", _bits(0b001010101111111010000111100111001111010100101110, 48), 44),
    Message("Stable Diffusion 1", _text(b"StableDiffusionV1"), 125),
    Message("Stable Diffusion 2", _text(b"SDV2"), 31),
)
"""44 of 48 bits agree by chance once in a thousand million pictures; the others are as strict."""


class WatermarkReader:
    """Looks for the messages of the published programs."""

    kind = KIND
    about = "The picture's invisible watermark"

    def read(self, original: Original) -> list[Evidence]:
        """Return a row for the message that is there; none otherwise."""
        found = find(original.image)
        if found is None:
            return []
        message, agreeing = found
        detail = (
            f"The pixels carry the invisible watermark that {message.tool}'s own program writes "
            f"({agreeing} of {len(message.bits)} bits). It can be written into any picture."
        )
        return [declared(KIND, detail, Label.AI_GENERATED)]


def find(image: Image.Image) -> tuple[Message, int] | None:
    """Return the message that an RGB picture carries, and how many of its bits were found."""
    if image.width * image.height > MAX_PIXELS or min(image.size) < 8 * _BLOCK:
        return None
    votes = _votes(image)
    for message in MESSAGES:
        length = len(message.bits)
        if votes.size < 4 * length:
            continue
        whole = votes[: votes.size // length * length].reshape(-1, length)
        read = whole.mean(axis=0) > 0.5
        agreeing = int((read == np.array(message.bits, dtype=bool)).sum())
        if agreeing >= message.least:
            return message, agreeing
    return None


def _votes(image: Image.Image) -> np.ndarray:
    """Return the bit that each block votes for, row after row."""
    width, height = image.width // 4 * 4, image.height // 4 * 4
    pixels = np.asarray(image.crop((0, 0, width, height)), dtype=np.float32)
    red, green, blue = pixels[..., 0], pixels[..., 1], pixels[..., 2]
    luma = 0.299 * red + 0.587 * green + 0.114 * blue
    difference = np.round((blue - luma) * 0.492 + 128.0)
    quarters = difference.reshape(height // 2, 2, width // 2, 2)
    low = quarters.sum(axis=(1, 3)) / 2.0
    rows, columns = low.shape[0] // _BLOCK, low.shape[1] // _BLOCK
    blocks = low[: rows * _BLOCK, : columns * _BLOCK].reshape(rows, _BLOCK, columns, _BLOCK)
    values = np.abs(blocks.swapaxes(1, 2).reshape(rows * columns, _BLOCK * _BLOCK)[:, 1:])
    return np.asarray(values.max(axis=1) % _STEP > _STEP / 2)
