"""What the web does to a picture: rescaling, sharpening, codecs, in a seeded order.

Applied alike to both classes, it takes away what size, sharpness and codec say of the label.
"""

from __future__ import annotations

import io

import numpy as np
from PIL import Image, ImageFilter

_KERNELS = (
    Image.Resampling.BILINEAR,
    Image.Resampling.BICUBIC,
    Image.Resampling.LANCZOS,
    Image.Resampling.BOX,
    Image.Resampling.HAMMING,
)


def rescale(image: Image.Image, factor: float, rng: np.random.Generator) -> Image.Image:
    """Resize by a factor with a random kernel, never below 32 pixels a side."""
    size = max(32, round(image.width * factor)), max(32, round(image.height * factor))
    return image.resize(size, _KERNELS[int(rng.integers(len(_KERNELS)))])


def codec(
    image: Image.Image, rng: np.random.Generator, low: int = 50, high: int = 95
) -> Image.Image:
    """Pass through one lossy codec: JPEG, a fifth of the time WebP."""
    quality = int(rng.integers(low, high + 1))
    if rng.random() < 0.2:
        return through(image, "WEBP", quality=quality, method=2)
    return through(image, "JPEG", quality=quality, subsampling=int(rng.choice([0, 2])))


def through(image: Image.Image, format: str, **options: object) -> Image.Image:
    """Encode and decode again."""
    buffer = io.BytesIO()
    image.save(buffer, format, **options)
    return Image.open(buffer).convert("RGB")


def sharpen_or_blur(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Blur a little or unsharp-mask a little."""
    if rng.random() < 0.5:
        return image.filter(ImageFilter.GaussianBlur(float(rng.uniform(0.3, 1.2))))
    return image.filter(
        ImageFilter.UnsharpMask(float(rng.uniform(0.5, 2.0)), int(rng.integers(40, 150)), 2)
    )


def seeded_web_copy(image: Image.Image, seed: int, sha256: str) -> Image.Image:
    """Return the web copy that belongs to a file and a seed: the same each time."""
    return web_copy(image, np.random.default_rng([seed, int(sha256[:15], 16)]))


def web_copy(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Return a copy as the web serves it: rescaled, perhaps filtered, re-encoded."""
    if rng.random() < 0.6:
        image = rescale(image, float(rng.uniform(0.5, 1.15)), rng)
    if rng.random() < 0.15:
        image = sharpen_or_blur(image, rng)
    for _ in range(int(rng.choice([0, 1, 2], p=[0.25, 0.5, 0.25]))):
        image = codec(image, rng)
    return image
