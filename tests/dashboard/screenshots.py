"""Take the pictures of the dashboard that README shows: `make screenshots`.

They show the weights in `weights/`, a photograph that comes with scikit-learn, a made-up log, and
landscapes drawn for it.
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
from backend.domain import Context, Label, ReviewLabel, Source
from backend.model.registry import find_card, load_judge
from backend.service import Service
from backend.settings import KeepImages, Settings
from backend.storage import open_repository
from backend.storage.images import ImageStore
from tests.dashboard.browser import chromium, drop
from tests.dashboard.busy import fill
from tests.dashboard.scenes import scene

PHOTOGRAPH = Path(sklearn.datasets.__file__).parent / "images" / "flower.jpg"
SETTLE_MS = 1500
SCENES = 40
APPEALED = {11, 23, 38}


def main(folder: Path) -> None:
    """Write verdict, queue, gallery, quality and activity, each light and dark, into a folder."""
    with tempfile.TemporaryDirectory() as home:
        settings = Settings(home=Path(home), keep_addresses=True, keep_images=KeepImages.ALL)
        fill(Path(home), 12_000, 700, find_card(settings).ref)
        log_scenes(settings)
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
                    for name in ("queue?strategy=appealed&desk=here", "gallery"):
                        take_pictures(browser, dashboard_url(settings), name, scheme, folder)
                    for name in ("quality", "activity"):
                        take_figures(browser, dashboard_url(settings), name, scheme, folder)
        finally:
            troupe.stop()


def log_scenes(settings: Settings) -> None:
    """Have drawn landscapes judged and logged; three visitors disagree."""
    repository = open_repository(settings)
    images = ImageStore(settings.images_path)
    service = Service(settings, repository, images, load_judge(settings))
    for number in range(SCENES):
        source = (Source.PAGE_SCAN, Source.CONTEXT_MENU)[number % 2]
        where = f"https://landscapes.example/hills/{number}"
        context = Context(source, page_url=where, page_title=f"Hills, study {number}")
        checked = service.check_image(scene(number), context, "browser")
        if number in APPEALED:
            reason = "I drew this by hand in March; here is the sketch."
            service.submit_appeal(checked.record.id, Label.HUMAN_MADE, reason, "browser")
        elif number % 7 == 2:
            service.submit_review(checked.record.id, ReviewLabel.HUMAN_MADE, "ann@example.org")
    service.close()


def take_pictures(browser: Browser, address: str, name: str, scheme: str, folder: Path) -> None:
    """Take a page of pictures once they are there."""
    context = browser.new_context(
        viewport={"width": 1280, "height": 860},
        color_scheme="dark" if scheme == "dark" else "light",
    )
    page = context.new_page()
    page.goto(f"{address}/{name}")
    expect(page.get_by_test_id("stImage").first).to_be_visible(timeout=30_000)
    page.wait_for_timeout(2 * SETTLE_MS)
    page.screenshot(path=folder / f"{name.partition('?')[0]}-{scheme}.png")
    context.close()


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
