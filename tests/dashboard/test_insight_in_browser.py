"""Quality in a real browser: a cell of the confusion matrix is chosen, and its pictures open."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from backend.domain import ModelRef
from tests.dashboard.browser import chromium, dashboard
from tests.dashboard.busy import fill
from tests.dashboard.conftest import RealBackend, serving
from tests.fakes import FakeJudge

pytestmark = pytest.mark.browser

WAIT_MS = 30_000


@pytest.fixture
def busy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealBackend]:
    home = tmp_path_factory.mktemp("busy") / "home"
    fill(home, 600, 200, ModelRef("fake-1", FakeJudge().ref.sha256))
    with serving(home, keep_addresses=True) as real:
        yield real


def test_a_cell_leads_to_its_pictures(busy: RealBackend) -> None:
    """A click on a square or a point names its pictures; the link opens the Gallery with them."""
    with dashboard(busy.settings) as address, chromium() as browser:
        page = browser.new_page(viewport={"width": 1280, "height": 1000})
        foreign: list[str] = []
        page.on("request", lambda r: None if address in r.url else foreign.append(r.url))
        page.goto(f"{address}/quality")
        expect(page.get_by_text("called AI", exact=False).first).to_be_visible(timeout=WAIT_MS)
        squares = page.locator(".js-plotly-plot").first.locator(".scatterlayer .point")
        expect(squares).to_have_count(8, timeout=WAIT_MS)
        box = squares.nth(1).bounding_box()  # AI-generated, called human-made
        assert box
        page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        link = page.get_by_role("link", name="AI-generated, called human-made")
        expect(link).to_be_visible(timeout=WAIT_MS)
        point = page.locator(".js-plotly-plot").nth(1).locator(".scatterlayer .point").first
        place = point.bounding_box()
        assert place
        page.mouse.click(place["x"] + place["width"] / 2, place["y"] + place["height"] / 2)
        behind = page.get_by_role("link", name=re.compile(r"Open \d+ of \w+\.example: human-made"))
        expect(behind).to_be_visible(timeout=WAIT_MS)
        assert "site=" in (behind.get_attribute("href") or "")
        link.click()
        page.wait_for_url("**/gallery?outcome=human_made&label=ai_generated", timeout=WAIT_MS)
        expect(page.get_by_role("heading", level=1)).to_be_visible(timeout=WAIT_MS)
        assert [url for url in foreign if not url.startswith(("data:", "blob:", "ws:"))] == []
