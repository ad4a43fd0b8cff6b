"""A home of the test's own, and a store with something of everything in it."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from backend.domain import (
    AuditEvent,
    Context,
    Job,
    PairingCode,
    Policy,
    ReviewLabel,
    Scope,
    Source,
    Token,
)
from backend.settings import Settings
from backend.storage import open_repository
from backend.storage.images import ImageStore
from tests.records import EPOCH, appeal, digest, extras, make_id, record, review


@pytest.fixture
def home(tmp_path: Path) -> Settings:
    """Settings of an empty home."""
    return Settings(home=tmp_path / "home")


def fill(settings: Settings, records: int = 40) -> None:
    """Put something of every kind into a home's store."""
    repository = open_repository(settings)
    labels = list(ReviewLabel)
    for i in range(records):
        context = Context(Source.PAGE_SCAN, f"https://site{i % 7}.example/x", None, f"Title {i}")
        kept = record(i, picture=i // 2, score=i % 10 / 10 or None, context=context)
        repository.append_prediction(kept, extras(i))
        if i % 3 == 0:
            repository.append_review(review(i, kept, labels[i % 2]))
        if i % 5 == 0:
            repository.append_appeal(appeal(i, kept))
    repository.undo_review(make_id("R", 3), EPOCH)
    repository.append_token(Token(make_id("T", 1), EPOCH, "browser", Scope.CHECK, digest(1)))
    repository.append_pairing_code(PairingCode(make_id("C", 1), EPOCH, EPOCH, digest(2)))
    repository.append_policy(Policy(1, 0.2, 0.8, EPOCH))
    repository.save_job(Job(make_id("J", 1), EPOCH, "re-score", "done"))
    repository.put_setting("active_model", "seed-1")
    repository.append_event(AuditEvent(make_id("E", 1), EPOCH, "me", "token.create"))
    repository.db.table("notes").insert({"kept": "from elsewhere"})
    repository.close()
    images = ImageStore(settings.images_path)
    for i in range(5):
        data = b"picture %d" % i
        images.put(hashlib.sha256(data).hexdigest(), data)


@pytest.fixture
def filled(home: Settings) -> Settings:
    """Settings of a home whose store has something of everything."""
    fill(home)
    return home
