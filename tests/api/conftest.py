"""Fixtures: an app over a real store in a fresh home, with the fake judge and a held clock."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from backend.settings import Settings
from backend.storage import open_repository
from backend.storage.tinydb_repository import TinyDBRepository
from tests.api.harness import Clock, Wired, wire
from tests.fakes import FakeJudge


@pytest.fixture(autouse=True)
def no_audit(monkeypatch: pytest.MonkeyPatch) -> None:
    """Draw nothing at random for the audit, which keeps pictures and puts records into a queue."""
    monkeypatch.setattr("backend.service.AUDIT_SHARE", 0.0)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Port 80, so that the test client's bare `localhost` names us."""
    return Settings(home=tmp_path / "home", port=80)


@pytest.fixture
def repository(settings: Settings) -> Iterator[TinyDBRepository]:
    opened = open_repository(settings)
    yield opened
    opened.close()


@pytest.fixture
def judge() -> FakeJudge:
    return FakeJudge()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def wired(
    settings: Settings, repository: TinyDBRepository, judge: FakeJudge, clock: Clock
) -> Wired:
    return wire(settings, repository, judge, clock)


@pytest.fixture
def wired_with(
    settings: Settings, repository: TinyDBRepository, judge: FakeJudge, clock: Clock
) -> Callable[..., Wired]:
    """Wire an app with other settings."""

    def make(**changes: Any) -> Wired:
        return wire(replace(settings, **changes), repository, judge, clock)

    return make


@pytest.fixture(scope="module")
def standing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Wired]:
    """An app for a whole module of tests that leave nothing behind."""
    settings = Settings(home=tmp_path_factory.mktemp("standing"), port=80)
    opened = open_repository(settings)
    yield wire(settings, opened, FakeJudge(), Clock())
    opened.close()


@pytest.fixture(scope="module")
def admin(standing: Wired) -> dict[str, str]:
    """An admin's token for the standing app."""
    return standing.token()
