"""A curator's day in a real browser: five hundred logged predictions, keys, batches, slips."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from backend.domain import ReviewLabel
from backend.settings import KeepImages
from backend.storage import open_repository
from backend.storage.repository import Mark, PredictionFilter, Stats
from tests.dashboard.browser import chromium, dashboard
from tests.dashboard.conftest import RealBackend, serving

pytestmark = pytest.mark.browser

LOGGED, LABELLED, UNDONE, BATCH, TOGETHER = 500, 50, 10, 30, 3
WAIT_MS = 30_000
TITLE = re.compile(r"“Picture number \d+”")
KEYS = {"a": "ai_generated", "h": "human_made", "t": "cannot_tell"}


@pytest.fixture(scope="module")
def stocked(filled_home: Callable[[int], Path]) -> Iterator[RealBackend]:
    """A backend with five hundred predictions, logged through the service."""
    with serving(filled_home(LOGGED), keep_images=KeepImages.ALL, keep_addresses=True) as real:
        yield real


@pytest.fixture(scope="module")
def address(stocked: RealBackend) -> Iterator[str]:
    with dashboard(stocked.settings) as found:
        yield found


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as running:
        yield running


@pytest.fixture
def page(browser: Browser, address: str) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    opened = context.new_page()
    failures: list[str] = []
    opened.on("pageerror", lambda error: failures.append(str(error)))
    yield opened
    context.close()
    assert failures == []


def stats(real: RealBackend) -> Stats:
    repository = open_repository(real.settings)
    try:
        return repository.stats()
    finally:
        repository.close()


def test_fifty_by_keyboard_and_ten_taken_back(
    page: Page, address: str, stocked: RealBackend
) -> None:
    """A key a picture labels fifty, each shown once; ten undone are ten labels fewer in the log."""
    sit_down(page, f"{address}/queue")
    decided = page.get_by_text("decided in this sitting")
    expect(decided).to_contain_text("0 decided", timeout=WAIT_MS)
    seen = []
    for number in range(LABELLED):
        seen.append(title_of(page))
        key = list(KEYS)[number % len(KEYS)]
        page.keyboard.press(key)
        wait_for_the_next(page, seen[-1], key)
    expect(decided).to_contain_text(f"{LABELLED} decided", timeout=WAIT_MS)
    assert len(set(seen)) == LABELLED
    for number in range(UNDONE):
        page.keyboard.press("z")
        left = LABELLED - number - 1
        expect(decided).to_contain_text(f"{left} decided", timeout=WAIT_MS)
    expect(page.get_by_text(seen[LABELLED - UNDONE])).to_have_count(1, timeout=WAIT_MS)
    labels = stats(stocked).by_label
    wanted = [list(KEYS.values())[n % len(KEYS)] for n in range(LABELLED - UNDONE)]
    assert dict(labels) == {label: wanted.count(label) for label in KEYS.values()}


def test_two_curators_at_once(browser: Browser, address: str, stocked: RealBackend) -> None:
    """Two windows get different pictures; where both have one, the first label of it stands."""
    before = stats(stocked).reviewed
    with browser.new_context() as first, browser.new_context() as second:
        ann, bob = first.new_page(), second.new_page()
        for each in (ann, bob):
            sit_down(each, f"{address}/queue")
        seen = []
        for _ in range(TOGETHER):
            for each, key in ((ann, "a"), (bob, "h")):
                seen.append(title_of(each))
                each.keyboard.press(key)
            for each, shown, key in ((ann, seen[-2], "a"), (bob, seen[-1], "h")):
                wait_for_the_next(each, shown, key)
        assert len(set(seen)) == 2 * TOGETHER
        assert stats(stocked).reviewed == before + 2 * TOGETHER
        for each in (ann, bob):
            sit_down(each, f"{address}/queue?desk=shared")
        shown = title_of(ann)
        assert title_of(bob) == shown
        ann.keyboard.press("a")
        wait_for_the_next(ann, shown, "a")
        bob.keyboard.press("h")
        expect(bob.get_by_text("Theirs stands; here is the next.")).to_be_visible(timeout=WAIT_MS)
    repository = open_repository(stocked.settings)
    latest = repository.list_reviews(1)[0]
    record = repository.get_prediction(latest.prediction_id)
    repository.close()
    assert record is not None
    assert f"“{record.context.page_title}”" == shown
    assert latest.label == ReviewLabel.AI_GENERATED
    assert stats(stocked).reviewed == before + 2 * TOGETHER + 1


def sit_down(page: Page, link: str) -> None:
    """Open a queue, and wait until its keys are listened to."""
    page.goto(link)
    page.get_by_text(TITLE).wait_for(timeout=WAIT_MS)
    wait_for_rest(page)
    page.wait_for_timeout(1500)


def wait_for_rest(page: Page) -> None:
    """Wait until the page stands: the buttons of a picture come a moment after its title."""
    page.locator('.stApp[data-test-script-state="notRunning"]').wait_for(timeout=WAIT_MS)


def title_of(page: Page) -> str:
    """What names the picture that is before a curator."""
    return TITLE.findall(page.get_by_text(TITLE).inner_text())[0]


def wait_for_the_next(page: Page, shown: str, key: str) -> None:
    """Wait until a picture has gone: for a moment it stands beside the next one.

    A key that comes before the buttons stand is not heard, and the picture stays: then it is
    pressed once more, as a person does. Were it heard twice, the labels would not add up.
    """
    try:
        expect(page.get_by_text(shown)).to_have_count(0, timeout=WAIT_MS / 2)
    except AssertionError:
        page.keyboard.press(key)
        expect(page.get_by_text(shown)).to_have_count(0, timeout=WAIT_MS)
    expect(page.get_by_text(TITLE)).to_have_count(1, timeout=WAIT_MS)
    wait_for_rest(page)


def test_typing_a_note_decides_nothing(page: Page, address: str, stocked: RealBackend) -> None:
    """Letters typed into the note are the note's; the key that follows sends both."""
    before = stats(stocked).reviewed
    page.goto(f"{address}/queue")
    note = page.get_by_placeholder("A note, if you like")
    note.wait_for(timeout=WAIT_MS)
    note.fill("a hat that has both hands")
    note.press("Enter")
    note.evaluate("element => element.blur()")
    page.wait_for_timeout(300)
    assert stats(stocked).reviewed == before
    page.keyboard.press("h")
    expect(page.get_by_text("decided in this sitting")).to_contain_text("1 decided")
    repository = open_repository(stocked.settings)
    assert repository.list_reviews(1)[0].note == "a hat that has both hands"
    repository.close()


def test_thirty_are_labelled_at_once(page: Page, address: str, stocked: RealBackend) -> None:
    """A page of the Gallery and some of the next get one label, are undone, and are redone."""
    before = stats(stocked).reviewed
    page.goto(f"{address}/gallery?reviewed=false&alike=false")
    page.get_by_role("button", name="Select this page").click(timeout=WAIT_MS)
    expect(page.get_by_text("24 selected")).to_be_visible(timeout=WAIT_MS)
    page.get_by_role("button", name="Next").click()
    expect(page.get_by_text("25 to 48")).to_be_visible(timeout=WAIT_MS)
    wait_for_rest(page)  # a click on a page that is still being drawn is lost
    tiles = page.locator('[class*="st-key-pick-"] label')
    for number in range(BATCH - 24):
        tiles.nth(number).click()
        expect(page.get_by_text(f"{25 + number} selected")).to_be_visible(timeout=WAIT_MS)
    label = page.get_by_role("button", name="human-made", exact=True)
    label.click()
    expect(page.get_by_text(f"{BATCH} labelled human-made.")).to_be_visible(timeout=WAIT_MS)
    assert stats(stocked).reviewed == before + BATCH
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_text("labelled human-made.")).to_have_count(0, timeout=WAIT_MS)
    assert stats(stocked).reviewed == before


def test_a_page_turned_at_once_stays_selected(page: Page, address: str) -> None:
    """Whoever turns the page before its boxes show that they are ticked loses none of them."""
    page.goto(f"{address}/gallery?alike=false")
    select = page.get_by_role("button", name="Select this page")
    select.wait_for(timeout=WAIT_MS)
    wait_for_rest(page)
    page.evaluate(TURN_ONCE_SELECTED)
    select.click()
    expect(page.get_by_text("25 to 48")).to_be_visible(timeout=WAIT_MS)
    wait_for_rest(page)
    expect(page.get_by_text("24 selected")).to_be_visible(timeout=WAIT_MS)
    page.get_by_role("button", name="Back").click()
    expect(page.get_by_text("1 to 24")).to_be_visible(timeout=WAIT_MS)
    wait_for_rest(page)
    expect(page.get_by_role("checkbox", checked=True)).to_have_count(24, timeout=WAIT_MS)


TURN_ONCE_SELECTED = """() => {
    const watch = new MutationObserver(() => {
        if (!document.body.textContent.includes("24 selected")) return;
        watch.disconnect();
        document.querySelector(".st-key-page-next button").click();
    });
    watch.observe(document.body, {childList: true, subtree: true, characterData: true});
}"""


def test_thresholds_are_published_and_reviews_exported(
    page: Page, address: str, stocked: RealBackend, tmp_path: Path
) -> None:
    """A moved threshold becomes a policy; the filter on the screen becomes a zip that opens."""
    page.goto(f"{address}/quality")
    page.get_by_text("Thresholds", exact=True).click(timeout=WAIT_MS)
    handle = page.get_by_test_id("stMain").get_by_role("slider").last
    handle.focus(timeout=WAIT_MS)
    for _ in range(3):
        page.keyboard.press("ArrowLeft")
    publish = page.get_by_role("button", name="Publish as policy 1")
    expect(publish).to_be_enabled(timeout=WAIT_MS)
    publish.click()
    expect(page.get_by_role("button", name="Publish as policy 2")).to_be_visible(timeout=WAIT_MS)
    repository = open_repository(stocked.settings)
    policy = repository.latest_policy()
    human = repository.count_predictions(PredictionFilter(label=ReviewLabel.HUMAN_MADE))
    repository.close()
    assert policy is not None
    assert (policy.number, policy.ai_at_least < 0.8) == (1, True)
    page.goto(f"{address}/gallery?label=human_made")
    page.get_by_role("link", name="Export these").click(timeout=WAIT_MS)
    page.get_by_role("button", name="Make the data set").click(timeout=WAIT_MS)
    expect(page.get_by_text("The data set is made")).to_be_visible(timeout=WAIT_MS)
    with page.expect_download(timeout=WAIT_MS) as download:
        page.get_by_test_id("stDownloadButton").first.get_by_role("button").click()
    download.value.save_as(tmp_path / "export.zip")
    with zipfile.ZipFile(tmp_path / "export.zip") as archive:
        assert archive.testzip() is None
        pictures = [name for name in archive.namelist() if name.endswith(".jpg")]
    assert 0 < len(pictures) <= human
    assert all("human_made" in name for name in pictures)


def test_a_link_from_the_extension_opens_its_record(
    page: Page, address: str, stocked: RealBackend
) -> None:
    """`/gallery?id=` opens the record's drawer; Escape closes it and cleans the address."""
    repository = open_repository(stocked.settings)
    record = repository.list_waiting(Mark.UNCERTAIN)[0]
    repository.close()
    page.goto(f"{address}/gallery?id={record.id}")
    drawer = page.get_by_role("dialog")
    expect(drawer.get_by_text(str(record.context.page_title))).to_be_visible(timeout=WAIT_MS)
    expect(drawer.locator("a")).to_have_count(0)  # addresses of strangers are text
    page.keyboard.press("Escape")
    expect(drawer).to_have_count(0, timeout=WAIT_MS)
    page.wait_for_url(f"{address}/gallery", timeout=WAIT_MS)
