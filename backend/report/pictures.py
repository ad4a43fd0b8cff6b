"""The two pictures of a report, encoded afresh: nothing of the original file travels in them."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from backend.domain import Activation
from backend.model.explain import blend

MAX_SIDE_PX = 1024


def preview(image: Image.Image) -> bytes:
    """Return a JPEG of at most 1024 pixels a side."""
    copy = image.copy()
    copy.thumbnail((MAX_SIDE_PX, MAX_SIDE_PX), Image.Resampling.LANCZOS)
    return _jpeg(copy)


def heat_map(image: Image.Image, activation: Activation) -> bytes:
    """Return a JPEG of the heat map over a pale copy of the picture."""
    return _jpeg(blend(image, activation))


def differ(first: bytes, second: bytes) -> float:
    """Return the mean difference of two pictures' pixels in grey levels; 255 where sizes differ."""
    one, other = (_pixels(data) for data in (first, second))
    if one.shape != other.shape:
        return 255.0
    return float(np.abs(one - other).mean())


def _pixels(data: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(data), formats=("JPEG",)) as image:
        image.thumbnail((MAX_SIDE_PX, MAX_SIDE_PX))
        return np.asarray(image.convert("RGB"), dtype=np.float32)


def _jpeg(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=85)
    return buffer.getvalue()
