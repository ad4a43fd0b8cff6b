"""A real Chromium, and the real dashboard for it to look at."""

from __future__ import annotations

import base64
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from playwright.sync_api import Browser, Page, sync_playwright

from backend.cli.processes import Troupe, claim_port
from backend.cli.serve import make_dashboard_token
from backend.cli.streamlit_program import dashboard_program, dashboard_url
from backend.cli.up import backend_program
from backend.settings import Settings

CANDIDATES = ("chromium", "chromium-browser", "google-chrome", "chrome")
_DROP = """
(zone, {name, kind, bytes}) => {
  const data = Uint8Array.from(atob(bytes), (c) => c.charCodeAt(0));
  const transfer = new DataTransfer();
  transfer.items.add(new File([data], name, {type: kind}));
  const drop = (type) => zone.dispatchEvent(
    new DragEvent(type, {dataTransfer: transfer, bubbles: true, cancelable: true}));
  ["dragenter", "dragover", "drop"].forEach(drop);
}
"""
_PASTE = """
({name, kind, bytes}) => {
  const data = Uint8Array.from(atob(bytes), (c) => c.charCodeAt(0));
  const transfer = new DataTransfer();
  transfer.items.add(new File([data], name, {type: kind}));
  document.body.dispatchEvent(
    new ClipboardEvent("paste", {clipboardData: transfer, bubbles: true, cancelable: true}));
}
"""


@contextmanager
def chromium() -> Iterator[Browser]:
    """Start the Chromium that this machine has."""
    found = next(filter(None, map(shutil.which, CANDIDATES)), None)
    assert found, f"a browser is needed: one of {', '.join(CANDIDATES)}"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def dashboard(settings: Settings) -> Iterator[str]:
    """Start the dashboard for a running backend as `brushmark dashboard` does."""
    port = claim_port("127.0.0.1", 0, "BRUSHMARK_DASHBOARD_PORT")
    settings = replace(settings, dashboard_port=port)
    with _playing(Troupe([dashboard_program(settings)])):
        yield dashboard_url(settings)


@contextmanager
def backend_and_dashboard(settings: Settings, **environment: str) -> Iterator[Settings]:
    """Run both on a home as `brushmark up` does; yields the settings with their ports.

    `environment` is what the backend gets beside the home's place.
    """
    settings = replace(
        settings,
        port=claim_port("127.0.0.1", 0, "-"),
        dashboard_port=claim_port("127.0.0.1", 0, "-"),
    )
    make_dashboard_token(settings)
    backend = backend_program(settings)
    told = {"BRUSHMARK_HOME": str(settings.home), **environment}
    backend = replace(backend, environment={**backend.environment, **told})
    with _playing(Troupe([backend, dashboard_program(settings)])):
        yield settings


@contextmanager
def _playing(troupe: Troupe) -> Iterator[None]:
    try:
        troupe.start()
        troupe.wait_until_ready(threading.Event())
        yield
    finally:
        troupe.stop()


def _file(name: str, data: bytes, kind: str) -> dict[str, str]:
    return {"name": name, "kind": kind, "bytes": base64.b64encode(data).decode()}


def drop(page: Page, name: str, data: bytes, kind: str = "image/jpeg") -> None:
    """Drop a file on the page's drop zone."""
    zone = page.get_by_test_id("stFileUploaderDropzone")
    zone.wait_for()
    zone.evaluate(_DROP, _file(name, data, kind))


def paste(page: Page, name: str, data: bytes, kind: str = "image/png") -> None:
    """Paste a file somewhere on the page, away from any field."""
    page.locator("body[data-takes-paste]").wait_for(state="attached")
    page.evaluate(_PASTE, _file(name, data, kind))
