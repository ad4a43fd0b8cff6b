"""Fixtures: one backend with the shipped weights, one Chromium, one site, for all tests here."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import pytest

from backend.access import new_pairing_code
from backend.app import serve
from backend.domain import PredictionRecord
from backend.settings import Settings
from backend.storage import open_repository
from backend.storage.repository import PredictionFilter
from tests.extension.browser import Extended, extended, unpack
from tests.extension.site import Site, serving_sites


@dataclass
class RealBackend:
    """A backend with the shipped weights, over a store of its own."""

    settings: Settings
    stop: threading.Event
    thread: threading.Thread

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.settings.port}"

    def pairing_code(self) -> str:
        """Print what `brushmark pair` prints."""
        repository = open_repository(self.settings)
        try:
            return new_pairing_code(repository)
        finally:
            repository.close()

    def records(self) -> list[PredictionRecord]:
        """Read the log, newest first."""
        repository = open_repository(self.settings)
        try:
            page = repository.list_predictions(PredictionFilter(), limit=200)
            records = list(page.records)
            while page.next_cursor is not None:
                page = repository.list_predictions(
                    PredictionFilter(), limit=200, cursor=page.next_cursor
                )
                records += page.records
            return records
        finally:
            repository.close()

    def end(self) -> None:
        """Stop it, as Ctrl-C does."""
        self.stop.set()
        self.thread.join(timeout=30)


@contextmanager
def backend_at(settings: Settings) -> Iterator[RealBackend]:
    """Serve a home as `brushmark serve` does, in a thread, until the block ends."""
    ready, stop = threading.Event(), threading.Event()
    addresses: list[str] = []

    def on_ready(address: str) -> None:
        addresses.append(address)
        ready.set()

    thread = threading.Thread(target=serve, args=(settings, False, on_ready, stop))
    thread.start()
    try:
        assert ready.wait(timeout=60), "the backend does not start"
        port = int(addresses[0].rpartition(":")[2])
        yield RealBackend(replace(settings, port=port), stop, thread)
    finally:
        stop.set()
        thread.join(timeout=30)


@pytest.fixture(scope="package")
def backend(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealBackend]:
    home = tmp_path_factory.mktemp("extension") / "home"
    with backend_at(Settings(home=home, port=0, dashboard_port=9501)) as real:
        yield real


@pytest.fixture(scope="package")
def site() -> Iterator[Site]:
    with serving_sites() as running:
        yield running


@pytest.fixture(scope="package")
def unpaired(tmp_path_factory: pytest.TempPathFactory, site: Site) -> Iterator[Extended]:
    """A browser into which the extension has just been loaded."""
    folder = tmp_path_factory.mktemp("unpacked")
    with extended(unpack(folder / "extension"), folder / "profile", site.port) as browser:
        yield browser


@pytest.fixture(scope="package")
def browser(unpaired: Extended, backend: RealBackend) -> Extended:
    """The same browser, paired by hand on the options page."""
    pair(unpaired, backend)
    return unpaired


def pair(browser: Extended, backend: RealBackend) -> None:
    """Pair on the options page, as a person does."""
    page = browser.open(browser.page_url("options"))
    page.get_by_text("Another address or a team’s server").click()
    page.locator("#base").fill(backend.base)
    page.locator("#code").fill(backend.pairing_code())
    page.locator("#pair").click()
    page.locator("#status.good").wait_for()
    page.get_by_text("All is well").wait_for()
    page.close()


@pytest.fixture(autouse=True)
def tidy(request: pytest.FixtureRequest) -> Iterator[None]:
    """Close the pages that a test opened: the menu is chosen in the tab in front."""
    yield
    if "unpaired" in request.fixturenames:
        for page in request.getfixturevalue("unpaired").context.pages[1:]:
            page.close()
