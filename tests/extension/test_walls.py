"""What goes wrong is said in the card, and a page gets nothing from us or in our name."""

from __future__ import annotations

import json

import pytest
from playwright.sync_api import Page

from backend.storage import open_repository
from tests.extension.browser import EXTENSION, Card, Extended
from tests.extension.conftest import RealBackend
from tests.extension.package import manifest_for
from tests.extension.site import CDN, LOCKED, OPEN, PAGES, File, Site
from tests.pictures import jpeg

pytestmark = pytest.mark.browser
PICTURE = f"{CDN}/wall.jpg"


@pytest.fixture(autouse=True)
def picture(site: Site) -> str:
    return site.put(PICTURE, File(jpeg(seed=21), "image/jpeg"))


def check(
    browser: Extended, site: Site, source: str = PICTURE, body: str = ""
) -> tuple[Page, Card]:
    page = browser.open(site.page(f"<img src={source} width=300 height=200>{body}", "/wall"))
    browser.menu(page, mediaType="image", srcUrl=source)
    return page, browser.card(page)


def test_the_shipped_manifest_asks_for_no_more_than_it_says() -> None:
    """Nothing but the backend is reachable without being asked for; no file is open to pages."""
    manifest = json.loads((EXTENSION / "manifest.json").read_text("utf-8"))
    asked = ["activeTab", "scripting", "contextMenus", "storage"]
    assert manifest_for("firefox")["permissions"] == asked
    assert manifest_for("chromium")["permissions"] == [*asked, "sidePanel"]
    assert manifest["optional_host_permissions"] == ["https://*/*", "http://*/*"]
    assert manifest["host_permissions"] == ["http://127.0.0.1/*", "http://localhost/*"]
    assert "web_accessible_resources" not in manifest
    assert "content_scripts" not in manifest
    assert "externally_connectable" not in manifest
    assert "service_worker" not in manifest_for("firefox")["background"]
    assert "scripts" not in manifest_for("chromium")["background"]


def test_a_host_that_keeps_its_pictures_is_asked_for(browser: Extended, site: Site) -> None:
    """Without permission for the host the card names it and offers to ask."""
    locked = site.put(f"{LOCKED}/a.jpg", File(jpeg(), "image/jpeg"))
    _, card = check(browser, site, locked)
    card.problem()
    assert "locked.example" in card.heading
    assert card.has("[data-press=allowHost]")


def test_a_host_that_shares_needs_no_permission(browser: Extended, site: Site) -> None:
    """What a host lets pages read (CORS) is read without asking anybody."""
    shared = site.picture(jpeg(333, 222), "/a.jpg", OPEN)
    _, card = check(browser, site, shared)
    assert "333 × 222" in card.verdict().text


def test_what_is_gone_or_no_picture_says_so(browser: Extended, site: Site) -> None:
    """A missing file and a file that is no picture each get a card with something to try."""
    _, card = check(browser, site, f"{CDN}/gone.jpg")
    card.problem()
    assert card.has("[data-press=retry]")
    words = site.put(f"{CDN}/words.jpg", File(b"no picture", "image/jpeg"))
    _, card = check(browser, site, words)
    assert card.problem().heading == "No picture came"


def test_a_page_elsewhere_cannot_have_this_machine_read(browser: Extended, site: Site) -> None:
    """An image address on loopback is not fetched for a page from elsewhere."""
    local = f"http://127.0.0.1:{site.port}/secret.jpg"
    site.put("http://127.0.0.1/secret.jpg", File(jpeg(), "image/jpeg"))
    _, card = check(browser, site, local)
    card.problem()


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_redirect_does_not_lead_to_this_machine(
    browser: Extended, site: Site, backend: RealBackend, host: str
) -> None:
    """What a host elsewhere sends on to loopback is not read for a page from elsewhere."""
    site.put(f"http://{host}/private.jpg", File(jpeg(345, 234), "image/jpeg"))
    jump = {"Location": f"http://{host}:{site.port}/private.jpg"}
    source = site.put(f"{CDN}/jump-{host}.jpg", File(b"", status=302, headers=jump))
    before = len(backend.records())
    _, card = check(browser, site, source)
    assert card.problem().heading == "The picture cannot be had"
    assert len(backend.records()) == before


def test_a_page_reads_no_card(browser: Extended, site: Site) -> None:
    """Neither the document, nor selections, nor searches give a page the words of a card."""
    page, card = check(browser, site)
    card.verdict()
    words = page.evaluate(
        """() => {
          const host = document.querySelector("brushmark-host");
          getSelection().selectAllChildren(document.documentElement);
          return [host.shadowRoot, document.documentElement.innerText, host.innerHTML,
            document.documentElement.getHTML({serializableShadowRoots: true}),
            String(getSelection())].map(String).join("|");
        }"""
    )
    assert "AI-generated" not in words
    assert "Scored at" not in words


def test_a_page_sends_nothing_in_our_name(
    browser: Extended, site: Site, backend: RealBackend
) -> None:
    """A page has no way to the worker, and what it sends to the backend makes no record."""
    page, card = check(browser, site)
    card.verdict()
    before = len(backend.records())
    tried = page.evaluate(
        """async (base) => {
          const sent = typeof chrome?.runtime?.sendMessage;
          const host = document.querySelector("brushmark-host");
          host.click();
          host.dispatchEvent(new KeyboardEvent("keydown", {key: "Enter", bubbles: true}));
          const form = new FormData();
          form.append("image", new Blob(["x"], {type: "image/jpeg"}), "x");
          await fetch(base + "/api/v1/check", {method: "POST", mode: "no-cors", body: form})
            .catch(() => {});
          return sent;
        }""",
        backend.base,
    )
    assert tried == "undefined"
    assert len(backend.records()) == before


def test_an_appeal_is_filed(browser: Extended, site: Site, backend: RealBackend) -> None:
    """“I disagree” with a claim becomes an appeal in the log."""
    _, card = check(browser, site)
    card.verdict().press("disagree")
    card.click('form input[value="human_made"]')
    card.click('form input[value="mine"]')
    card.click("form [type=submit]")
    card.until(lambda: "Thank you" in card.text, "thanks")
    repository = open_repository(backend.settings)
    try:
        appeals = repository.list_appeals()
    finally:
        repository.close()
    assert "I made it" in str(appeals)


def test_the_dashboard_is_opened_beside(
    browser: Extended, site: Site, backend: RealBackend
) -> None:
    """“Open in dashboard” opens this check in a tab, at the port that the backend told."""
    _, card = check(browser, site)
    card.verdict()
    asked = f"127.0.0.1:9501/gallery?id={backend.records()[0].id}"
    with browser.context.expect_event("request", lambda request: asked in request.url):
        card.press("dashboard")


def test_a_heat_map_that_was_asked_for_is_listed(browser: Extended, site: Site) -> None:
    """“What is sent” names the request for a heat map, as it names the check."""
    _, card = check(browser, site)
    card.verdict().press("heatmap")
    card.until(lambda: card.has("canvas"), "the heat map")
    sent = browser.worker.evaluate("async () => (await chrome.storage.session.get('sent')).sent")
    assert [each["route"] for each in sent[:2]] == ["GET /predictions/…/heatmap", "POST /check"]


def test_escape_closes(browser: Extended, site: Site) -> None:
    """Escape takes the card away."""
    page, card = check(browser, site)
    card.verdict()
    page.keyboard.press("Escape")
    assert card.phase is None


def test_without_pairing_the_card_says_what_to_do(browser: Extended, site: Site) -> None:
    """A browser that lost its token, or whose token is unknown, is sent to the settings."""
    kept = browser.worker.evaluate("() => chrome.storage.local.get('pairing')")
    try:
        wrong = {"pairing": {**kept["pairing"], "token": "bm_revoked"}}
        browser.worker.evaluate("(wrong) => chrome.storage.local.set(wrong)", wrong)
        _, card = check(browser, site)
        assert card.problem().heading == "Brushmark no longer knows this browser"
        gone = {"pairing": {**kept["pairing"], "base": "http://127.0.0.1:9"}}
        browser.worker.evaluate("(gone) => chrome.storage.local.set(gone)", gone)
        _, card = check(browser, site)
        assert card.problem().heading == "Brushmark is not running"
        browser.worker.evaluate("(kept) => chrome.storage.local.set(kept)", kept)
        card.press("retry")
        card.wait("verdict")
    finally:
        browser.worker.evaluate("(kept) => chrome.storage.local.set(kept)", kept)


def test_no_address_is_logged(browser: Extended, site: Site, backend: RealBackend) -> None:
    """Unless told otherwise, records know neither page nor picture address."""
    _, card = check(browser, site)
    card.verdict()
    assert {record.context.page_url for record in backend.records()} == {None}
    assert PAGES not in str(backend.records()[0])
