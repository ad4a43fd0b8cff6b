"""Exact and perceptual fingerprints."""

from __future__ import annotations

import hashlib
import io
import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageEnhance

from backend.imaging.fingerprint import distance, likeness, perceptual_hash, sha256
from tests.pictures import SHARED, draw, encode

HASHES = st.integers(0, 2**64 - 1)


def real_or_drawn(count: int) -> list[Image.Image]:
    paths = sorted((SHARED / "data/images/train/human").glob("*-whole.jpg"))
    if not paths:
        return [draw(300, 256, seed) for seed in range(count)]
    return [Image.open(p).convert("RGB") for p in paths[:: max(1, len(paths) // count)][:count]]


def reencoded(image: Image.Image, format: str, **options: int) -> Image.Image:
    return Image.open(io.BytesIO(encode(image, format, **options))).convert("RGB")


def copies(image: Image.Image) -> dict[str, Image.Image]:
    width, height = image.size
    return {
        "JPEG at 50": reencoded(image, "JPEG", quality=50),
        "WebP at 60": reencoded(image, "WEBP", quality=60),
        "half the size": image.resize((width // 2, height // 2), Image.Resampling.BICUBIC),
        "twice the size": image.resize((width * 2, height * 2), Image.Resampling.BILINEAR),
        "brighter": ImageEnhance.Brightness(image).enhance(1.1),
    }


def test_sha256_is_of_the_bytes():
    """The exact fingerprint is SHA-256 in hex."""
    assert sha256(b"abc") == hashlib.sha256(b"abc").hexdigest()


def test_copies_stay_near():
    """Re-encoding, resizing and a little light keep the hash within 8 bits."""
    far = {}
    for index, image in enumerate(real_or_drawn(20)):
        original = perceptual_hash(image)
        for name, copy in copies(image).items():
            bits = distance(original, perceptual_hash(copy))
            if bits > 8:
                far[index, name] = bits
    assert far == {}


def test_distinct_pictures_lie_apart():
    """Distinct pictures differ by more than 8 bits, and by about half of 64 on average."""
    hashes = [perceptual_hash(image) for image in real_or_drawn(30)]
    distances = [distance(a, b) for a, b in itertools.combinations(hashes, 2)]
    assert min(distances) > 8
    assert 26 < sum(distances) / len(distances) < 36


def test_the_hash_is_fixed():
    """The hash of a given picture never changes: groups are stored by it."""
    rings = Image.radial_gradient("L").crop((10, 30, 200, 150)).rotate(7)
    assert perceptual_hash(rings) == perceptual_hash(rings.convert("RGB"))
    assert f"{perceptual_hash(rings):016x}" == "ec97050f150f1f0f"


@pytest.mark.parametrize("size", [(1, 1), (1, 500), (500, 1)])
def test_odd_sizes_have_a_hash(size):
    """Any picture has a hash of 64 bits."""
    assert 0 <= perceptual_hash(draw(*size)) < 2**64


@settings(max_examples=50)
@given(HASHES, HASHES, HASHES)
def test_distance_is_a_metric(a, b, c):
    """The distance is a metric from 0 to 64 bits."""
    assert distance(a, a) == 0
    assert distance(a, b) == distance(b, a) <= 64
    assert distance(a, c) <= distance(a, b) + distance(b, c)


@pytest.mark.parametrize("size", [(200, 260), (640, 480), (3000, 2000)])
def test_the_quick_likeness_is_the_perceptual_hash_within_bits(size: tuple[int, int]) -> None:
    """By way of a smaller copy the hash differs in a few bits at most, whatever the size."""
    image = draw(*size, seed=3)
    assert distance(likeness(image), perceptual_hash(image)) <= 4
