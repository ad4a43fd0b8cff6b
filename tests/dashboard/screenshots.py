"""Take the pictures of the dashboard that README shows: `make screenshots`.

They show the weights in `weights/`, a photograph that comes with scikit-learn, and a made-up log.
"""

from __future__ import annotations

import sys
import tempfile
import threading
from dataclasses import replace
from pathlib import Path

import sklearn.datasets
from playwright.sync_api import Browser, expect

from backend.cli.processes import Troupe, claim_port
from backend.cli.serve import make_dashboard_token
from backend.cli.streamlit_program import dashboard_program, dashboard_url
from backend.cli.up import backend_program
from backend.model.registry import find_card
from backend.settings import Settings
from tests.dashboard.browser import chromium, drop
from tests.dashboard.busy import fill

PHOTOGRAPH = Path(sklearn.datasets.__file__).parent / "images" / "flower.jpg"
SETTLE_MS = 1500


def main(folder: Path) -> None:
    """Write verdict, quality and activity, each light and dark, into a folder."""
    with tempfile.TemporaryDirectory() as home:
        settings = Settings(home=Path(home), keep_addresses=True)
        fill(Path(home), 12_000, 700, find_card(settings).ref)
        settings = replace(
            settings,
            port=claim_port("127.0.0.1", 0, "-"),
            dashboard_port=claim_port("127.0.0.1", 0, "-"),
        )
        make_dashboard_token(settings)
        backend = backend_program(settings)
        backend = replace(backend, environment={**backend.environment, "BRUSHMARK_HOME": home})
        troupe = Troupe([backend, dashboard_program(settings)])
        try:
            troupe.start()
            troupe.wait_until_ready(threading.Event())
            with chromium() as browser:
                for scheme in ("light", "dark"):
                    take(browser, dashboard_url(settings), scheme, folder)
                    for name in ("quality", "activity"):
                        take_figures(browser, dashboard_url(settings), name, scheme, folder)
        finally:
            troupe.stop()


def take(browser: Browser, address: str, scheme: str, folder: Path) -> None:
    """Drop the photograph and take the page once its verdict is there."""
    context = browser.new_context(
        viewport={"width": 1280, "height": 860},
        color_scheme="dark" if scheme == "dark" else "light",
    )
    page = context.new_page()
    page.goto(address)
    drop(page, "flower.jpg", PHOTOGRAPH.read_bytes())
    expect(page.get_by_text("human-made").first).to_be_visible(timeout=30_000)
    page.wait_for_timeout(SETTLE_MS)
    folder.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=folder / f"verdict-{scheme}.png")
    context.close()


def take_figures(browser: Browser, address: str, name: str, scheme: str, folder: Path) -> None:
    """Take a page of figures once they are drawn."""
    context = browser.new_context(
        viewport={"width": 1280, "height": 1000},
        color_scheme="dark" if scheme == "dark" else "light",
    )
    page = context.new_page()
    page.goto(f"{address}/{name}")
    expect(page.locator(".js-plotly-plot .point").first).to_be_visible(timeout=30_000)
    page.wait_for_timeout(SETTLE_MS)
    page.screenshot(path=folder / f"{name}-{scheme}.png")
    context.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
