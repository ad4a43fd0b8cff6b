"""A real Chromium with the extension in it, and eyes for what closed shadow roots hide."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.sync_api import (
    BrowserContext,
    BrowserType,
    CDPSession,
    Error,
    Frame,
    Page,
    Worker,
    sync_playwright,
)

from tests.dashboard.browser import CANDIDATES
from tests.extension.site import CDN, FRAMES, PAGES

EXTENSION = Path(__file__).parents[2] / "extension"
GRANTED = tuple(f"*://{host.removeprefix('http://')}/*" for host in (PAGES, FRAMES, CDN))
WAIT_S = 10.0
_DISPATCH = """
async (info) => {
  const [tab] = await chrome.tabs.query({ active: true, lastFocusedWindow: true });
  chrome.contextMenus.onClicked.dispatch({ frameId: 0, ...info }, tab);
}
"""
_FRAMES = """
async () => {
  const [tab] = await chrome.tabs.query({ active: true, lastFocusedWindow: true });
  const target = { tabId: tab.id, allFrames: true };
  return chrome.scripting.executeScript({ target, func: () => location.href });
}
"""
_HOSTS = """
  const shadows = [...document.querySelectorAll("brushmark-host")]
    .map((host) => chrome.dom.openOrClosedShadowRoot(host));
  const find = (selector) => shadows.map((s) => s.querySelector(selector)).find(Boolean) ?? null;
"""


def unpack(folder: Path, grants: tuple[str, ...] = GRANTED, locale: str | None = None) -> Path:
    """Copy the extension, granting hosts that a person would be asked about.

    Permission prompts cannot be answered by automation; the manifest that ships is tested apart.
    """
    shutil.copytree(EXTENSION, folder)
    path = folder / "manifest.json"
    manifest = json.loads(path.read_text("utf-8"))
    manifest["host_permissions"] += list(grants)
    if locale:
        manifest["default_locale"] = locale
    path.write_text(json.dumps(manifest), "utf-8")
    return folder


@dataclass
class Extended:
    """A browser with the extension, paired or not."""

    context: BrowserContext
    id: str
    _sessions: dict[Any, Isolated] = field(default_factory=dict)

    @property
    def worker(self) -> Worker:
        """The service worker that lives now; one that ended is woken."""
        deadline = time.monotonic() + WAIT_S
        while time.monotonic() < deadline:
            if self.context.service_workers:
                return self.context.service_workers[-1]
            self.wake()
        raise AssertionError("the service worker does not start")

    def wake(self) -> None:
        """Start the worker by asking it something, as any page of ours does."""
        page = self.context.new_page()
        page.goto(self.page_url("notice"))
        page.evaluate('chrome.runtime.sendMessage({type: "settings.read"})')
        page.close()

    def page_url(self, name: str) -> str:
        return f"chrome-extension://{self.id}/pages/{name}.html"

    def open(self, address: str) -> Page:
        """Open a page and wait until its pictures are there."""
        page = self.context.new_page()
        page.goto(address, wait_until="load")
        page.bring_to_front()
        return page

    def menu(self, page: Page, **info: Any) -> None:
        """Choose “Check image with Brushmark” from the menu, as if it could be clicked."""
        page.bring_to_front()
        self.worker.evaluate(_DISPATCH, info)

    def frame_id(self, address: str) -> int:
        """Return the browser's id of the frame that shows an address, in the tab in front."""
        found = self.worker.evaluate(_FRAMES)
        return next(int(each["frameId"]) for each in found if each["result"] == address)

    def isolated(self, where: Page | Frame) -> Isolated:
        """Look into the world that our script has in a page or frame."""
        if where not in self._sessions:
            try:
                session = self.context.new_cdp_session(where)
            except Error:  # a frame of the page's own site lives in the page's session
                assert isinstance(where, Frame)
                session = self.context.new_cdp_session(where.page)
            self._sessions[where] = Isolated(session, self.id, where)
        return self._sessions[where]

    def card(self, page: Page, frame: Frame | None = None) -> Card:
        return Card(page, self.isolated(frame or page))


class Isolated:
    """The world of our content scripts, where `chrome.dom` opens closed shadow roots."""

    def __init__(self, session: CDPSession, extension: str, where: Page | Frame) -> None:
        self._session = session
        self._where = where
        self._origin = f"chrome-extension://{extension}"
        self._contexts: list[int] = []
        session.on("Runtime.executionContextCreated", self._created)
        session.on("Runtime.executionContextsCleared", lambda *_: self._contexts.clear())
        session.send("Runtime.enable")

    def _created(self, event: dict[str, Any]) -> None:
        context = event["context"]
        if context["origin"] == self._origin and not context["auxData"].get("isDefault"):
            self._contexts.append(context["id"])

    def evaluate(self, expression: str) -> Any:
        """Evaluate an expression there; None while there is no such world."""
        for context in reversed(self._contexts):
            if self._in(context, "location.href") == self._where.url:
                return self._in(context, expression)
        return None

    def _in(self, context: int, expression: str) -> Any:
        options = {"contextId": context, "returnByValue": True, "awaitPromise": True}
        try:
            answer = self._session.send("Runtime.evaluate", {"expression": expression, **options})
        except Error:  # the context went with its document
            return None
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def inside(self, expression: str) -> Any:
        """Evaluate an expression that may use `find(selector)`, which looks into our shadows."""
        return self.evaluate(f"(() => {{ {_HOSTS} return {expression}; }})()")


@dataclass(frozen=True)
class Card:
    """The card on a page, as a person sees and uses it."""

    page: Page
    world: Isolated

    @property
    def phase(self) -> str | None:
        """“busy”, “verdict” or “problem”; None where there is no card."""
        return self.world.inside('find(".card")?.dataset.phase ?? null')

    @property
    def text(self) -> str:
        return str(self.world.inside('find(".card")?.innerText ?? ""'))

    @property
    def heading(self) -> str:
        return str(self.world.inside('find(".card h2")?.innerText ?? ""'))

    def wait(self, *phases: str) -> Card:
        """Wait until the card shows one of these phases."""
        self.until(lambda: self.phase in phases, f"a card in {phases}")
        return self

    def verdict(self) -> Card:
        """Wait for a verdict; a problem fails with its words."""
        self.wait("verdict", "problem")
        assert self.phase == "verdict", self.text
        return self

    def problem(self) -> Card:
        self.wait("verdict", "problem")
        assert self.phase == "problem", self.text
        return self

    def until(self, holds: Any, what: str) -> None:
        deadline = time.monotonic() + WAIT_S
        while not holds():
            assert time.monotonic() < deadline, f"waited for {what}; there is: {self.text!r}"
            self.page.wait_for_timeout(20)

    def box(self, selector: str) -> dict[str, float]:
        found = self.world.inside(
            f"(() => {{ const e = find({json.dumps(selector)}); if (!e) return null;"
            " const {x, y, width, height} = e.getBoundingClientRect();"
            " return {x, y, width, height}; })()"
        )
        assert found, f"no {selector} in {self.text!r}"
        return dict(found)

    def press(self, name: str) -> None:
        """Press a button with the mouse."""
        self.click(f'[data-press="{name}"]')

    def click(self, selector: str) -> None:
        self.world.inside(f"find({json.dumps(selector)})?.scrollIntoView({{block: 'nearest'}})")
        box = self.box(selector)
        self.page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)

    def has(self, selector: str) -> bool:
        return bool(self.world.inside(f"find({json.dumps(selector)}) !== null"))


def _await_settings(context: BrowserContext, address: str) -> None:
    """Wait for the settings, which open by themselves: in a blank tab of ours if they find one."""
    deadline = time.monotonic() + WAIT_S
    while not any(page.url == address for page in context.pages):
        assert time.monotonic() < deadline, "the settings do not open by themselves"
        context.pages[0].wait_for_timeout(20)


@contextmanager
def _chromium(beside: Extended | None) -> Iterator[BrowserType]:
    """Start Playwright; a thread can have one, so a second browser is a guest of the first."""
    if beside is None:
        with sync_playwright() as playwright:
            yield playwright.chromium
    else:
        assert beside.context.browser is not None
        yield beside.context.browser.browser_type


@contextmanager
def extended(
    folder: Path,
    profile: Path,
    site_port: int,
    *,
    beside: Extended | None = None,
    **options: Any,
) -> Iterator[Extended]:
    """Start a Chromium with an unpacked extension; every `.example` host is the fixture site."""
    found = next(filter(None, map(shutil.which, CANDIDATES)), None)
    assert found, f"a browser is needed: one of {', '.join(CANDIDATES)}"
    arguments = [
        "--headless=new",
        "--no-sandbox",
        f"--disable-extensions-except={folder}",
        f"--load-extension={folder}",
        f"--host-resolver-rules=MAP *.example 127.0.0.1:{site_port}",
        *options.pop("arguments", []),
    ]
    with _chromium(beside) as chromium:
        context = chromium.launch_persistent_context(
            profile,
            executable_path=found,
            headless=False,
            args=arguments,
            **options,
        )
        try:
            worker = (
                context.service_workers[0]
                if context.service_workers
                else context.wait_for_event("serviceworker")
            )
            browser = Extended(context, worker.url.split("/")[2])
            _await_settings(context, browser.page_url("options"))
            yield browser
        finally:
            context.close()
