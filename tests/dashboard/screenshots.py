"""Take the pictures of the dashboard that README shows: `make screenshots`.

They show the weights in `weights/`, a photograph that comes with scikit-learn, a made-up log, and
landscapes drawn for it.
"""

from __future__ import annotations

import io
import random
import sys
import tempfile
from pathlib import Path

import sklearn.datasets
from PIL import Image
from playwright.sync_api import Browser, expect

from backend.cli.streamlit_program import dashboard_url
from backend.domain import Context, Label, ReviewLabel, Source
from backend.model.registry import find_card, load_judge
from backend.service import Service
from backend.settings import KeepImages, Settings
from backend.storage import open_repository
from backend.storage.images import ImageStore
from backend.tuning.loop import Source as Labels
from backend.tuning.loop import fine_tune
from tests.dashboard.browser import backend_and_dashboard, chromium, drop
from tests.dashboard.busy import fill
from tests.dashboard.scenes import scene
from tests.loop.gallery import blotches, filtered
from tests.pictures import encode

PHOTOGRAPH = Path(sklearn.datasets.__file__).parent / "images" / "flower.jpg"
SETTLE_MS = 1500
SCENES = 40
LEARNT = 45
APPEALED = {11, 23, 38}


def main(folder: Path) -> None:
    """Write a picture of each page, light and dark, into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    pages(folder)
    models_page(folder)


def pages(folder: Path) -> None:
    """Take verdict, queue, gallery, quality and activity."""
    with tempfile.TemporaryDirectory() as home:
        settings = Settings(home=Path(home), keep_addresses=True, keep_images=KeepImages.ALL)
        fill(Path(home), 12_000, 700, find_card(settings).ref)
        log_scenes(settings)
        with backend_and_dashboard(settings) as served, chromium() as browser:
            address = dashboard_url(served)
            for scheme in ("light", "dark"):
                take(browser, address, scheme, folder)
                for name in ("queue?strategy=appealed&desk=here", "gallery"):
                    take_pictures(browser, address, name, scheme, folder)
                for name in ("quality", "activity"):
                    take_figures(browser, address, name, scheme, folder)


def models_page(folder: Path) -> None:
    """Take the comparison of a candidate that was fine-tuned on drawn pictures."""
    with tempfile.TemporaryDirectory() as home:
        settings = Settings(home=Path(home), keep_images=KeepImages.ALL)
        name = f"models?part=Compare&candidate={learn_from_drawings(settings)}"
        with backend_and_dashboard(settings) as served, chromium() as browser:
            address = dashboard_url(served)
            for scheme in ("light", "dark"):
                take_pictures(browser, address, name, scheme, folder, height=1500)


class Often(random.Random):
    """Draws the audit sample four times as often, so that a small log has one."""

    def random(self) -> float:
        return super().random() / 4


def learn_from_drawings(settings: Settings) -> str:
    """Log and label landscapes, half under a filter, and blotches; fine-tune; return the version.

    The landscapes count as human-made, the blotches as generated.
    """
    settings.prepare_home()
    repository = open_repository(settings)
    images, judge = ImageStore(settings.images_path), load_judge(settings)
    service = Service(settings, repository, images, judge, draw=Often(3))
    for number in range(LEARNT):
        for data, label in (
            (scene(number), ReviewLabel.HUMAN_MADE),
            (encode(filtered(_scene(number + LEARNT))), ReviewLabel.HUMAN_MADE),
            (encode(blotches(number)), ReviewLabel.AI_GENERATED),
        ):
            record = service.check_image(data, Context(Source.PAGE_SCAN), "browser").record
            service.submit_review(record.id, label, "ann@example.org")
    made = fine_tune(settings, repository, find_card(settings), Labels())
    service.close()
    return made.version


def _scene(number: int) -> Image.Image:
    return Image.open(io.BytesIO(scene(number))).convert("RGB")


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


def take_pictures(
    browser: Browser, address: str, name: str, scheme: str, folder: Path, height: int = 860
) -> None:
    """Take a page of pictures once they are there."""
    context = browser.new_context(
        viewport={"width": 1280, "height": height},
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
