"""Fingerprints of pictures: exact for answering, perceptual for grouping near-duplicates.

A verdict is only ever looked up by the exact hash: two pictures with one perceptual hash may
have different makers.
"""

from __future__ import annotations

import hashlib
import math
from functools import cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image

_SIDE, _KEPT = 32, 8


def sha256(data: bytes) -> str:
    """Return the SHA-256 of a file's original bytes as 64 hex digits."""
    return hashlib.sha256(data).hexdigest()


def perceptual_hash(image: Image.Image) -> int:
    """Return a 64-bit hash that re-encoding and resizing hardly change.

    Luminance is averaged to 32 x 32, transformed by a DCT-II, and each of the 8 x 8 lowest
    frequencies gives one bit: above their median or not. The constant term takes no part in the
    median, so that brightness does not move the other bits.
    Source: C. Zauner, Implementation and Benchmarking of Perceptual Image Hash Functions
    (2010), section 3.2.1, with the median of the low frequencies as in pHash.
    """
    small = image.convert("L").resize((_SIDE, _SIDE), Image.Resampling.LANCZOS)
    basis = _dct_basis()
    low = basis @ np.asarray(small, dtype=np.float64) @ basis.T
    bits = low.ravel() > np.median(low.ravel()[1:])
    return int.from_bytes(np.packbits(bits).tobytes())


def likeness(image: Image.Image) -> int:
    """Return the perceptual hash of a picture by way of a smaller copy, for the log.

    A whole photograph costs milliseconds to resample well; its average over small squares has
    the same low frequencies, so the hash is the same but for a few bits near their median.
    """
    return perceptual_hash(image.reduce(max(1, min(image.size) // (4 * _SIDE))))


def distance(first: int, second: int) -> int:
    """Return the Hamming distance, 0 to 64 bits, of two perceptual hashes.

    Re-encoded and resized copies stay within 8; unrelated pictures lie around 32.
    """
    return (first ^ second).bit_count()


@cache
def _dct_basis() -> NDArray[np.float64]:
    """Return the 8 lowest rows of the 32-point DCT-II."""
    frequency, sample = np.mgrid[0:_KEPT, 0:_SIDE]
    basis: NDArray[np.float64] = np.cos(math.pi * frequency * (2 * sample + 1) / (2 * _SIDE))
    return basis
