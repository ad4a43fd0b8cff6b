"""The Gallery page, run by Streamlit's own harness against a real backend."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NoReturn

import pytest
from hypothesis import given
from hypothesis import strategies as st
from streamlit.testing.v1 import AppTest

from backend.domain import AuditEvent, Outcome, PredictionRecord
from backend.settings import KeepImages
from backend.storage import open_repository
from backend.storage.images import ImageStore
from backend.storage.repository import MAX_PAGE, PredictionFilter
from dashboard.alike import together
from dashboard.client import Failure, reviews
from dashboard.filters import for_backend, readable
from tests.dashboard.conftest import RealBackend, serving
from tests.dashboard.harness import go, open_page, text
from tests.records import appeal, review


@pytest.fixture
def own(filled_home: Callable[[int], Path]) -> Iterator[RealBackend]:
    """A backend of its own, for a test that writes."""
    with serving(filled_home(40), keep_images=KeepImages.ALL, keep_addresses=True) as real:
        yield real


def logged(real: RealBackend, **where: object) -> list[PredictionRecord]:
    repository = open_repository(real.settings)
    try:
        return list(repository.list_predictions(PredictionFilter(**where), limit=200).records)
    finally:
        repository.close()


def every_record(real: RealBackend) -> Iterator[PredictionRecord]:
    repository = open_repository(real.settings)
    try:
        page = repository.list_predictions(PredictionFilter(), limit=MAX_PAGE)
        yield from page.records
        while page.next_cursor:
            page = repository.list_predictions(
                PredictionFilter(), limit=MAX_PAGE, cursor=page.next_cursor
            )
            yield from page.records
    finally:
        repository.close()


def reviewed(real: RealBackend) -> dict[str, int]:
    repository = open_repository(real.settings)
    try:
        return {k: v for k, v in repository.stats().by_label.items() if v}
    finally:
        repository.close()


def down(*_: object) -> NoReturn:
    raise Failure("No backend answers.", "Start it.", True)


def press(page: AppTest, words: str) -> AppTest:
    (button,) = [b for b in page.button if b.label == words]
    return button.click().run()


def tiles(page: AppTest) -> list[str]:
    return [b.key.removeprefix("open-") for b in page.button if str(b.key).startswith("open-")]


def test_the_log_is_a_grid_in_pages(stocked: RealBackend, monkeypatch: pytest.MonkeyPatch) -> None:
    """Twenty-four records a page, newest first, forth and back; copies lie together."""
    page = open_page(stocked.environment, monkeypatch, "gallery")
    records = [r.id for r in logged(stocked)]
    assert "1 to 24 of 40" in text(page)
    first = tiles(page)
    assert set(first) < set(records[:24])
    copies = sum("2 alike" in b.label for b in page.button)
    assert copies == 24 - len(first) > 0
    page = press(page, "Next")
    assert "25 to 40 of 40" in text(page)
    assert set(tiles(page)) <= set(records[24:])
    page = press(page, "Back")
    assert tiles(page) == first
    page = page.toggle(key="gallery-alike").set_value(False).run()
    assert tiles(page) == records[:24]


def test_every_filter_is_followed_and_stands_in_the_link(
    stocked: RealBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is chosen narrows the grid, is written into the address, and is read back from it."""
    page = open_page(stocked.environment, monkeypatch, "gallery")
    page.selectbox(key="gallery-outcome").set_value("uncertain").run()
    page.text_input(key="gallery-site").set_value("forum.example").run()
    page.slider(key="gallery-score").set_value((30, 100)).run()
    page.toggle(key="gallery-alike").set_value(False).run()
    page.selectbox(key="gallery-sort").set_value("-score").run()
    wanted = logged(stocked, outcome=Outcome.UNCERTAIN, site="forum.example", min_score=0.3)
    assert 0 < len(wanted) < 24
    assert sorted(tiles(page)) == sorted(r.id for r in wanted)
    link = dict(page.query_params)
    assert link == {
        "outcome": "uncertain",
        "site": "forum.example",
        "min_score": "0.3",
        "alike": "false",
        "sort": "-score",
    }
    again = open_page(stocked.environment, monkeypatch, "gallery", **link)
    assert tiles(again) == tiles(page)
    assert again.selectbox(key="gallery-outcome").value == "uncertain"
    for name, value, total in (
        ("reviewed", "true", 0),
        ("reviewed", "false", 40),
        ("label", "human_made", 0),
        ("source", "api", len([r for r in logged(stocked) if r.context.source == "api"])),
        ("model", "fake-1", 40),
        ("conflict", "true", 0),
        ("audit", "true", len(logged(stocked, audit=True))),
        ("policy", "0", 40),
        ("policy", "3", 0),
        ("evidence", "none", 40),
        ("evidence", "c2pa verified", 0),
        ("generator", "DALL·E 3", 0),
        ("size", "under_300", 40),
        ("size", "from_1000", 0),
        ("format", "JPEG", 40),
        ("format", "TIFF", 0),
        ("since", "2099-01-01", 0),
        ("until", "2099-01-01", 40),
        ("q", "number 12", 1),
    ):
        page = open_page(stocked.environment, monkeypatch, "gallery", **{name: value})
        words = text(page)
        assert f"of {total}" in words if total else "Nothing matches" in words, name
        assert dict(page.query_params) == {name: value}


def test_a_broken_link_is_told_and_survived(
    stocked: RealBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a link holds that cannot be followed is named and left out; the rest counts."""
    broken = {
        "outcome": "green",
        "since": "yesterday",
        "min_score": "-4",
        "policy": "x",
        "colour": "<b>red",
    }
    page = open_page(stocked.environment, monkeypatch, "gallery", **broken, site="forum.example")
    words = text(page)
    for name in broken:
        assert f"“{name}”" in words
    assert page.text_input(key="gallery-site").value == "forum.example"
    page = open_page(stocked.environment, monkeypatch, "gallery", q="no such words")
    assert "Nothing matches" in text(page)
    page = press(page, "Clear the filter")
    assert "of 40" in text(page)


def test_many_are_labelled_at_once_and_taken_back(
    own: RealBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A selection over two pages gets one label in one step, and loses it in one."""
    page = open_page(own.environment, monkeypatch, "gallery")
    page = press(page, "Select this page")
    page = press(page, "Next")
    page.checkbox[0].check().run()
    chosen = next(w for w in text(page).split("\n") if "selected" in w)
    assert chosen == "**25 selected**"
    page = press(page, "human-made")
    assert reviewed(own) == {"human_made": 25}
    assert "25 labelled human-made." in text(page)
    page = press(page, "Undo")
    assert reviewed(own) == {}
    page.checkbox[0].check().run()
    page.checkbox[0].uncheck().run()
    assert "selected" not in text(page)


def test_a_batch_that_empties_its_page_can_be_taken_back(
    own: RealBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a batch leaves nothing on a page, the one before comes; Undo stays to the very end."""
    page = open_page(own.environment, monkeypatch, "gallery", reviewed="false")
    page = press(page, "Next")
    page = press(page, "Select this page")
    page = press(page, "human-made")
    words = text(page)
    assert "16 labelled human-made." in words
    assert "1 to 24 of 24" in words
    page = press(page, "Select this page")
    page = press(page, "AI-generated")
    words = text(page)
    assert "24 labelled AI-generated." in words
    assert "Nothing matches" in words
    assert "Select this page" not in [b.label for b in page.button]
    page = press(page, "Undo")
    assert "1 to 24 of 24" in text(page)
    assert reviewed(own) == {"human_made": 16}


def test_more_than_one_request_takes_are_labelled_and_taken_back(
    filled_home: Callable[[int], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A selection over many pages goes in as many requests as it needs, and comes back whole."""
    assert reviews.MOST == MAX_PAGE
    with serving(filled_home(230), keep_images=KeepImages.NONE) as real:
        page = open_page(real.environment, monkeypatch, "gallery")
        page.session_state["gallery-picked"] |= {r.id for r in every_record(real)}
        assert len(page.session_state["gallery-picked"]) == 230
        page = press(page.run(), "human-made")
        assert "230 labelled human-made." in text(page)
        assert reviewed(real) == {"human_made": 230}
        page = press(page, "Undo")
        assert reviewed(real) == {}


def test_a_record_opens_with_its_whole_history(
    own: RealBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`?id=` opens a record: verdict, context, every review and appeal, and what looks alike."""
    records = {r.context.page_title: r for r in logged(own)}
    record, copy = records["Picture number 8"], records["Picture number 9"]
    repository = open_repository(own.settings)
    repository.append_review(review(1, record))
    repository.undo_review("R" + "1".zfill(25), record.created_at)
    repository.append_review(review(2, record))
    repository.append_appeal(appeal(3, record))
    repository.append_event(AuditEvent("E", record.created_at, "x", "y"))
    repository.close()
    page = open_page(own.environment, monkeypatch, "gallery", id=record.id)
    words = text(page)
    for part in (
        "Picture number 8",
        "https://forum.example/pages/8",
        "~~**human-made**, a curator",
        "brush strokes cross the seam",
        "appeal: **human-made**",
        "I painted it.",
        "Near-duplicates",
    ):
        assert part in words, part
    assert any(b.key == f"alike-{copy.id}" for b in page.button)
    page.text_input(key=f"drawer-note-{record.id}").set_value("six fingers").run()
    page.button(key="drawer-ai_generated").click().run()
    assert "six fingers" in text(page)
    assert reviewed(own) == {"ai_generated": 1}
    page.button(key="drawer-undo").click().run()
    assert reviewed(own) == {"human_made": 1}
    page.button(key=f"alike-{copy.id}").click().run()
    assert "Picture number 9" in text(page)
    assert page.query_params["id"] == copy.id


def test_a_failed_review_is_told_of_its_own_record(
    own: RealBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That a review was not saved stands in the drawer of its record, and in no other's."""
    monkeypatch.setattr(reviews, "submit", down)
    records = {r.context.page_title: r.id for r in logged(own)}
    record, copy = records["Picture number 8"], records["Picture number 9"]
    page = open_page(own.environment, monkeypatch, "gallery", id=record)
    page.button(key="drawer-ai_generated").click().run()
    assert "No backend answers." in text(page)
    page.button(key=f"alike-{copy}").click().run()
    assert "Picture number 9" in text(page)
    assert "No backend answers." not in text(page)
    page.button(key="drawer-ai_generated").click().run()
    page.query_params["id"] = record
    page.run()
    assert "Picture number 8" in text(page)
    assert "No backend answers." not in text(page)


def test_a_failed_batch_is_told_of_its_own_view(
    own: RealBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That a batch was not saved stands over its page until another page, view or visit."""
    monkeypatch.setattr(reviews, "submit_many", down)
    page = open_page(own.environment, monkeypatch, "gallery")
    page = press(page, "Select this page")
    for leave in (
        lambda: press(page, "Next"),
        lambda: press(page, "Back"),
        lambda: page.selectbox(key="gallery-outcome").set_value("uncertain").run(),
        lambda: (go(page, "audit"), go(page, "gallery")),
    ):
        press(page, "human-made")
        assert "No backend answers." in text(page)
        leave()
        assert "24 selected" in text(page)
        assert "No backend answers." not in text(page)


def test_what_is_gone_is_told(own: RealBackend, monkeypatch: pytest.MonkeyPatch) -> None:
    """A deleted record, a link to none, and a picture that retention took each get a sentence."""
    images = ImageStore(own.settings.images_path)
    for digest in list(images.hashes()):
        images.delete(digest)
    page = open_page(own.environment, monkeypatch, "gallery", id=logged(own)[0].id)
    words = text(page)
    assert "picture not kept" in words
    assert "The picture is not kept" in words
    for nobody in ("01JDQ6ZK3V8M5R2X9T4W7Y0A1B", "../policy", "x" * 300):
        page = open_page(own.environment, monkeypatch, "gallery", id=nobody)
        assert "no such record" in text(page) or "names no record" in text(page)


def test_an_empty_log_teaches(backend: RealBackend, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before anything was checked, the page says what will be here and how it comes there."""
    page = open_page(backend.environment, monkeypatch, "gallery")
    assert "No predictions yet" in text(page)
    assert "Check a picture" in [e.proto.label for e in page.get("page_link")]


def test_a_backend_that_is_down_is_told(
    filled_home: Callable[[int], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the backend stopped the grid says so, and comes back at a click once it is there."""
    home = filled_home(24)
    with serving(home) as real:
        page = open_page(real.environment, monkeypatch, "gallery")
    page = press(page, "Select this page")
    assert "No backend answers" in text(page)
    with serving(home, port=real.settings.port):
        page = press(page, "Try again")
        assert "of 24" in text(page)


# ---- pure parts -----------------------------------------------------------------------------


@given(st.dictionaries(st.sampled_from(["since", "until", "outcome", "min_score", "q"]), st.text()))
def test_any_link_is_read(values: dict[str, str]) -> None:
    """Whatever stands in a link is either followed or named as broken, and never fails."""
    chosen, broken = readable(values)
    assert set(chosen) | set(broken) == set(values)
    assert not set(chosen) & set(broken)
    for_backend(chosen)


def test_the_last_day_is_included() -> None:
    """A day in a filter is the whole day, the last as well as the first."""
    assert for_backend({"since": "2026-11-01", "until": "2026-11-30"}) == {
        "since": "2026-11-01T00:00:00Z",
        "until": "2026-12-01T00:00:00Z",
    }


def test_near_duplicates_lie_where_the_first_of_them_was() -> None:
    """Records group by likeness or by the very same bytes; those without a hash stand alone."""
    records = [{"id": i, "image": {"sha256": i if i != "e" else "d"}} for i in "abcdef"]
    likeness = {"a": f"{0:016x}", "b": f"{2**20 - 1:016x}", "c": f"{255:016x}", "f": f"{7:016x}"}
    groups = [[r["id"] for r in group] for group in together(records, likeness)]
    assert groups == [["a", "c", "f"], ["b"], ["d", "e"]]
