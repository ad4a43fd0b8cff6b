"""Every page of the dashboard over a log of 200,000 records: `make bench-dashboard`.

The log is put into a store directly: 200,000 predictions over forty days, 10,000 of them reviewed,
1,300 appealed. A real backend serves it. Each page is run by Streamlit's own harness, which tells
what it asks of the backend and how long each answer takes, and is opened in a real browser from the
menu, from the click until it stands. Prints the medians, the slowest, and the processor.
"""

from __future__ import annotations

import argparse
import os
import re
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from typing import Any
from unittest import mock
from urllib.parse import urlsplit

import numpy as np
import requests
from playwright.sync_api import Page
from streamlit.testing.v1 import AppTest
from streamlit.util import calc_hash

from backend.cli.streamlit_program import (
    dashboard_environment,
    dashboard_url,
)
from backend.model.registry import find_card
from backend.settings import Settings
from tests.benchmarks.bench_log import processor
from tests.dashboard.browser import backend_and_dashboard, chromium
from tests.dashboard.busy import fill
from tests.dashboard.harness import APP
from tests.pictures import draw, encode

RECORDS, REVIEWED = 200_000, 10_000
DATA_MS, PAGE_MS = 300, 1000
ROUNDS = 7
KEPT = 200
"""Pictures that are kept: of the newest and of the most uncertain records, which pages show."""
PARTS = ("Mistakes", "Thresholds", "Scores", "Reviewers", "Models")
_OPEN = """
async (address) => {
  const stands = () => location.pathname.endsWith("/" + address)
    && document.querySelector('.stApp[data-test-script-state="notRunning"]')
    && document.querySelector('[data-testid="stMainBlockContainer"] h1')
    && !document.querySelector('[data-testid="stMainBlockContainer"] [data-stale="true"]');
  const link = [...document.querySelectorAll('[data-testid="stSidebarNavLink"]')]
    .find((each) => new URL(each.href).pathname.endsWith("/" + address));
  const frame = () => new Promise((next) => requestAnimationFrame(next));
  const started = performance.now();
  link.click();
  // The script begins a moment after the click; until then the page before still stands.
  while (document.querySelector('.stApp[data-test-script-state="notRunning"]')
         && performance.now() - started < 150) await frame();
  while (!stands() && performance.now() - started < 20000) await frame();
  return performance.now() - started;
}
"""


def main() -> None:
    """Fill, serve, measure, print; exit 1 where a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--records", type=int, default=RECORDS)
    parser.add_argument("--home", type=Path, help="keep the filled home here, and use it again")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = given.home or Path(folder) / "home"
        settings = filled(home, given.records)
        print(f"processor: {processor()}, {os.cpu_count()} cores; Python {sys.version.split()[0]}")
        with backend_and_dashboard(settings, BRUSHMARK_KEEP_ADDRESSES="on") as running:
            missed = measure_data(running) + measure_pages(running)
    if missed:
        print(f"missed: {', '.join(missed)}")
    sys.exit(bool(missed))


def filled(home: Path, count: int) -> Settings:
    """Fill a home, unless it is filled."""
    settings = Settings(home=home, keep_addresses=True)
    if not settings.store_path.exists():
        started = time.perf_counter()
        card = find_card(settings)
        vector = np.random.default_rng(0).random(card.feature_size).astype("<f2").tobytes()
        pictures = [encode(draw(640, 480, seed)) for seed in range(KEPT)]
        fill(home, count, max(count * REVIEWED // RECORDS, 40), card.ref, vector, pictures)
        print(f"filled with {count:,} records in {time.perf_counter() - started:.0f} s")
    print(f"store of {settings.store_path.stat().st_size / 1e6:.0f} MB")
    return settings


def pages() -> list[tuple[str, dict[str, str]]]:
    """Name every page of the menu; those that have parts with each part."""
    found: list[tuple[str, dict[str, str]]] = []
    for address in _addresses():
        if address == "quality":
            found += [(address, {"part": part}) for part in PARTS]
            found.append((address, {"sample": "Random audit"}))
        else:
            found.append((address, {}))
    return found


def _addresses() -> list[str]:
    text = Path(APP).read_text(encoding="utf-8")
    return re.findall(r'Entry\(\s*"[^"]*",\s*"[^"]*",\s*"([^"]+)"', text)


def measure_data(settings: Settings) -> list[str]:
    """Time what each page asks of the backend; return what misses its target."""
    os.environ.update(dashboard_environment(settings))
    missed = []
    print("\n| page | requests | slowest answer ms | all its data ms | script ms |")
    print("|---|---:|---:|---:|---:|")
    for address, query in pages():
        runs = [run(address, query) for _ in range(ROUNDS)][1:]
        by_path: dict[str, list[float]] = defaultdict(list)
        for asked, _ in runs:
            for path, elapsed_ms in asked:
                by_path[path].append(elapsed_ms)
        slowest = max(
            ((statistics.median(times), path) for path, times in by_path.items()),
            default=(0.0, "nothing"),
        )
        together = statistics.median(sum(ms for _, ms in asked) for asked, _ in runs)
        script = statistics.median(total for _, total in runs)
        name = " ".join([address, *query.values()])
        count = round(statistics.mean(len(asked) for asked, _ in runs))
        worst = f"{slowest[0]:.0f} ({slowest[1]})"
        print(f"| {name} | {count} | {worst} | {together:.0f} | {script:.0f} |")
        if slowest[0] > DATA_MS:
            missed.append(f"{name}: {slowest[1]} takes {slowest[0]:.0f} ms")
    return missed


def run(address: str, query: dict[str, str]) -> tuple[list[tuple[str, float]], float]:
    """Run a page once, with nothing remembered; return its requests and how long it took, in ms."""
    asked: list[tuple[str, float]] = []
    plain = requests.Session.request

    def timed(self: requests.Session, method: str, url: str, **more: Any) -> requests.Response:
        started = time.perf_counter()
        answer = plain(self, method, url, **more)
        elapsed_ms = (time.perf_counter() - started) * 1000
        asked.append((urlsplit(url).path.removeprefix("/api/v1"), elapsed_ms))
        assert answer.status_code in {200, 404}, (url, answer.text)  # 404: no picture was kept
        return answer

    page = AppTest.from_file(APP, default_timeout=60)
    page._page_hash = calc_hash(address)
    for name, value in query.items():
        page.query_params[name] = value
    started = time.perf_counter()
    with mock.patch.object(requests.Session, "request", timed):
        page.run()
    assert not page.exception, (address, page.exception)
    return asked, (time.perf_counter() - started) * 1000


def measure_pages(settings: Settings) -> list[str]:
    """Open every page from the menu in a browser; return what misses its target."""
    missed = []
    print("\n| page, opened from the menu | median ms | slowest ms |")
    print("|---|---:|---:|")
    with chromium() as browser:
        page: Page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.goto(dashboard_url(settings))
        page.get_by_test_id("stSidebarNavLink").first.wait_for(timeout=30_000)
        page.wait_for_timeout(1500)
        times: dict[str, list[float]] = defaultdict(list)
        for _ in range(ROUNDS):
            for address in [a for a in _addresses() if a != "check"]:
                times[address].append(page.evaluate(_OPEN, address))
                page.wait_for_timeout(300)
    for address, each in times.items():
        median = statistics.median(each[1:])
        print(f"| {address} | {median:.0f} | {max(each[1:]):.0f} |")
        if median > PAGE_MS:
            missed.append(f"the page {address} takes {median:.0f} ms")
    return missed


if __name__ == "__main__":
    main()
