"""What the card tells of a file beside the model's score, and how an appeal's answer comes back."""

from __future__ import annotations

import json
import urllib.request
import zlib
from typing import Any

import pytest
from PIL.PngImagePlugin import PngInfo

from backend.access import create_token
from backend.domain import Scope
from backend.storage import open_repository
from tests.extension.browser import Card, Extended
from tests.extension.conftest import RealBackend
from tests.extension.scanning import badges, everything_off, popup, switch
from tests.extension.site import CDN, File, Site
from tests.pictures import draw, encode, jpeg

pytestmark = pytest.mark.browser
_SHOW = """
async (state) => {
  const [tab] = await chrome.tabs.query({ active: true, lastFocusedWindow: true });
  const message = { type: "card.show", ticket: "made", state };
  await chrome.tabs.sendMessage(tab.id, message, { frameId: 0 });
}
"""


def check(browser: Extended, site: Site, file: File) -> Card:
    # An address of its own: what was shown before lies in the browser's cache.
    source = site.put(f"{CDN}/told-{zlib.crc32(file.body)}", file)
    page = browser.open(site.page(f"<img src={source} width=300>", "/told"))
    browser.menu(page, mediaType="image", srcUrl=source)
    return browser.card(page).verdict()


def test_evidence_stands_in_the_card(browser: Extended, site: Site) -> None:
    """What a generator left in a file is shown with how far to trust it; its prompt opens."""
    words = PngInfo()
    steps = "Steps: 20, Sampler: Euler a, CFG scale: 7, Seed: 1, Size: 8x8"
    words.add_text("parameters", f"a hill\n{steps}")
    data = encode(draw(400, 300, seed=120), "PNG", pnginfo=words)
    card = check(browser, site, File(data, "image/png"))
    assert "Evidence in the file" in card.text
    assert "declared" in card.text
    assert "says AI-generated" in card.text
    assert "The prompt in the file" in card.text
    assert "a hill" not in card.text
    card.click(".prompt summary")
    card.until(lambda: "a hill" in card.text, "the prompt to open")


def test_the_review_of_a_likeness_is_a_hint_everywhere(
    browser: Extended, site: Site, backend: RealBackend
) -> None:
    """A copy of a reviewed picture has a hint in card, badge and list, and a verdict of its own."""
    drawn = draw(600, 450, seed=123)
    check(browser, site, File(encode(drawn, "PNG"), "image/png"))
    review(backend, backend.records()[0].id)
    card = check(browser, site, File(encode(drawn, "JPEG", quality=60), "image/jpeg"))
    hint = "A similar picture was reviewed as human-made on"
    assert hint in card.text
    assert "Reviewed by a curator" not in card.text
    assert card.heading == "Uncertain"
    copy = encode(drawn.resize((480, 360)), "JPEG", quality=70)
    source = site.put(f"{CDN}/alike", File(copy, "image/jpeg"))
    page = browser.open(site.page(f"<img alt='A copy' src={source}>", "/alike"))
    switch(browser, page)
    (badge,) = badges(browser, page).wait(1)
    assert badge.found == "uncertain"
    assert hint in str(badge.label)
    row = popup(browser, page).locator("#pictures button")
    row.get_by_text("≈").wait_for()
    assert hint in str(row.get_attribute("title"))
    assert hint in str(row.get_attribute("aria-label"))
    everything_off(browser)


def test_a_review_comes_first_and_conflict_is_said(browser: Extended, site: Site) -> None:
    """Disagreement of model and file is said aloud; a review of these bytes stands above it all."""
    card = check(browser, site, File(jpeg(400, 300, seed=121), "image/jpeg"))
    record: dict[str, Any] = {
        "outcome": "uncertain",
        "probabilities": {"ai_generated": 0.5, "human_made": 0.5},
        "summary": "A sentence.",
        "evidence": [],
        "review": None,
        "conflict": True,
        "similar_review": None,
        "image": {"format": "JPEG", "width": 400, "height": 300, "bytes": 9000},
    }
    view = {"record": record, "how": "picture", "searches": [], "logged": True}
    browser.worker.evaluate(_SHOW, {"phase": "verdict", "view": view})
    card.until(lambda: "A sentence." in card.text, "the made-up verdict")
    assert "Model and file disagree" in card.text
    assert card.heading == "Uncertain"
    review = {"label": "human_made", "created_at": "2026-11-13T10:00:00Z"}
    view["record"] = {**record, "review": review}
    browser.worker.evaluate(_SHOW, {"phase": "verdict", "view": view})
    card.until(lambda: "Reviewed by a curator" in card.text, "the review")
    assert card.text.index("Reviewed by a curator") < card.text.index("Uncertain")


def test_an_appeal_is_answered_in_the_popup(
    browser: Extended, site: Site, backend: RealBackend
) -> None:
    """Once a curator has reviewed the picture, the popup says so until it is put away."""
    card = check(browser, site, File(jpeg(400, 300, seed=122), "image/jpeg"))
    card.press("disagree")
    card.click('form input[value="human_made"]')
    card.click("form [type=submit]")
    card.until(lambda: "Thank you" in card.text, "thanks")
    assert not popup(browser, card.page).locator("#answers").is_visible()
    review(backend, backend.records()[0].id)
    view = popup(browser, card.page)
    view.get_by_text("Your appeal was answered: human-made").wait_for()
    asked = f"/gallery?id={backend.records()[0].id}"
    with browser.context.expect_event("request", lambda request: asked in request.url):
        view.get_by_role("button", name="Open in dashboard").click()
    view.bring_to_front()
    view.locator("#answers").get_by_role("button", name="Close").click()
    view.locator("#answers").wait_for(state="hidden")
    again = popup(browser, card.page)
    again.locator("#cover .cover").wait_for(state="attached")
    again.wait_for_timeout(300)
    assert not again.locator("#answers").is_visible()
    everything_off(browser)


def review(backend: RealBackend, record: str) -> None:
    """Review a record over HTTP, as the dashboard does."""
    repository = open_repository(backend.settings)
    try:
        secret, _ = create_token(repository, "curator", Scope.REVIEW, "test")
    finally:
        repository.close()
    request = urllib.request.Request(
        f"{backend.base}/api/v1/predictions/{record}/reviews",
        json.dumps({"label": "human_made"}).encode(),
        {"Authorization": f"Bearer {secret}", "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request) as answer:
        assert answer.status == 201
