"""Picking with mouse and keyboard, and a worker that ends."""

from __future__ import annotations

import pytest

from tests.extension.browser import Extended
from tests.extension.scanning import popup
from tests.extension.site import CDN, File, Site
from tests.pictures import jpeg

pytestmark = pytest.mark.browser
ONE, TWO = f"{CDN}/one.jpg", f"{CDN}/two.jpg"
_PICK = """
async () => {
  const [tab] = await chrome.tabs.query({ active: true, lastFocusedWindow: true });
  chrome.commands.onCommand.dispatch("pick-picture", tab);
}
"""


@pytest.fixture(autouse=True)
def pictures(site: Site) -> None:
    site.put(ONE, File(jpeg(400, 300, seed=31), "image/jpeg"))
    site.put(TWO, File(jpeg(500, 300, seed=32), "image/jpeg"))


def test_the_mouse_picks_and_the_page_hears_no_click(browser: Extended, site: Site) -> None:
    """A click while picking judges the picture under it and is not the page's."""
    body = f"<a href=/elsewhere><img src={ONE} width=200></a><img id=two src={TWO} width=200>"
    page = browser.open(site.page(body, "/pick"))
    browser.worker.evaluate(_PICK)
    card = browser.card(page)
    card.until(lambda: card.has(".shade"), "the picker")
    page.mouse.move(60, 60)
    page.mouse.click(60, 60)
    assert "400 × 300" in card.verdict().text
    assert page.url.endswith("/pick")


def test_a_picture_in_a_tab_of_its_own_is_picked(browser: Extended, site: Site) -> None:
    """Picking finds the image of a tab that shows nothing else."""
    page = browser.open(ONE)
    browser.worker.evaluate(_PICK)
    card = browser.card(page)
    card.until(lambda: card.has(".shade"), "the picker")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    assert "400 × 300" in card.verdict().text


def test_the_button_picks(browser: Extended, site: Site) -> None:
    """“Pick a picture on the page”, in the popup of our button, starts picking and steps aside."""
    page = browser.open(site.page(f"<img src={ONE} width=200>", "/button"))
    view = popup(browser, page)
    with view.expect_event("close"):
        view.get_by_role("button", name="Pick a picture on the page").click()
    page.bring_to_front()
    card = browser.card(page)
    card.until(lambda: card.has(".shade"), "the picker")
    page.keyboard.press("Escape")
    card.until(lambda: not card.has(".shade"), "the end of picking")
    assert card.phase is None


def test_the_keyboard_picks(browser: Extended, site: Site) -> None:
    """Arrow keys walk over the pictures and Enter takes one."""
    page = browser.open(site.page(f"<img src={ONE} width=200><img src={TWO} width=200>", "/keys"))
    browser.worker.evaluate(_PICK)
    card = browser.card(page)
    card.until(lambda: card.has(".shade"), "the picker")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    assert "500 × 300" in card.verdict().text


def test_a_worker_that_ended_is_asked_again(browser: Extended, site: Site) -> None:
    """A card outlives the worker: its buttons wake a new one, which still knows the check."""
    page = browser.open(site.page(f"<img src={ONE}>", "/death"))
    browser.menu(page, mediaType="image", srcUrl=ONE)
    card = browser.card(page).verdict()
    session = browser.context.browser.new_browser_cdp_session() if browser.context.browser else None
    assert session is not None
    targets = session.send("Target.getTargets")["targetInfos"]
    worker = next(t for t in targets if t["type"] == "service_worker" and browser.id in t["url"])
    session.send("Target.closeTarget", {"targetId": worker["targetId"]})
    page.wait_for_timeout(300)
    card.press("heatmap")
    card.until(lambda: card.has("canvas"), "the heat map")
