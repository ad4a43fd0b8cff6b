"""Homes with checked and reviewed pictures, and a look into the zips that come of them."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from backend.domain import Context, PredictionRecord, ReviewLabel, Source
from backend.exporting.make import Made, make_export
from backend.exporting.request import ExportRequest
from backend.service import Service
from backend.settings import KeepImages, Settings
from backend.storage import open_repository
from backend.storage.images import ImageStore
from backend.storage.tinydb_repository import TinyDBRepository
from tests.dashboard.filling import SITES, tile
from tests.fakes import FakeJudge
from tests.pictures import encode

REVIEWER = "Ada Reviewer"
AI, HUMAN, UNSURE = ReviewLabel.AI_GENERATED, ReviewLabel.HUMAN_MADE, ReviewLabel.CANNOT_TELL


def quiet(done: int, total: int, text: str) -> None:
    """Report nothing."""


@dataclass(frozen=True)
class Home:
    """A home with its parts open."""

    settings: Settings
    repository: TinyDBRepository
    images: ImageStore
    service: Service

    def log(
        self,
        data: bytes,
        label: ReviewLabel | None = None,
        *,
        site: str = SITES[0],
        client: str = "browser",
        title: str = "A page",
        note: str = "",
    ) -> PredictionRecord:
        """Check a picture and review it."""
        context = Context(
            Source.PAGE_SCAN,
            page_url=f"https://{site}/pages/1",
            image_url=f"https://{site}/images/1.jpg",
            page_title=title,
        )
        record = self.service.check_image(data, context, client).record
        if label is not None:
            self.service.submit_review(record.id, label, REVIEWER, note)
        return record

    def stock(self, count: int, start: int = 0) -> list[PredictionRecord]:
        """Log and review that many distinct pictures, half of each label."""
        return [
            self.log(drawn(n), AI if n % 2 else HUMAN, site=SITES[n % 3])
            for n in range(start, start + count)
        ]

    def export(self, target: Path, request: ExportRequest | None = None) -> Made:
        """Write an export."""
        asked = request or ExportRequest()
        return make_export(self.repository, self.images, asked, target, quiet)


@contextmanager
def open_home(path: Path, keep: KeepImages = KeepImages.ALL) -> Iterator[Home]:
    """Open a home, making it where there is none."""
    settings = Settings(home=path, keep_addresses=True, keep_images=keep)
    settings.prepare_home()
    repository = open_repository(settings)
    images = ImageStore(settings.images_path)
    try:
        yield Home(settings, repository, images, Service(settings, repository, images, FakeJudge()))
    finally:
        repository.close()


def drawn(number: int) -> bytes:
    """Return the file of a drawn picture that is like no other."""
    return encode(tile(number, (number * 0.618) % 1), "JPEG", quality=90)


def copy_of(number: int) -> bytes:
    """Return a smaller, re-encoded copy of a drawn picture."""
    return encode(tile(number, (number * 0.618) % 1).resize((208, 208)), "WEBP", quality=80)


def sha256(data: bytes) -> str:
    """Return the SHA-256 of bytes in hex."""
    return hashlib.sha256(data).hexdigest()


def names(zipped: Path) -> list[str]:
    """Return the names in a zip."""
    with zipfile.ZipFile(zipped) as archive:
        return archive.namelist()


def read(zipped: Path, name: str) -> bytes:
    """Return one file of a zip."""
    with zipfile.ZipFile(zipped) as archive:
        return archive.read(name)


def manifest(zipped: Path) -> list[dict[str, str]]:
    """Return the rows of an export's manifest."""
    return list(csv.DictReader(io.StringIO(read(zipped, "manifest.csv").decode())))


def document(zipped: Path) -> dict[str, Any]:
    """Return an export's own document."""
    found: dict[str, Any] = json.loads(read(zipped, "export.json"))
    return found
