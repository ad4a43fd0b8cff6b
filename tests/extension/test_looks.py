"""What a person sees and hears: both themes, right to left, the keyboard, a screen reader's tree.

Pictures of it all are left in `build/looks`, to be looked at.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

from tests.extension.browser import Card, Extended
from tests.extension.scanning import badges, everything_off, popup, switch
from tests.extension.screenshots import themed, whole
from tests.extension.site import CDN, File, Site
from tests.pictures import jpeg

pytestmark = pytest.mark.browser
LOOKS = Path(__file__).parents[2] / "build" / "looks"
PICTURE = f"{CDN}/looks.jpg"
RECORD: dict[str, Any] = {
    "outcome": "ai_generated",
    "probabilities": {"ai_generated": 0.93, "human_made": 0.07},
    "summary": "A sentence that a person can act on, long enough for a second line of the card.",
    "evidence": [
        {"kind": "c2pa", "status": "verified", "label": "ai_generated", "detail": "Signed."},
        {"kind": "generator", "status": "declared", "label": "ai_generated", "detail": "Made."},
        {"kind": "camera", "status": "invalid", "label": "human_made", "detail": "A camera."},
    ],
    "review": {"label": "human_made", "created_at": "2026-11-12T10:00:00Z"},
    "conflict": True,
    "heatmap": True,
    "image": {"format": "JPEG", "width": 400, "height": 300, "bytes": 9000},
}
VIEW = {
    "record": RECORD,
    "how": "screen",
    "logged": True,
    "dashboard": "http://127.0.0.1:8501",
    "searches": [{"name": "TinEye", "url": "https://tineye.com/"}],
}
_SHOW = """
async (state) => {
  const [tab] = await chrome.tabs.query({ active: true, lastFocusedWindow: true });
  await chrome.tabs.sendMessage(tab.id, {type: "card.show", ticket: "looks", state}, {frameId: 0});
}
"""
# Words of too little contrast (WCAG 2.2, 1.4.3) and boxes that their content does not fit in.
_FAULTS = """
(root, ground) => {
  const channels = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const light = (colour) => channels(colour).slice(0, 3).map((value) => value / 255)
    .map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = (node) => {
    for (let at = node; at; at = at.parentElement ?? at.getRootNode().host) {
      const colour = getComputedStyle(at).backgroundColor;
      if ((channels(colour)[3] ?? 1) > 0.99) return colour;
    }
    return ground;
  };
  const faults = [];
  for (const node of root.querySelectorAll("*")) {
    if (!node.checkVisibility({visibilityProperty: true}) || node.disabled) continue;
    if (![...node.childNodes].some((child) => child.nodeType === 3 && child.data.trim())) continue;
    if (["STYLE", "OPTION", "SCRIPT"].includes(node.tagName.toUpperCase())) continue;
    const {color, fontSize, fontWeight, display} = getComputedStyle(node);
    const pair = [light(color), light(behind(node))].sort((a, b) => b - a);
    const contrast = (pair[0] + 0.05) / (pair[1] + 0.05);
    const size = parseFloat(fontSize);
    const large = size >= 24 || (size >= 18.66 && fontWeight >= 700);
    const words = `${node.localName}.${node.className} “${node.textContent.trim().slice(0, 30)}”`;
    if (contrast < (large ? 3 : 4.5)) faults.push(`${words}: contrast ${contrast.toFixed(2)}`);
    const cut = display !== "inline" && node.scrollWidth > node.clientWidth + 1;
    if (cut && !node.classList.contains("name")) faults.push(`${words}: too wide`);
  }
  return faults;
}
"""


@pytest.fixture(autouse=True)
def tidy_up(browser: Extended, site: Site) -> Iterator[None]:
    LOOKS.mkdir(parents=True, exist_ok=True)
    site.put(PICTURE, File(jpeg(400, 300, seed=160), "image/jpeg"))
    yield
    everything_off(browser)


def full_card(browser: Extended, page: Page) -> Card:
    """Show everything that a card can show at once."""
    browser.menu(page, mediaType="image", srcUrl=PICTURE)
    card = browser.card(page).verdict()
    browser.worker.evaluate(_SHOW, {"phase": "verdict", "view": VIEW})
    card.until(lambda: "93" in card.text, "the made-up verdict")
    return card


def faults_of(page: Page) -> list[str]:
    return list(page.evaluate(f"({_FAULTS})(document.body, 'rgb(255, 255, 255)')"))


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_all_can_be_read_in_both_themes(browser: Extended, site: Site, scheme: str) -> None:
    """Card, form, badges, popup and settings: enough contrast everywhere, nothing cut off."""
    page = browser.open(site.page(f"<img alt='A hill' src={PICTURE}>", "/looks"))
    themed(page, scheme, 1000, 900)
    card = full_card(browser, page)
    card.press("disagree")
    card.until(lambda: card.has("form"), "the form")
    page.screenshot(path=LOOKS / f"card-{scheme}.png")
    shown = card.world.inside(f"({_FAULTS})(find('.card'), null)")
    assert shown == []
    page.keyboard.press("Escape")
    switch(browser, page)
    (badge,) = badges(browser, page).wait(1)
    page.mouse.move(*badge.middle)
    card.until(
        lambda: card.world.inside("getComputedStyle(find('.tip')).visibility") == "visible", ""
    )
    page.screenshot(path=LOOKS / f"badge-{scheme}.png")
    assert card.world.inside(f"({_FAULTS})(find('.badge').parentNode, null)") == []
    view = themed(popup(browser, page), scheme, 380, 600)
    view.get_by_text("A hill").wait_for()
    view.locator("summary").click()
    whole(view, LOOKS / f"popup-{scheme}.png")
    assert faults_of(view) == []
    options = themed(browser.open(browser.page_url("options")), scheme, 800, 900)
    options.get_by_text("All is well").wait_for()
    whole(options, LOOKS / f"options-{scheme}.png")
    assert faults_of(options) == []


def test_right_to_left_is_a_mirror(browser: Extended, site: Site) -> None:
    """Where the browser's language runs leftwards all is mirrored, and sentences read right."""
    page = browser.open(site.page(f"<img src={PICTURE} style='margin-left: 500px'>", "/rtl"))
    themed(page, "light", 1000, 900)
    card = full_card(browser, page)
    card.world.inside("find('.card').setAttribute('dir', 'rtl')")
    page.screenshot(path=LOOKS / "card-rtl.png")
    middle = card.box(".card")["x"] + card.box(".card")["width"] / 2
    assert card.box(".close")["x"] < middle < card.box(".mark")["x"]
    assert card.box(".bar .human")["x"] < card.box(".bar .ai")["x"]
    assert card.box(".split .human")["x"] < card.box(".split .ai")["x"]
    stop = """(() => {
      const walker = document.createTreeWalker(find('.conflict'), NodeFilter.SHOW_TEXT);
      const range = document.createRange();
      const text = walker.nextNode();
      const boxes = [text.length - 2, text.length - 1].map((at) => {
        range.setStart(text, at);
        range.setEnd(text, at + 1);
        return range.getBoundingClientRect().left;
      });
      return boxes;
    })()"""
    letter, full_stop = card.world.inside(stop)
    assert letter < full_stop, "an English sentence ends at its right"
    view = themed(popup(browser, page), "light", 380, 600)
    view.evaluate("document.documentElement.dir = 'rtl'")
    whole(view, LOOKS / "popup-rtl.png")
    assert faults_of(view) == []


_FOCUSED = """(() => {
  const at = find('.card')?.getRootNode().activeElement;
  return at ? at.dataset.press ?? at.localName : null;
})()"""


def test_the_keyboard_reaches_everything(browser: Extended, site: Site) -> None:
    """Tab walks from the card through its buttons and links, Enter presses, Escape gives back."""
    page = browser.open(site.page(f"<button id=mine>x</button><img src={PICTURE}>", "/keys"))
    page.locator("#mine").focus()
    browser.menu(page, mediaType="image", srcUrl=PICTURE)
    card = browser.card(page).verdict()
    walked = [card.world.inside(_FOCUSED)]
    for _ in range(5):
        page.keyboard.press("Tab")
        walked.append(card.world.inside(_FOCUSED))
    assert walked == ["div", "close", "heatmap", "disagree", "dashboard", "a"]
    for _ in range(3):
        page.keyboard.press("Shift+Tab")
    page.keyboard.press("Enter")
    card.until(lambda: card.has("canvas"), "the heat map")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    card.until(lambda: card.has("form"), "the form")
    page.keyboard.press("Space")  # the first claim
    page.keyboard.press("Enter")
    card.until(lambda: "Thank you" in card.text, "thanks")
    page.keyboard.press("Escape")
    assert card.phase is None
    assert page.evaluate("document.activeElement.id") == "mine"


def test_a_screen_reader_hears_it_all(browser: Extended, site: Site) -> None:
    """The tree that screen readers are given names the card, both probabilities and each button."""
    page = browser.open(site.page(f"<img src={PICTURE}>", "/heard"))
    full_card(browser, page)
    session = browser.context.new_cdp_session(page)
    session.send("Accessibility.enable")
    tree = session.send("Accessibility.getFullAXTree")["nodes"]
    heard = {
        (node["role"]["value"], node.get("name", {}).get("value", ""))
        for node in tree
        if not node["ignored"]
    }
    for role, name in (
        ("dialog", "Brushmark’s verdict"),
        ("button", "Close"),
        ("heading", "Looks AI-generated"),
        ("image", "93 % AI-generated, 7 % human-made"),
        ("region", "Evidence in the file"),
        ("button", "Heat map"),
        ("button", "I disagree"),
        ("button", "Open in dashboard"),
        ("link", "TinEye"),
    ):
        assert (role, name) in heard, sorted(heard)
    nameless = [role for role, name in heard if role in {"button", "link", "radio"} and not name]
    assert nameless == []
    view = popup(browser, page)
    for role in ("button", "switch", "checkbox", "combobox"):
        for control in view.get_by_role(role).all():  # type: ignore[arg-type]
            assert control.evaluate("(e) => e.ariaLabel || e.labels?.length || e.innerText"), role
