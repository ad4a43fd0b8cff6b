"""What the loop is rehearsed on: ordinary pictures, and those of a site with a filter over all.

The filter is one of photo apps: colours apart, glow, saturation. The released weights take most
human-made pictures under it for generated ones; that is the planted domain. Real pictures come
from the data folder beside a checkout, where it is: those that are logged out of its `train`
split, those that are held out of `val`, so that no network has learnt from a held-out original
in any form. Elsewhere the pictures are drawn.
"""

from __future__ import annotations

import csv
import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageEnhance, ImageFilter

from tests.pictures import SHARED, draw, encode

AI, HUMAN = "ai_generated", "human_made"
PLANTED, ORDINARY = "filters.example", "gallery.example"
_DATA = SHARED / "data"
_SHARES = ((PLANTED, HUMAN, 102), (PLANTED, AI, 34), (ORDINARY, HUMAN, 82), (ORDINARY, AI, 82))
"""Of 300 logged pictures; of the planted site three in four are human-made."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A picture's file, what it really is, and the site that shows it."""

    data: bytes
    label: str
    site: str


@dataclass(frozen=True, slots=True)
class Gallery:
    """Pictures that are logged and reviewed, and held-out ones of the planted domain."""

    kind: str
    logged: tuple[Shown, ...]
    held_out: tuple[Shown, ...]


def gallery(count: int, held_out: int) -> Gallery:
    """Return about `count` pictures to log and `held_out` of the planted site; alike each time."""
    real = (_DATA / "manifest.csv").is_file()
    pools = {
        (split, label): (_real if real else _drawn)(split, label)
        for split in _SPLITS
        for label in (AI, HUMAN)
    }
    logged = [
        _shown(next(pools["train", label]), label, site)
        for site, label, share in _SHARES
        for _ in range(share * count // 300)
    ]
    order = np.random.default_rng(0).permutation(len(logged))
    return Gallery(
        "real" if real else "drawn",
        tuple(logged[i] for i in order),
        tuple(
            _shown(next(pools["val", label]), label, PLANTED)
            for label, share in ((HUMAN, held_out * 3 // 4), (AI, held_out // 4))
            for _ in range(share)
        ),
    )


_SPLITS = ("train", "val")


def _shown(original: Image.Image, label: str, site: str) -> Shown:
    picture = filtered(original) if site == PLANTED else original
    return Shown(encode(picture, "JPEG", quality=85), label, site)


def filtered(picture: Image.Image) -> Image.Image:
    """Put the filter over a picture: red and blue eight pixels apart, glow, twice the colour."""
    red, green, blue = picture.split()
    apart = Image.merge("RGB", (_moved(red, 8), green, _moved(blue, -8)))
    glow = ImageEnhance.Brightness(apart.filter(ImageFilter.GaussianBlur(6))).enhance(1.3)
    return ImageEnhance.Color(
        ImageEnhance.Contrast(Image.blend(apart, glow, 0.5)).enhance(1.3)
    ).enhance(2.0)


def _moved(plane: Image.Image, pixels: int) -> Image.Image:
    return plane.transform(plane.size, Image.Transform.AFFINE, (1, 0, pixels, 0, 1, 0))


def _real(split: str, label: str) -> Iterator[Image.Image]:
    """Yield originals of a split, one a group, in a seeded order."""
    with (_DATA / "manifest.csv").open(newline="", encoding="utf-8") as file:
        rows = [
            row
            for row in csv.DictReader(file)
            if (row["split"], row["label"], row["view"]) == (split, label, "whole")
            and row["kind"] != "graphic"
        ]
    one_a_group = list({row["group"]: row for row in rows}.values())
    for place in np.random.default_rng(5).permutation(len(one_a_group)):
        yield Image.open(_DATA / one_a_group[place]["path"]).convert("RGB")


def _drawn(split: str, label: str) -> Iterator[Image.Image]:
    """Yield drawn pictures: shapes and grain for human-made, soft blotches for generated.

    The released weights mostly agree, and take shapes and grain under the filter for generated.
    """
    for number in itertools.count(_SPLITS.index(split) * 10_000):
        yield draw(320, 260, number) if label == HUMAN else blotches(number)


def blotches(number: int) -> Image.Image:
    """Draw soft blotches, which the released weights mostly take for generated."""
    rough = np.random.default_rng(number).normal(128, 60, (14, 16, 3))
    small = Image.fromarray(np.clip(rough, 0, 255).astype(np.uint8))
    return small.resize((320, 280), Image.Resampling.BICUBIC)
