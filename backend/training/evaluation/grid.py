"""The degradation grid: what the web may have done to a picture before it is asked about.

Each cell is a named, seeded way to degrade a picture, applied alike to both classes. What a
cell does to a picture depends on the cell's name and the picture's SHA-256 alone, so a grid
comes out equal whatever the order, the number of threads or the interruptions.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from PIL import Image

from backend.training.degrade import sharpen_or_blur, through

GRID_VERSION = 1
"""Raise it when a cell changes: remembered scores of the old grid are then not used."""
_SEED = 20_241
_LEAST_SIDE_PX = 32
_KERNELS = (
    Image.Resampling.BILINEAR,
    Image.Resampling.BICUBIC,
    Image.Resampling.LANCZOS,
)

Step = Callable[[Image.Image, np.random.Generator], Image.Image]


@dataclass(frozen=True, slots=True)
class Cell:
    """One way to degrade a picture: its steps in order, none for the picture as it is."""

    name: str
    title: str
    family: str
    steps: tuple[Step, ...] = ()


def degrade(cell: Cell, image: Image.Image, sha256: str) -> Image.Image:
    """Return the picture as a cell leaves it; equal for equal cell, picture and hash."""
    rng = np.random.default_rng([_SEED, zlib.crc32(cell.name.encode()), int(sha256[:15], 16)])
    for step in cell.steps:
        image = step(image, rng)
    return image


def jpeg(image: Image.Image, rng: np.random.Generator, *, quality: int) -> Image.Image:
    """Encode as JPEG, chroma whole or halved at random."""
    return through(image, "JPEG", quality=quality, subsampling=int(rng.choice([0, 2])))


def webp(image: Image.Image, _rng: np.random.Generator, *, quality: int) -> Image.Image:
    """Encode as lossy WebP."""
    return through(image, "WEBP", quality=quality, method=4)


def resize(image: Image.Image, rng: np.random.Generator, *, factor: float) -> Image.Image:
    """Resize by a factor with a kernel drawn at random."""
    return _resized(image, factor, rng)


def thumbnail(image: Image.Image, rng: np.random.Generator, *, long_side_px: int) -> Image.Image:
    """Reduce to a long side and encode at JPEG 85, as previews are served; never enlarge."""
    small = _resized(image, min(1.0, long_side_px / max(image.size)), rng)
    return jpeg(small, rng, quality=85)


def screenshot(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Rescale as a browser paints it on a screen and cut off some pixels; nothing is encoded."""
    shown = _resized(image, float(rng.uniform(0.8, 1.25)), rng, Image.Resampling.BILINEAR)
    left, top, right, bottom = (int(v) for v in rng.integers(0, 8, 4))
    return shown.crop((left, top, shown.width - right, shown.height - bottom))


def _resized(
    image: Image.Image,
    factor: float,
    rng: np.random.Generator,
    kernel: Image.Resampling | None = None,
) -> Image.Image:
    chosen = kernel if kernel is not None else _KERNELS[int(rng.integers(len(_KERNELS)))]
    size = tuple(max(_LEAST_SIDE_PX, round(side * factor)) for side in image.size)
    return image.resize((size[0], size[1]), chosen)


CLEAN = Cell("clean", "as it is", "clean")
GRID: tuple[Cell, ...] = (
    CLEAN,
    *(
        Cell(f"jpeg-{q}", f"JPEG {q}", "JPEG", (partial(jpeg, quality=q),))
        for q in (95, 85, 75, 60, 50)
    ),
    *(Cell(f"webp-{q}", f"WebP {q}", "WebP", (partial(webp, quality=q),)) for q in (90, 75, 50)),
    *(
        Cell(f"resize-{f:g}", f"resized x {f:g}", "resize", (partial(resize, factor=f),))
        for f in (0.25, 0.5, 0.75, 1.5)
    ),
    Cell("thumbnail-256", "thumbnail 256", "copy", (partial(thumbnail, long_side_px=256),)),
    Cell("screenshot", "screenshot", "copy", (screenshot,)),
    Cell(
        "chain-share",
        "JPEG 85, resized x 0.75, JPEG 75",
        "chain of three",
        (partial(jpeg, quality=85), partial(resize, factor=0.75), partial(jpeg, quality=75)),
    ),
    Cell(
        "chain-repost",
        "screenshot, JPEG 75, WebP 75",
        "chain of three",
        (screenshot, partial(jpeg, quality=75), partial(webp, quality=75)),
    ),
    Cell(
        "chain-retouch",
        "resized x 0.5, blurred or sharpened, JPEG 60",
        "chain of three",
        (
            partial(resize, factor=0.5),
            sharpen_or_blur,
            partial(jpeg, quality=60),
        ),
    ),
)
