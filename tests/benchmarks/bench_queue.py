"""Time a curator's key to the next picture, in a real browser: `make bench-queue`.

Prints the median and the 95th percentile over fifty decisions, from the key being pressed to
the next picture being decoded and on the screen. Each decision is a durable commit.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from pathlib import Path

from playwright.sync_api import Page, expect

from backend.settings import KeepImages
from tests.dashboard.browser import chromium, dashboard
from tests.dashboard.conftest import serving
from tests.dashboard.filling import fill

DECISIONS = 50
AIM_MS = 300.0
_WATCH = """
(before) => new Promise((resolve) => {
  const look = () => {
    const image = document.querySelector('.st-key-large img');
    if (image && image.src !== before && image.complete && image.naturalWidth) resolve(image.src);
    else requestAnimationFrame(look);
  };
  look();
})
"""


def main(logged: int) -> None:
    """Fill a home, label by keyboard, print what it took."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        fill(home, logged)
        with (
            serving(home, keep_images=KeepImages.ALL) as backend,
            dashboard(backend.settings) as address,
            chromium() as browser,
        ):
            page = browser.new_page(viewport={"width": 1280, "height": 900})
            page.goto(f"{address}/queue")
            times = _decide(page)
    times.sort()
    p95 = times[round(0.95 * (len(times) - 1))]
    print(f"{len(times)} decisions over {logged} predictions, key to next picture:")
    print(f"  median {statistics.median(times):.0f} ms, p95 {p95:.0f} ms, worst {times[-1]:.0f} ms")
    print(f"  aim: under {AIM_MS:.0f} ms at the median: {statistics.median(times) < AIM_MS}")


def _decide(page: Page) -> list[float]:
    picture = page.locator(".st-key-large img")
    expect(picture).to_be_visible(timeout=30_000)
    page.wait_for_timeout(1500)
    times = []
    for number in range(DECISIONS):
        before = picture.get_attribute("src")
        source = page.evaluate("() => document.querySelector('.st-key-large img').src")
        started = time.perf_counter()
        page.keyboard.press("ah"[number % 2])
        page.evaluate(_WATCH, source)
        times.append((time.perf_counter() - started) * 1000)
        assert picture.get_attribute("src") != before
        page.wait_for_timeout(400)  # a person looks at the picture
    return times


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 500)
