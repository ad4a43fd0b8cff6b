"""Time a click to its verdict, and what 200 scanned pictures cost a page: `make bench-extension`.

A real Chromium with the unpacked extension, a backend in a process of its own, pictures that nobody
has seen before. The menu itself cannot be pressed by automation: the clock starts where the browser
hands the choice to the extension, and stops when the card shows the verdict, by the page's clock.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import ImageDraw
from playwright.sync_api import Page

from backend.access import new_pairing_code
from backend.model.processor import this_processor
from backend.settings import Settings
from backend.storage import open_repository
from tests.benchmarks.serving_report import percentile
from tests.extension.browser import Extended, extended, unpack
from tests.extension.conftest import pair
from tests.extension.scanning import badges, switch
from tests.extension.site import CDN, File, Site, serving_sites
from tests.pictures import draw, encode

ROOT = Path(__file__).parents[2]
CLICKS = 30
WARM_UP = 4
REST_MS = 600
"""A person sees a page before clicking in it: by then its pictures are drawn."""
SCANNED = 200
_CLICK = """
async (info) => {
  const [tab] = await chrome.tabs.query({ active: true, lastFocusedWindow: true });
  const at = Date.now();
  chrome.contextMenus.onClicked.dispatch({ frameId: 0, ...info }, tab);
  return at;
}
"""
# Watches the card from within: to ask again and again would take the processor from the check.
_WATCH_CARD = """
(() => {
  globalThis.told = null;
  const open = (host) => chrome.dom.openOrClosedShadowRoot(host)?.querySelector(".card");
  const look = () => {
    const card = [...document.querySelectorAll("brushmark-host")].map(open).find(Boolean);
    if (!card || globalThis.told) return;
    const {phase} = card.dataset;
    if (phase === "verdict" || phase === "problem") globalThis.told = [phase, Date.now()];
    else if (card !== globalThis.watched) {
      globalThis.watched = card;
      new MutationObserver(look).observe(card, {attributeFilter: ["data-phase"]});
    }
  };
  globalThis.watching?.disconnect();
  globalThis.watching = new MutationObserver(look);
  globalThis.watching.observe(document, {childList: true, subtree: true});
  look();
  return true;
})()
"""
_WATCH = """
window.long = [];
new PerformanceObserver((list) => window.long.push(...list.getEntries().map((e) => e.duration)))
  .observe({type: "longtask", buffered: true});
"""


@dataclass(frozen=True)
class Served:
    """`brushmark serve` in a process of its own."""

    settings: Settings
    base: str

    def pairing_code(self) -> str:
        repository = open_repository(self.settings)
        try:
            return new_pairing_code(repository)
        finally:
            repository.close()


@contextmanager
def served(home: Path) -> Iterator[Served]:
    """Serve a home as a person does, until the block ends."""
    own = {"BRUSHMARK_HOME": str(home), "BRUSHMARK_PORT": "0"}
    command = [sys.executable, "-u", "-m", "backend.cli", "serve", "--quiet"]
    process = subprocess.Popen(
        command, cwd=ROOT, env={**os.environ, **own}, stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        address = process.stdout.readline().split()[-1]
        yield Served(Settings(home=home), address)
    finally:
        process.terminate()
        process.wait(timeout=30)


def click_ms(browser: Extended, page: Page, source: str) -> float:
    """Return how long a picture took from the choice in the menu to its verdict in the card."""
    world = browser.isolated(page)
    watched = world.evaluate(_WATCH_CARD)
    started = browser.worker.evaluate(_CLICK, {"mediaType": "image", "srcUrl": source})
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        # On a new page there is no world of our script before the click.
        watched = watched or world.evaluate(_WATCH_CARD)
        if watched and (told := world.evaluate("globalThis.told")):
            phase, now = told
            assert phase == "verdict", browser.card(page).text
            return float(now - started)
        page.wait_for_timeout(30 if watched else 5)
    raise AssertionError(f"no verdict on {source}: {browser.card(page).text!r}")


def distinct(width: int, height: int, count: int) -> Iterator[bytes]:
    """Draw one picture and set a different mark on it for each, so that nobody has seen it."""
    picture = draw(width, height, seed=width)
    for number in range(count):
        marked = picture.copy()
        ImageDraw.Draw(marked).ellipse((number, 40, number + 90, 120), fill=(number % 256, 90, 30))
        yield encode(marked, "JPEG", quality=88)


def measure_clicks(browser: Extended, site: Site) -> tuple[list[float], list[float]]:
    """Time the first click on each of many pages, and a second one on another picture there."""
    first: list[float] = []
    again: list[float] = []
    pictures = distinct(1920, 1080, 2 * (CLICKS + WARM_UP))
    for number in range(CLICKS + WARM_UP):
        sources = [f"{CDN}/click-{number}-{which}.jpg" for which in "ab"]
        for source in sources:
            site.put(source, File(next(pictures), "image/jpeg"))
        body = "".join(f"<img src={source} width=400>" for source in sources)
        page = browser.open(site.page(body, f"/click-{number}"))
        page.wait_for_timeout(REST_MS)
        times = first.append, again.append
        for source, keep in zip(sources, times, strict=True):
            keep(click_ms(browser, page, source))
            page.keyboard.press("Escape")
        page.close()
    return first[WARM_UP:], again[WARM_UP:]


def scroll_through(page: Page) -> None:
    """Read a page as a person does: a step, a pause, a step."""
    height = page.evaluate("document.documentElement.scrollHeight")
    for top in range(0, height, 450):
        page.mouse.wheel(0, 450)
        page.wait_for_timeout(120)
        assert top < height


def measure_page(browser: Extended, site: Site) -> None:
    """Scroll through many pictures without and with scanning, and print what held the page up."""
    for number, picture in enumerate(distinct(640, 480, SCANNED)):
        site.put(f"{CDN}/many-{number}.jpg", File(picture, "image/jpeg"))
    images = "".join(
        f"<img src={CDN}/many-{n}.jpg width=300 height=225 loading=lazy>" for n in range(SCANNED)
    )
    address = site.page(f"<script>{_WATCH}</script>{images}", "/many")
    for scanned in (False, True):
        page = browser.open(address)
        if scanned:
            switch(browser, page)
            page.reload()
        traced = trace(browser, page, lambda page=page: scroll_through(page))
        seen = count_badges(browser, page) if scanned else 0
        report(page, scanned, seen, ours_ms(traced, browser.id))
        page.close()


def count_badges(browser: Extended, page: Page) -> int:
    """Wait until the pictures in view have their badges, and return how many were found in all."""
    badges(browser, page).until(lambda: badges(browser, page).all(), "badges")
    page.wait_for_timeout(1500)
    reports = browser.worker.evaluate(
        "async () => Object.entries(await chrome.storage.session.get(null))"
        ".filter(([name]) => name.startsWith('page:'))"
        ".flatMap(([, page]) => Object.values(page.frames)).map((frame) => frame.items.length)"
    )
    return int(sum(reports))


def trace(browser: Extended, page: Page, work: Any) -> list[dict[str, Any]]:
    """Record what the page's threads did meanwhile."""
    chromium = browser.context.browser
    assert chromium is not None
    chromium.start_tracing(page=page, categories=["devtools.timeline", "toplevel"])
    work()
    return list(json.loads(chromium.stop_tracing())["traceEvents"])


def ours_ms(events: list[dict[str, Any]], extension: str) -> list[float]:
    """Return how long each call into a script of ours in the page took, longest first."""
    ours = [
        event["dur"] / 1000
        for event in events
        if event.get("name") in {"FunctionCall", "EvaluateScript"}
        and extension in json.dumps(event.get("args", {}))
        and "/content/" in json.dumps(event["args"])
    ]
    return sorted(ours, reverse=True)


def report(page: Page, scanned: bool, seen: int, calls: list[float]) -> None:
    """Print one line about a page."""
    long = page.evaluate("window.long")
    words = f"scanned ({seen} verdicts)" if scanned else "not scanned"
    print(
        f"{SCANNED} pictures, {words}: {len(long)} long tasks (over 50 ms) of the page in all, "
        f"the longest {max(long, default=0):.0f} ms"
    )
    if calls:
        print(
            f"  ours: {len(calls)} calls, {sum(calls):.0f} ms together, the longest "
            f"{calls[0]:.1f} ms, 99th percentile {percentile(calls, 99):.1f} ms"
        )


def main() -> None:
    print(f"{this_processor().summary}; load before: {os.getloadavg()[0]:.2f}")
    build = ROOT / "build"
    build.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=build) as work, serving_sites() as site:
        root = Path(work)
        folder = unpack(root / "extension")
        with (
            served(root / "home") as backend,
            extended(folder, root / "profile", site.port) as browser,
        ):
            pair(browser, backend)  # type: ignore[arg-type]
            first, again = measure_clicks(browser, site)
            for words, times in (("first click on a page", first), ("again there", again)):
                print(
                    f"1920x1080 JPEG, {words}: median {statistics.median(times):.0f} ms, "
                    f"p95 {percentile(times, 95):.0f} ms, of {len(times)}"
                )
            measure_page(browser, site)


if __name__ == "__main__":
    main()
