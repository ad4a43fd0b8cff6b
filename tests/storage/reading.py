"""Read all that a store holds, through its public methods, for comparing stores."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from backend.errors import BrushmarkError
from backend.storage.images import ImageStore
from backend.storage.repository import PredictionFilter
from backend.storage.tinydb_repository import TinyDBRepository
from tests.records import EPOCH, digest, make_id


def read_everything(path: Path, images: Path, records: int = 40) -> dict[str, Any]:
    """Return what every method says; an error of Brushmark's stands in for its value."""
    try:
        repository = TinyDBRepository(path)
    except BrushmarkError as error:
        return {"open": type(error)}
    try:
        return _read(repository, records) | {"pictures": _pictures(images)}
    finally:
        repository.close()


def _read(repository: TinyDBRepository, records: int) -> dict[str, Any]:
    everything = PredictionFilter()
    wanted: dict[str, Any] = {
        "stats": repository.stats,
        "tokens": repository.list_tokens,
        "token": lambda: repository.find_token(digest(1)),
        "policy": repository.latest_policy,
        "jobs": repository.list_jobs,
        "setting": lambda: repository.get_setting("active_model"),
        "events": repository.list_events,
        "appeals": repository.list_appeals,
        "notes": lambda: repository.db.table("notes").all(),
        "codes": lambda: repository.db.table("pairing_codes").all(),
        "holding": lambda: repository.holding([digest(n) for n in range(records)]),
        "found": lambda: repository.list_predictions(PredictionFilter(q="title 1")).records,
        "by score": lambda: repository.list_predictions(everything, sort="score", limit=200),
        "by time": lambda: repository.list_predictions(everything, limit=200),
        "reviewed": lambda: repository.count_predictions(PredictionFilter(reviewed=True)),
        "figures": lambda: (repository.reviewed(), repository.repeated_reviews()),
        "days": lambda: repository.daily_counts(EPOCH.date(), EPOCH.date()),
    }
    for i in range(records):
        name = make_id("P", i)
        wanted[f"record {i}"] = lambda name=name: repository.get_prediction(name)
        wanted[f"extras {i}"] = lambda name=name: repository.get_extras(name)
        wanted[f"reviews {i}"] = lambda i=i: repository.reviews_of(digest(i))
    return {name: _attempt(read) for name, read in wanted.items()}


def _attempt(read: Any) -> Any:
    try:
        return read()
    except BrushmarkError as error:
        return type(error)


def _pictures(folder: Path) -> dict[str, Any]:
    images = ImageStore(folder)
    return {sha256: _attempt(lambda s=sha256: images.get(s)) for sha256 in images.hashes()}
