"""Homes with real logged predictions, made cheaply: through the service, with the fake judge."""

from __future__ import annotations

import os
import random
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from backend.domain import Context, Source
from backend.service import Service
from backend.settings import KeepImages, Settings
from backend.storage import open_repository
from backend.storage.images import ImageStore
from tests.fakes import FakeJudge
from tests.pictures import encode

SITES = ("paintings.example", "gallery.example", "forum.example")
_GOLDEN = 0.6180339887
SIDE_PX = 224


def tile(number: int, brightness: float) -> Image.Image:
    """Draw a small picture of soft blotches whose mean brightness is about that given."""
    rng = np.random.default_rng(number)
    rough = rng.normal(0, 34, (9, 9, 3)) + brightness * 255
    blotches = Image.fromarray(np.clip(rough, 0, 255).astype(np.uint8))
    return blotches.resize((SIDE_PX, SIDE_PX), Image.Resampling.BICUBIC)


def picture(number: int) -> bytes:
    """Return the file of a drawn picture; the fake judge's scores spread over 0 to 1.

    Every tenth is a smaller copy of the one before, re-encoded: a near-duplicate.
    """
    if number % 10 == 9:
        copy = tile(number - 1, ((number - 1) * _GOLDEN) % 1).resize((208, 208))
        return encode(copy, "JPEG", quality=80)
    return encode(tile(number, (number * _GOLDEN) % 1), "JPEG", quality=90)


def fill(home: Path, count: int, keep: KeepImages = KeepImages.ALL) -> Settings:
    """Log that many checks in a home: three sites, titles, sources; about one in ten for audit."""
    settings = Settings(home=home, keep_addresses=True, keep_images=keep)
    settings.prepare_home()
    repository = open_repository(settings)
    draw = random.Random(7)
    service = Service(
        settings, repository, ImageStore(settings.images_path), FakeJudge(), draw=draw
    )
    sources = [s for s in Source if s is not Source.CLI]
    with pytest.MonkeyPatch.context() as patch, repository.db.transaction():
        patch.setattr(os, "fsync", lambda _: None)  # nobody pulls the plug here, and disks are slow
        for number in range(count):
            _check(service, number, sources)
    repository.close()
    return settings


def _check(service: Service, number: int, sources: list[Source]) -> None:
    site = SITES[number % len(SITES)]
    context = Context(
        sources[number % len(sources)],
        page_url=f"https://{site}/pages/{number}",
        image_url=f"https://{site}/images/{number}.jpg",
        page_title=f"Picture number {number}",
    )
    service.check_image(picture(number), context, f"browser {number % 2}")
