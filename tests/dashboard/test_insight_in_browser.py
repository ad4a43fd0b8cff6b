"""Quality in a real browser: a cell of the confusion matrix is chosen, and its pictures open."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

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
    """A click on a square or a point of any group names its pictures; the link opens just them."""
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
        click_first_point(page, 1)
        behind = page.get_by_role("link", name=re.compile(r"Open \d+ of \w+\.example: human-made"))
        expect(behind).to_be_visible(timeout=WAIT_MS)
        assert "site=" in (behind.get_attribute("href") or "")
        link.click()
        page.wait_for_url("**/gallery?outcome=human_made&label=ai_generated", timeout=WAIT_MS)
        expect(page.get_by_role("heading", level=1)).to_be_visible(timeout=WAIT_MS)
        page.go_back()
        page.get_by_role("combobox", name="By").click()
        page.get_by_role("option", name="Short side").click()
        sizes = page.locator(".js-plotly-plot").nth(1)
        expect(sizes.get_by_text("1000 px and more")).to_be_visible(timeout=WAIT_MS)
        click_first_point(page, 1)
        small = page.get_by_role("link", name=re.compile(r"Open \d+ of .* px.*: human-made"))
        expect(small).to_be_visible(timeout=WAIT_MS)
        number = re.findall(r"Open (\d+)", small.inner_text())[0]
        small.click()
        page.wait_for_url("**/gallery?*size=*", timeout=WAIT_MS)
        expect(page.get_by_text(f"of {number}", exact=False).first).to_be_visible(timeout=WAIT_MS)
        assert [url for url in foreign if not url.startswith(("data:", "blob:", "ws:"))] == []


def click_first_point(page: Page, figure: int) -> None:
    """Click where the first point of a figure lies, once it has come to rest."""
    point = page.locator(".js-plotly-plot").nth(figure).locator(".scatterlayer .point").first
    page.wait_for_timeout(500)
    place = point.bounding_box()
    assert place
    page.mouse.click(place["x"] + place["width"] / 2, place["y"] + place["height"] / 2)
