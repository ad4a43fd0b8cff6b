"""Switching scanning on as a person does, and eyes for badges."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from playwright.sync_api import Frame, Page

from tests.extension.browser import WAIT_S, Extended, Isolated

_TAB = "async () => (await chrome.tabs.query({active: true, lastFocusedWindow: true}))[0].id"
KEEP_REAL = """
globalThis.real ??= {
  contains: chrome.permissions.contains,
  remove: chrome.permissions.remove,
};
"""
_BADGES = """
(() => [...document.querySelectorAll("brushmark-host")]
  .map((host) => chrome.dom.openOrClosedShadowRoot(host))
  .flatMap((shadow) => [...shadow.querySelectorAll(".badge, .cover")])
  .filter((made) => !made.hidden)
  .map((made) => {
    const {x, y, width, height} = made.getBoundingClientRect();
    const [kind, found] = made.classList;
    return {kind, found, label: made.ariaLabel, x, y, width, height};
  }))()
"""


@dataclass(frozen=True)
class Badge:
    """A badge or a cover that can be seen."""

    kind: str
    found: str
    label: str | None
    x: float
    y: float
    width: float
    height: float

    @property
    def middle(self) -> tuple[float, float]:
        return self.x + self.width / 2, self.y + self.height / 2

    def lies_on(self, box: dict[str, float]) -> bool:
        """Tell whether it lies within a box."""
        return (
            self.x >= box["x"]
            and self.y >= box["y"]
            and self.x + self.width <= box["x"] + box["width"]
            and self.y + self.height <= box["y"] + box["height"]
        )


@dataclass(frozen=True)
class Badges:
    """What is shown on the pictures of a page."""

    page: Page
    world: Isolated

    def all(self, kind: str = "badge") -> list[Badge]:
        found = [Badge(**each) for each in self.world.evaluate(_BADGES) or []]
        return [each for each in found if each.kind == kind]

    def on(self, selector: str) -> list[Badge]:
        box = self.page.locator(selector).bounding_box()
        assert box is not None
        return [badge for badge in self.all() if badge.lies_on(dict(box))]

    def until(self, holds: Callable[[], Any], what: str, wait_s: float = WAIT_S) -> None:
        deadline = time.monotonic() + wait_s
        while not holds():
            assert time.monotonic() < deadline, f"waited for {what}; there is: {self.all()}"
            self.page.wait_for_timeout(30)

    def wait(self, count: int, wait_s: float = WAIT_S) -> list[Badge]:
        """Wait until so many badges are shown."""
        self.until(lambda: len(self.all()) == count, f"{count} badges", wait_s)
        return self.all()


def badges(browser: Extended, page: Page, frame: Frame | None = None) -> Badges:
    return Badges(page, browser.isolated(frame or page))


def popup(browser: Extended, page: Page, **query: str) -> Page:
    """Open the popup for the tab of a page, in a tab of its own: nobody can press the button."""
    page.bring_to_front()
    tab = browser.worker.evaluate(_TAB)
    opened = browser.context.new_page()
    more = "".join(f"&{name}={value}" for name, value in query.items())
    opened.goto(f"{browser.page_url('popup')}?tab={tab}{more}")
    opened.locator("body[data-ready]").wait_for()
    return opened


def switch(
    browser: Extended,
    page: Page,
    on: bool = True,
    which: str = "#on-site",
    granted: bool = False,
) -> None:
    """Switch scanning of the page's site on or off in the popup.

    `granted` stands for a person who says yes to the browser's question, where the manifest of
    the tests has not said so already.
    """
    opened = popup(browser, page)
    if granted:
        yes = "chrome.permissions.contains = async () => true;"
        browser.worker.evaluate(f"() => {{ {KEEP_REAL} {yes} }}")
        opened.evaluate("() => { chrome.permissions.request = async () => true; }")
    opened.locator(which).set_checked(on)
    opened.locator("body:not([data-turning])").wait_for()
    opened.close()
    page.bring_to_front()


def everything_off(browser: Extended) -> None:
    """Put scanning back to how it is at first: off everywhere."""
    browser.worker.evaluate(
        """async () => {
          await chrome.storage.local.remove(["scanning", "settings", "seenAnswers"]);
          await chrome.scripting.unregisterContentScripts().catch(() => {});
          await chrome.storage.session.clear();
          Object.assign(chrome.permissions, globalThis.real ?? {});
        }"""
    )
