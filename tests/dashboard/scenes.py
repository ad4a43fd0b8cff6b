"""Landscapes that the screenshots show: drawn here, nobody's art, no two alike."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from tests.pictures import encode

WIDTH_PX, HEIGHT_PX = 640, 480
_SKIES = (
    ((250, 205, 150), (96, 120, 170)),
    ((255, 236, 200), (120, 170, 205)),
    ((240, 160, 120), (60, 60, 110)),
    ((215, 225, 230), (130, 150, 165)),
    ((40, 45, 85), (12, 14, 34)),
)


def scene(number: int) -> bytes:
    """Draw sky, sun, hills one behind another, trees and grain; return a JPEG file."""
    rng = np.random.default_rng(1000 + number)
    low, high = (np.array(c, dtype=np.float32) for c in _SKIES[number % len(_SKIES)])
    share = np.linspace(0, 1, HEIGHT_PX, dtype=np.float32)[:, None, None]
    sky = np.broadcast_to(high + (low - high) * share, (HEIGHT_PX, WIDTH_PX, 3))
    image = Image.fromarray(sky.astype(np.uint8))
    pen = ImageDraw.Draw(image)
    x, y, r = rng.integers(80, 560), rng.integers(60, 220), rng.integers(18, 52)
    pen.ellipse((x - r, y - r, x + r, y + r), fill=(255, 244, 214))
    ground = rng.integers(30, 110, 3)
    for layer in range(4):
        _hill(pen, rng, layer, tuple(int(v) for v in ground * (1.5 - 0.3 * layer)))
    soft = image.filter(ImageFilter.GaussianBlur(0.8))
    grain = rng.normal(0, 7, (HEIGHT_PX, WIDTH_PX, 1))
    pixels = np.clip(np.asarray(soft, dtype=np.float32) + grain, 0, 255).astype(np.uint8)
    return encode(Image.fromarray(pixels), "JPEG", quality=90)


def _hill(pen: ImageDraw.ImageDraw, rng: np.random.Generator, layer: int, fill: object) -> None:
    across = np.arange(0, WIDTH_PX + 8, 8)
    base = HEIGHT_PX * (0.5 + 0.13 * layer)
    line = base + sum(
        rng.uniform(6, 34) * np.sin(across / rng.uniform(40, 160) + rng.uniform(0, 6))
        for _ in range(3)
    )
    ridge = [(int(x), int(y)) for x, y in zip(across, line, strict=True)]
    pen.polygon([*ridge, (WIDTH_PX, HEIGHT_PX), (0, HEIGHT_PX)], fill=fill)
    for _ in range(int(rng.integers(0, 9)) if layer > 1 else 0):
        x, y = ridge[int(rng.integers(0, len(ridge)))]
        size = int(rng.integers(14, 44))
        pen.polygon([(x - size // 3, y), (x + size // 3, y), (x, y - size)], fill=(24, 38, 34))
