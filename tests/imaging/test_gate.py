"""Which decoded pictures are not assessed, and why."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw

from backend.imaging.decode import decode
from backend.imaging.gate import refusal
from tests.pictures import SHARED, draw, encode

WIDTH, HEIGHT = 640, 480
Y, X = np.mgrid[0:HEIGHT, 0:WIDTH] / np.array([HEIGHT, WIDTH]).reshape(2, 1, 1)


def through_jpeg(image: Image.Image) -> Image.Image:
    return decode(encode(image, "JPEG", quality=80)).image


def noisy(pixels: np.ndarray, noise: float) -> Image.Image:
    grain = np.random.default_rng(7).normal(0, noise, pixels.shape)
    return through_jpeg(Image.fromarray(np.clip(pixels + grain, 0, 255).astype(np.uint8)))


def flat(*colour: int) -> np.ndarray:
    return np.broadcast_to(np.array(colour, dtype=np.float64), (HEIGHT, WIDTH, 3))


def gradient(t: np.ndarray, first: tuple[int, ...], second: tuple[int, ...]) -> np.ndarray:
    t = np.clip(t, 0, 1)[..., None]
    return np.array(first) * (1 - t) + np.array(second) * t


EMPTY = {
    "white": flat(255, 255, 255),
    "black": flat(0, 0, 0),
    "one colour": flat(200, 60, 30),
    "blank paper, unevenly lit": gradient(
        (X - 0.4) ** 2 + (Y - 0.5) ** 2, (246, 240, 226), (150, 140, 120)
    ),
    "across": gradient(X, (0, 0, 0), (255, 255, 255)),
    "down": gradient(Y, (255, 0, 0), (0, 0, 255)),
    "diagonal": gradient((X + Y) / 2, (255, 90, 0), (0, 40, 200)),
    "round": gradient(np.hypot(X - 0.5, Y - 0.5) * 1.5, (255, 255, 255), (10, 0, 80)),
    "eased": gradient(1 / (1 + np.exp(-10 * (X - 0.5))), (255, 255, 255), (10, 0, 80)),
}


@pytest.mark.parametrize("noise", [0, 4, 10])
@pytest.mark.parametrize("kind", EMPTY)
def test_empty_pictures_are_refused(kind, noise):
    """Single colours, blank pages and smooth gradients are refused, noisy scans of them too."""
    sentence = refusal(noisy(EMPTY[kind], noise), min_short_side_px=200)
    assert sentence is not None
    assert "nearly empty" in sentence


def test_a_speck_of_dust_is_no_picture():
    """A blank scan with a hair and a speck on it is still blank."""
    page = Image.fromarray(EMPTY["blank paper, unevenly lit"].astype(np.uint8))
    pen = ImageDraw.Draw(page)
    pen.ellipse((300, 200, 306, 206), fill=(90, 90, 90))
    pen.line((100, 100, 112, 105), fill=(80, 80, 80))
    assert refusal(noisy(np.asarray(page), 4), min_short_side_px=200) is not None


def test_a_sparse_drawing_on_white_paper_is_assessed():
    """A few pencil strokes on a white sheet are a picture."""
    page = Image.new("RGB", (WIDTH, HEIGHT), "white")
    pen = ImageDraw.Draw(page)
    pen.line(
        [(100, 400), (200, 200), (350, 420), (420, 300), (600, 450)], fill=(90, 90, 90), width=2
    )
    pen.ellipse((480, 100, 560, 180), outline=(90, 90, 90), width=2)
    assert refusal(through_jpeg(page), min_short_side_px=200) is None


def test_a_low_contrast_photograph_is_assessed():
    """A picture in fog, all its tones within 20 levels of each other, is a picture."""
    tones = np.asarray(draw(WIDTH, HEIGHT), dtype=np.float64)
    foggy = 180 + (tones - tones.mean()) * (20 / np.ptp(tones))
    assert refusal(noisy(foggy, 1), min_short_side_px=200) is None


def test_an_ordinary_picture_is_assessed():
    """A picture with something in it passes."""
    assert refusal(draw(), min_short_side_px=200) is None


@pytest.mark.parametrize("size", [(120, 90), (90, 120), (1000, 199)])
def test_small_pictures_are_refused_with_their_size(size):
    """Below the least short side the sentence gives the size and what to do."""
    sentence = refusal(draw(*size), min_short_side_px=200)
    assert sentence == (
        f"This picture is {size[0]} x {size[1]} pixels; below 200 on the short side there is too "
        "little to judge by. Look for a larger copy."
    )


def test_the_least_short_side_is_the_callers():
    """The caller sets the least side; a picture of exactly that is assessed."""
    assert refusal(draw(120, 90), min_short_side_px=90) is None
    assert refusal(draw(120, 90), min_short_side_px=0) is None


@pytest.mark.parametrize(("size", "refused"), [((4200, 200), True), ((3900, 200), False)])
def test_strips_are_refused(size, refused):
    """A strip beyond 20 to 1 is refused; a long scroll is not."""
    sentence = refusal(draw(*size), min_short_side_px=200)
    assert (sentence is not None and "strip" in sentence) == refused


@pytest.mark.parametrize("size", [(1, 1), (2, 5), (20, 1), (30, 30)])
def test_tiny_pictures_do_no_harm(size):
    """Even pictures of a few pixels get an answer where no least side is asked."""
    assert refusal(draw(*size), min_short_side_px=0) is None or min(size) < 3


def test_real_pictures_pass():
    """Real paintings, photographs and drawings pass (drawn ones, where none are at hand)."""
    paths = sorted((SHARED / "data/images/val").rglob("*-whole.jpg"))[::12]
    images = (
        [Image.open(path).convert("RGB") for path in paths]
        if paths
        else [draw(300, 256, seed) for seed in range(20)]
    )
    assert [refusal(image, min_short_side_px=0) for image in images] == [None] * len(images)
