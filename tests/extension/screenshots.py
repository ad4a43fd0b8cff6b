"""Take pictures of the extension: `python -m tests.extension.screenshots DIR [--all]`.

Without `--all` those that README shows; with it every view, in both themes, to be looked at.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image, ImageFilter
from playwright.sync_api import Page

from backend.settings import Settings
from tests.dashboard.screenshots import PHOTOGRAPH
from tests.extension.browser import Extended, extended, unpack
from tests.extension.conftest import backend_at, pair
from tests.extension.scanning import badges, everything_off, popup, switch
from tests.extension.site import LOCKED, File, Site, serving_sites
from tests.pictures import draw, encode, jpeg

STYLE = ":root{color-scheme:light dark}body{font:16px system-ui;margin:28px}"
SCHEMES = ("light", "dark")
SHOWN = {"x": 0.0, "y": 0.0, "width": 960.0, "height": 520.0}
LONG = (
    "Ein sehr langer Name für ein Bild, der sicherlich nicht in eine Zeile passt, und noch ein "
    "paar Wörter, damit er auch in zwei Zeilen nicht passt"
)


@contextmanager
def running(locale: str | None = None) -> Iterator[tuple[Extended, Site]]:
    """Start everything that a picture needs, paired."""
    with tempfile.TemporaryDirectory() as work, serving_sites() as site:
        root = Path(work)
        unpacked = unpack(root / "extension", locale=locale)
        options = {"locale": locale} if locale else {}
        with (
            backend_at(Settings(home=root / "home", port=0)) as backend,
            extended(unpacked, root / "profile", site.port, **options) as browser,
        ):
            pair(browser, backend)
            yield browser, site


def main(folder: Path, everything: bool) -> None:
    """Write the pictures into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    with running() as (browser, site):
        for scheme in SCHEMES:
            take_card(browser, site, scheme, folder)
            take_scanned(browser, site, scheme, folder, everything)
            if everything:
                take_pages(browser, site, scheme, folder)
        if everything:
            take_rare(browser, site, folder)


def whole(page: Page, path: Path) -> None:
    """Take a page as high as its content: a scroll bar would take from its width."""
    width = (page.viewport_size or {"width": 400})["width"]
    height = page.evaluate("document.documentElement.scrollHeight")
    page.set_viewport_size({"width": width, "height": height})
    page.screenshot(path=path)


def themed(page: Page, scheme: str, width: int, height: int) -> Page:
    page.set_viewport_size({"width": width, "height": height})
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    return page


def alone(picture: str) -> str:
    return f"<style>{STYLE}</style><img src={picture}>"


def take_card(browser: Extended, site: Site, scheme: str, folder: Path) -> None:
    """Check the photograph and take the page once its verdict is there."""
    picture = site.picture(PHOTOGRAPH.read_bytes(), "/flower.jpg")
    page = browser.open(site.page(alone(picture), "/flower"))
    themed(page, scheme, 1080, 500)
    browser.menu(page, mediaType="image", srcUrl=picture)
    browser.card(page).verdict()
    page.screenshot(path=folder / f"card-{scheme}.png")
    page.close()


def gallery(site: Site) -> str:
    """Write a page with pictures of several kinds and return its address."""
    shown = {
        "flower": PHOTOGRAPH.read_bytes(),
        "drawn-1": smooth(5),
        "temple": PHOTOGRAPH.with_name("china.jpg").read_bytes(),
        "drawn-2": smooth(8),
        "drawn-3": smooth(23),
        "flat": encode(Image.new("RGB", (420, 300), "#4a7c84"), "PNG"),
    }
    images = "".join(
        f"<img alt='{name}' src={site.picture(bytes_, f'/{name}', type='image/any')}>"
        for name, bytes_ in shown.items()
    )
    closed = site.put(f"{LOCKED}/away.jpg", File(jpeg(420, 300, seed=9), "image/jpeg"))
    style = (
        f"<style>{STYLE}img{{width:290px;height:200px;object-fit:cover;"
        "margin:0 12px 12px 0}</style>"
    )
    return site.page(f"{style}<h1>Pictures</h1>{images}<img src={closed}>", "/gallery")


def smooth(seed: int) -> bytes:
    """Draw a picture without grain: it makes a smaller file of the page that shows it."""
    drawn = draw(140, 100, seed).resize((420, 300), Image.Resampling.BICUBIC)
    return encode(drawn.filter(ImageFilter.GaussianBlur(4)), "JPEG", quality=90)


def take_scanned(
    browser: Extended, site: Site, scheme: str, folder: Path, everything: bool
) -> None:
    """Take a scanned page and the popup beside it."""
    page = themed(browser.open(gallery(site)), scheme, 980, 760)
    switch(browser, page)
    badges(browser, page).wait(6)
    x, y = badges(browser, page).all()[0].middle
    page.mouse.move(x, y)
    page.wait_for_timeout(400)
    page.screenshot(path=folder / f"scan-{scheme}.png", clip=SHOWN)
    view = themed(popup(browser, page), scheme, 400, 600)
    view.locator("#pictures li").nth(5).wait_for()
    view.wait_for_timeout(300)
    if scheme == "light" or everything:
        whole(view, folder / f"popup-{scheme}.png")
    everything_off(browser)
    page.close()
    view.close()


def take_pages(browser: Extended, site: Site, scheme: str, folder: Path) -> None:
    """Take the settings, the side panel, an empty popup, a file's verdict, and covers."""
    options = themed(browser.open(browser.page_url("options")), scheme, 800, 900)
    options.get_by_text("All is well").wait_for()
    whole(options, folder / f"options-{scheme}.png")
    page = themed(browser.open(gallery(site)), scheme, 980, 760)
    empty = themed(popup(browser, page), scheme, 400, 600)
    empty.locator("#file").set_input_files(str(PHOTOGRAPH))
    empty.locator("#card").get_by_text("Scored at").wait_for()
    whole(empty, folder / f"file-{scheme}.png")
    cover = {"settings": {"cover": "blur", "coverOutcomes": ["uncertain", "ai_generated"]}}
    browser.worker.evaluate("(cover) => chrome.storage.local.set(cover)", cover)
    switch(browser, page)
    badges(browser, page).wait(6)
    page.wait_for_timeout(300)
    page.screenshot(path=folder / f"cover-{scheme}.png")
    panel = themed(popup(browser, page, panel=""), scheme, 320, 900)
    panel.locator("#marking summary").click()
    panel.wait_for_timeout(300)
    whole(panel, folder / f"panel-{scheme}.png")
    everything_off(browser)


def take_rare(browser: Extended, site: Site, folder: Path) -> None:
    """Take what is seldom seen: everything at once in a card, right to left, a screen copy."""
    picture = site.picture(PHOTOGRAPH.read_bytes(), "/flower.jpg")
    page = themed(browser.open(site.page(alone(picture), "/flower")), "light", 1080, 900)
    browser.menu(page, mediaType="image", srcUrl=picture)
    card = browser.card(page).verdict()
    full = {
        "outcome": "ai_generated",
        "probabilities": {"ai_generated": 0.93, "human_made": 0.07},
        "summary": f"{LONG}.",
        "evidence": [
            {"kind": "c2pa", "status": "verified", "label": "ai_generated", "detail": LONG},
            {"kind": "generator", "status": "declared", "label": "ai_generated", "detail": "Made."},
            {"kind": "camera", "status": "invalid", "label": "human_made", "detail": "A camera."},
        ],
        "review": None,
        "conflict": True,
        "heatmap": True,
        "similar_review": {"label": "human_made", "reviewed_at": "2026-11-12T10:00:00Z"},
        "image": {"format": "JPEG", "width": 400, "height": 300, "bytes": 9000},
    }
    view = {"record": full, "how": "screen", "logged": True, "dashboard": "http://127.0.0.1:8501"}
    view["searches"] = [{"name": "TinEye", "url": "https://tineye.com/"}]
    send = """async (state) => {
      const [tab] = await chrome.tabs.query({ active: true, lastFocusedWindow: true });
      await chrome.tabs.sendMessage(tab.id, {type: "card.show", ticket: "t", state}, {frameId: 0});
    }"""
    browser.worker.evaluate(send, {"phase": "verdict", "view": view})
    card.until(lambda: "93" in card.text, "the made-up verdict")
    page.screenshot(path=folder / "card-full.png")
    browser.isolated(page).inside('find(".card").setAttribute("dir", "rtl")')
    card.press("disagree")
    page.screenshot(path=folder / "card-rtl.png")
    rtl = themed(popup(browser, page), "light", 400, 600)
    rtl.evaluate("document.documentElement.dir = 'rtl'")
    whole(rtl, folder / "popup-rtl.png")


if __name__ == "__main__":
    main(Path(sys.argv[1]), "--all" in sys.argv)
