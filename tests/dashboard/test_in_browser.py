"""The dashboard as a person meets it: a real browser, a real server, a real backend."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Request, expect

from backend.imaging.provenance.ledger import shipped_ledger
from backend.report.verify import read_report, verify
from tests.dashboard.browser import chromium, dashboard, drop, paste
from tests.dashboard.conftest import serving
from tests.fakes import FakeJudge
from tests.pictures import draw, encode

pytestmark = pytest.mark.browser

BRIGHT = encode(draw().point(lambda v: 190 + v // 4), "JPEG")
DARK = encode(draw().point(lambda v: v // 8), "PNG")
WAIT_MS = 30_000


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with (
        serving(tmp_path_factory.mktemp("browser") / "home") as backend,
        dashboard(backend.settings) as found,
    ):
        yield found


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as running:
        yield running


@pytest.fixture
def page(browser: Browser, address: str) -> Iterator[Page]:
    """The empty page; nothing on it may fail or reach for another machine."""
    context = browser.new_context()
    opened = context.new_page()
    complaints: list[str] = []

    def note(request: Request) -> None:
        if not request.url.startswith((address, "data:", f"blob:{address}")):
            complaints.append(request.url)

    opened.on("request", note)
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    opened.goto(address)
    yield opened
    context.close()
    assert complaints == []


def test_a_dropped_picture_gets_both_probabilities(page: Page) -> None:
    """A picture dropped on the page shows the outcome and both probabilities."""
    drop(page, "bright.jpg", BRIGHT)
    expect(page.get_by_text("Looks AI-generated", exact=True)).to_be_visible(timeout=WAIT_MS)
    expect(page.get_by_text("% AI-generated", exact=False).first).to_be_visible()
    expect(page.get_by_text("% human-made", exact=False).first).to_be_visible()
    expect(page.get_by_test_id("stImage").locator("img")).to_be_visible()


def test_the_page_where_one_arrives_has_a_name_too(page: Page, address: str) -> None:
    """A link to `/check`, typed, kept or opened in a new tab, shows the Check page."""
    page.goto(f"{address}/check")
    expect(page.get_by_role("heading", level=1)).to_have_text(
        "Did a person make this picture?", timeout=WAIT_MS
    )
    expect(page.get_by_text("Page not found")).to_have_count(0)
    page.wait_for_url(f"{address}/", timeout=WAIT_MS)


def test_a_report_can_be_kept(page: Page, tmp_path: Path) -> None:
    """The button gives the page to hand over, which holds against the picture."""
    drop(page, "bright.jpg", BRIGHT)
    button = page.get_by_role("button", name="Report")
    button.wait_for(timeout=WAIT_MS)
    with page.expect_download(timeout=WAIT_MS) as download:
        button.click()
    download.value.save_as(tmp_path / "report.html")
    found = read_report((tmp_path / "report.html").read_bytes())
    checks = verify(found, BRIGHT, FakeJudge(), shipped_ledger())
    assert all(check.holds for check in checks), checks


def test_a_pasted_picture_goes_the_same_way(page: Page) -> None:
    """A picture pasted anywhere on the page is checked like one that was dropped."""
    paste(page, "clipboard.png", DARK)
    expect(page.get_by_text("Looks human-made", exact=True)).to_be_visible(timeout=WAIT_MS)


def test_a_file_that_is_no_picture_says_what_to_do(page: Page) -> None:
    """A text file gets advice in place of a verdict."""
    drop(page, "notes.txt", b"no picture at all", "text/plain")
    expect(page.get_by_text("No verdict")).to_be_visible(timeout=WAIT_MS)
    expect(page.get_by_text("Use a JPEG, PNG, WebP, GIF or AVIF file.")).to_be_visible()


def test_a_files_name_is_never_markup(page: Page) -> None:
    """A name full of HTML and Markdown is shown letter by letter and runs nothing."""
    name = '<img src=x onerror="document.title=1">**b** [l](javascript:0) :red[x].jpg'
    drop(page, name, BRIGHT)
    expect(page.get_by_text("Looks AI-generated", exact=True)).to_be_visible(timeout=WAIT_MS)
    caption = page.get_by_test_id("stCaptionContainer").filter(has_text="onerror")
    expect(caption).to_contain_text("**b** [l](javascript:0) :red[x].jpg")
    expect(caption.locator("img, a, strong")).to_have_count(0)
    assert page.title() == "Brushmark"
