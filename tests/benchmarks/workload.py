"""Pictures to send: distinct, of exact size, and as costly to decode as photographs are."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from tests.pictures import SHARED, draw, encode

_MARGIN_PX = 48
_BASES = 16
_GRAIN = 4.0
"""Standard deviation of the grain, in grey levels, that enlarged photographs have lost."""


def make_pictures(width: int, height: int, count: int) -> list[bytes]:
    """Return that many distinct JPEGs of that size, the same ones at every call.

    Half come from photographs and paintings, where this checkout has them beside it, enlarged
    and grained; the rest are drawn. Each is a cut of its own, so no two share their pixels.
    """
    bases = list(_bases(width + _MARGIN_PX, height + _MARGIN_PX))
    return [
        encode(_cut(bases[i % _BASES], i // _BASES, width, height), quality=88)
        for i in range(count)
    ]


def _cut(base: Image.Image, number: int, width: int, height: int) -> Image.Image:
    left, top = number % _MARGIN_PX, number // _MARGIN_PX
    return base.crop((left, top, left + width, top + height))


def _bases(width: int, height: int) -> Iterator[Image.Image]:
    photographs = _photographs(_BASES // 2)
    for seed in range(_BASES - len(photographs)):
        yield draw(width, height, seed)
    for seed, path in enumerate(photographs):
        with Image.open(path) as opened:
            picture = opened.convert("RGB").resize((width, height), Image.Resampling.BICUBIC)
        grain = np.random.default_rng(seed).normal(0, _GRAIN, (height, width, 1))
        grained = np.clip(np.asarray(picture, np.float32) + grain, 0, 255)
        yield Image.fromarray(grained.astype(np.uint8))


def _photographs(count: int) -> list[Path]:
    found = sorted((SHARED / "data" / "images" / "train").glob("*/*-whole.jpg"))
    return found[:: max(1, len(found) // count)][:count]
