"""A home whose log was reviewed: vectors of the shipped weights' own rows, some led astray."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from backend.model.card import Card
from backend.model.registry import find_card
from backend.settings import Settings
from backend.storage import open_repository
from backend.storage.tinydb_repository import TinyDBRepository
from backend.tuning.loop import Made, Source, fine_tune
from tests.tuning.planted import QUICK, fill_log


@pytest.fixture(scope="session")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    made = Settings(home=tmp_path_factory.mktemp("home"), port=80)
    made.prepare_home()
    return made


@pytest.fixture(scope="session")
def repository(settings: Settings) -> Iterator[TinyDBRepository]:
    opened = open_repository(settings)
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def parent(settings: Settings) -> Card:
    return find_card(settings)


@pytest.fixture(scope="session")
def filled(repository: TinyDBRepository, parent: Card) -> TinyDBRepository:
    """300 reviewed records: a third of a planted domain that the shipped weights get wrong."""
    fill_log(repository, parent)
    return repository


@pytest.fixture(scope="session")
def made(settings: Settings, filled: TinyDBRepository, parent: Card) -> Made:
    """A candidate that was fine-tuned on the log."""
    return fine_tune(settings, filled, parent, Source(), recipe=QUICK)


@pytest.fixture
def home(tmp_path: Path) -> Settings:
    fresh = Settings(home=tmp_path / "home", port=80)
    fresh.prepare_home()
    return fresh
