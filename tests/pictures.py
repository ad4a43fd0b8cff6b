"""Pictures that the tests draw themselves, for where no real ones are needed or at hand."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

SHARED = Path(os.environ.get("BRUSHMARK_TEST_SHARED", Path(__file__).parents[2] / "shared"))
"""Real images for training and evaluation, where this checkout has them beside it."""


def draw(width: int = 320, height: int = 260, seed: int = 0, mode: str = "RGB") -> Image.Image:
    """Draw a picture with gradients, shapes and grain: no flat fill, distinct for each seed."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    planes = [
        127
        + 80 * np.sin(x / rng.uniform(15, 60) + rng.uniform(0, 6)) * np.cos(y / rng.uniform(15, 60))
        for _ in range(3)
    ]
    pixels = np.stack(planes, axis=-1) + rng.normal(0, 8, (height, width, 3))
    image = Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))
    pen = ImageDraw.Draw(image)
    for _ in range(8):
        left, top = int(rng.integers(0, width)), int(rng.integers(0, height))
        box = (left, top, left + int(rng.integers(10, 90)), top + int(rng.integers(10, 90)))
        pen.ellipse(box, fill=tuple(int(v) for v in rng.integers(0, 256, 3)))
    return image.convert(mode) if mode != "RGB" else image


def encode(image: Image.Image, format: str = "JPEG", **options: Any) -> bytes:
    """Encode a picture into the bytes of a file."""
    buffer = io.BytesIO()
    image.save(buffer, format, **options)
    return buffer.getvalue()


def jpeg(width: int = 320, height: int = 260, seed: int = 0) -> bytes:
    """Return a drawn picture as the bytes of a JPEG file."""
    return encode(draw(width, height, seed), "JPEG", quality=88)
