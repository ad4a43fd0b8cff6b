"""The worker ends, the backend goes and comes back, the token is revoked: nothing is lost."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Page

from backend.domain import utc_now
from backend.settings import Settings
from backend.storage import open_repository
from tests.extension.browser import Extended, extended, unpack
from tests.extension.conftest import RealBackend, backend_at, pair
from tests.extension.scanning import badges, everything_off, popup, switch
from tests.extension.site import CDN, File, Site
from tests.pictures import jpeg

pytestmark = pytest.mark.browser
SLOW, ONE, TWO = f"{CDN}/slow.jpg", f"{CDN}/away-1.jpg", f"{CDN}/away-2.jpg"


@pytest.fixture(autouse=True)
def pictures(site: Site, browser: Extended) -> Iterator[None]:
    for seed, address in enumerate((ONE, TWO), start=95):
        site.put(address, File(jpeg(400, 300, seed=seed), "image/jpeg"))
    kept = browser.worker.evaluate("() => chrome.storage.local.get('pairing')")
    yield
    browser.worker.evaluate("(kept) => chrome.storage.local.set(kept)", kept)
    everything_off(browser)


def end_worker(browser: Extended) -> None:
    """End the service worker, as the browser does with one that idles."""
    assert browser.context.browser is not None
    session = browser.context.browser.new_browser_cdp_session()
    targets = session.send("Target.getTargets")["targetInfos"]
    worker = next(t for t in targets if t["type"] == "service_worker" and browser.id in t["url"])
    session.send("Target.closeTarget", {"targetId": worker["targetId"]})
    session.detach()


def test_a_worker_that_ends_in_mid_check(browser: Extended, site: Site) -> None:
    """A check whose worker ends while the picture is being fetched still comes to a verdict."""
    page = browser.open(site.page(f"<img id=a width=300 height=200 src={ONE}>", "/mid"))
    site.put(ONE, File(jpeg(444, 333, seed=96), "image/jpeg", delay_s=1.0))
    fresh = f"{ONE}?again"
    page.evaluate("(to) => { document.querySelector('#a').src = to }", fresh)
    before = site.asked.count(fresh)
    browser.menu(page, mediaType="image", srcUrl=fresh)
    card = browser.card(page).wait("busy")
    card.until(lambda: site.asked.count(fresh) > before, "the worker's request")
    end_worker(browser)
    assert "444 × 333" in card.verdict().text


def test_scanning_outlives_the_worker(browser: Extended, site: Site) -> None:
    """Pictures that come after the worker has ended are checked by a new one."""
    page = browser.open(site.page(f"<img src={ONE}>", "/outlive"))
    switch(browser, page)
    badges(browser, page).wait(1)
    end_worker(browser)
    page.evaluate(f"document.body.append(Object.assign(new Image(), {{src: '{TWO}'}}))")
    badges(browser, page).wait(2)


def test_a_backend_that_goes_and_comes_back(browser: Extended, site: Site, tmp_path: Path) -> None:
    """While it is away the popup says so; when it is back, waiting pictures get their badges."""
    settings = Settings(home=tmp_path / "home", port=0)
    with backend_at(settings) as first:
        browser.worker.evaluate("() => chrome.storage.local.remove('pairing')")
        pair(browser, first)
        page = browser.open(site.page(f"<img src={ONE}>", "/away"))
        switch(browser, page)
        badges(browser, page).wait(1)
    page.evaluate(f"document.body.append(Object.assign(new Image(), {{src: '{TWO}'}}))")
    view = popup(browser, page)
    view.locator("#page-note").get_by_text("Brushmark is not running").wait_for()
    with backend_at(replace(settings, port=first.settings.port)) as second:
        page.bring_to_front()
        badges(browser, page).wait(2, wait_s=20)
        view.bring_to_front()
        view.locator("#page-note").get_by_text("not running").wait_for(state="hidden")
        revoke(second)
        assert said(browser, page) == "Brushmark no longer knows this browser"
        page.keyboard.press("Escape")
        pair(browser, second)
        browser.menu(page, mediaType="image", srcUrl=ONE)
        browser.card(page).verdict()


def test_a_page_that_is_back_is_told_of_again(
    browser: Extended, backend: RealBackend, site: Site, tmp_path: Path
) -> None:
    """After Back, a page that the browser had kept as it was stands in the popup again."""
    folder = unpack(tmp_path / "extension")
    keep = {"ignore_default_args": ["--disable-back-forward-cache"]}
    with extended(folder, tmp_path / "profile", site.port, beside=browser, **keep) as keeping:
        pair(keeping, backend)
        page = keeping.open(site.page(f"<img src={ONE}>", "/back"))
        switch(keeping, page)
        badges(keeping, page).wait(1)
        page.evaluate("void (globalThis.kept = true)")
        page.goto(site.page(f"<p>words</p><img src={TWO}>", "/forth"))
        badges(keeping, page).wait(1)
        page.evaluate("void document.querySelector('img').remove()")
        view = popup(keeping, page)
        view.get_by_text("No picture was checked yet").wait_for()
        page.bring_to_front()
        page.go_back(wait_until="commit")
        assert page.evaluate("globalThis.kept"), "the browser kept the page"
        view.bring_to_front()
        view.locator("#counts").get_by_text("1 Uncertain").wait_for()


def revoke(backend: RealBackend) -> None:
    """Revoke every token of the browser, as `brushmark tokens revoke` does."""
    repository = open_repository(backend.settings)
    try:
        for token in repository.list_tokens():
            repository.revoke_token(token.id, utc_now())
    finally:
        repository.close()


def said(browser: Extended, page: Page) -> str:
    browser.menu(page, mediaType="image", srcUrl=ONE)
    return browser.card(page).problem().heading
