"""Fixtures: a real backend with the fake judge, and one that says what a test tells it."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from backend.app import serve
from backend.cli.streamlit_program import dashboard_environment
from backend.settings import KeepImages, Settings
from backend.storage import open_repository
from backend.storage.repository import PredictionFilter
from tests.dashboard.fake_backend import FakeBackend, fake_backend
from tests.dashboard.filling import fill
from tests.fakes import FakeJudge


@dataclass(frozen=True)
class RealBackend:
    """A backend over a real store, on a port of its own, with the fake judge."""

    settings: Settings
    judge: FakeJudge

    @property
    def environment(self) -> dict[str, str]:
        """What its dashboard is started with."""
        return dashboard_environment(self.settings)

    def sources(self) -> list[str]:
        """Where the logged predictions came from."""
        repository = open_repository(self.settings)
        try:
            page = repository.list_predictions(PredictionFilter())
            return [record.context.source.value for record in page.records]
        finally:
            repository.close()


@contextmanager
def serving(home: Path, **changes: Any) -> Iterator[RealBackend]:
    """Serve a home as `brushmark serve` does, in a thread, until the context ends."""
    settings = replace(Settings(home=home, port=0), **changes)
    judge = FakeJudge()
    ready, stop = threading.Event(), threading.Event()
    addresses: list[str] = []

    def on_ready(address: str) -> None:
        addresses.append(address)
        ready.set()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("backend.model.registry.load_judge", lambda *_: judge)
        thread = threading.Thread(target=serve, args=(settings, False, on_ready, stop))
        thread.start()
        try:
            assert ready.wait(timeout=30)
            port = int(addresses[0].rpartition(":")[2])
            yield RealBackend(replace(settings, port=port), judge)
        finally:
            stop.set()
            thread.join(timeout=30)


@pytest.fixture
def backend(tmp_path: Path) -> Iterator[RealBackend]:
    """The private backend: bright pictures look AI-generated to its judge."""
    with serving(tmp_path / "home") as real:
        yield real


@pytest.fixture(scope="session")
def filled_home(tmp_path_factory: pytest.TempPathFactory) -> Callable[[int], Path]:
    """Return a fresh home with that many logged predictions: drawn once, copied each time."""
    made: dict[int, Path] = {}

    def make(count: int) -> Path:
        if count not in made:
            made[count] = tmp_path_factory.mktemp(f"filled-{count}") / "home"
            fill(made[count], count)
        return shutil.copytree(made[count], tmp_path_factory.mktemp("home") / "home")

    return make


@pytest.fixture(scope="module")
def stocked(filled_home: Callable[[int], Path]) -> Iterator[RealBackend]:
    """A backend with forty logged predictions and their pictures, for a whole module."""
    with serving(filled_home(40), keep_images=KeepImages.ALL, keep_addresses=True) as real:
        yield real


@pytest.fixture
def public_backend(tmp_path: Path) -> Iterator[RealBackend]:
    """The same, open to visitors."""
    with serving(tmp_path / "home", public=True, url_fetch=False) as real:
        yield real


@pytest.fixture
def fake() -> Iterator[FakeBackend]:
    """A backend that says what it is told."""
    with fake_backend() as running:
        yield running
