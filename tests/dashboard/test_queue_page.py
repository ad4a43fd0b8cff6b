"""The Queue page, run by Streamlit's own harness against a real backend."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NoReturn

import pytest
from streamlit.testing.v1 import AppTest

from backend.api.schemas import MAX_LEFT_OUT
from backend.domain import Outcome, ReviewLabel
from backend.settings import KeepImages
from backend.storage import open_repository
from backend.storage.images import ImageStore
from backend.storage.repository import PredictionFilter
from dashboard import gathering
from dashboard.client import Client, Failure, records, reviews
from dashboard.worklist import Worklist
from tests.dashboard.conftest import RealBackend, serving
from tests.dashboard.harness import go, open_page, redraw, text
from tests.records import appeal, review

LABELS = {
    "AI-generated": ReviewLabel.AI_GENERATED,
    "Human-made": ReviewLabel.HUMAN_MADE,
    "Cannot tell": ReviewLabel.CANNOT_TELL,
}


@pytest.fixture
def stocked(filled_home: Callable[[int], Path]) -> Iterator[RealBackend]:
    """A backend of its own for each test: they write reviews."""
    with serving(filled_home(24), keep_images=KeepImages.ALL, keep_addresses=True) as real:
        yield real


def press(page: AppTest, words: str) -> AppTest:
    """Click the button with these words."""
    (button,) = [b for b in page.button if b.label == words]
    assert not button.disabled, words
    return button.click().run()


def reviewed(real: RealBackend) -> dict[str, int]:
    repository = open_repository(real.settings)
    try:
        return {k: v for k, v in repository.stats().by_label.items() if v}
    finally:
        repository.close()


def shown(page: AppTest) -> str:
    """The picture's own words: which of the drawn ones it is."""
    words = text(page)
    start = words.index("“Picture number ") + len("“Picture number ")
    return words[start : words.index("”", start)]


def down(*_: object) -> NoReturn:
    raise Failure("No backend answers.", "Start it.", True)


def test_every_decision_is_saved_and_the_next_comes(
    stocked: RealBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each button saves its label with the note and brings another picture, until none is left."""
    page = open_page(stocked.environment, monkeypatch, "queue")
    seen = {shown(page)}
    page.text_input[0].set_value("  brush strokes  ").run()
    for words in LABELS:
        page = press(page, words)
        seen.add(shown(page))
    assert len(seen) == 4
    assert reviewed(stocked) == {label.value: 1 for label in LABELS.values()}
    assert "You said **cannot tell**" in text(page)
    repository = open_repository(stocked.settings)
    notes = [review.note for review in repository.list_reviews()]
    repository.close()
    assert notes == ["", "", "brush strokes"]
    while any(b.label == "Human-made" for b in page.button):
        page = press(page, "Human-made")
    assert "This queue is done" in text(page)
    waiting = PredictionFilter(reviewed=False, outcome=Outcome.UNCERTAIN)
    repository = open_repository(stocked.settings)
    assert repository.count_predictions(waiting) == 0
    repository.close()


def test_a_slip_is_undone_and_the_way_back_is_open(
    stocked: RealBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Undo takes the last label back and returns to its picture; previous and skip only look."""
    page = open_page(stocked.environment, monkeypatch, "queue")
    first = shown(page)
    page = press(page, "AI-generated")
    second = shown(page)
    page = press(page, "Skip")
    page = press(page, "Previous")
    assert shown(page) == second
    page = press(page, "Undo")
    assert shown(page) == first
    assert reviewed(stocked) == {}
    page = press(page, "Human-made")
    page = press(page, "Previous")
    assert "You said **human-made**" in text(page)
    page = press(page, "Cannot tell")
    assert reviewed(stocked) == {"cannot_tell": 1}


def test_an_audit_shows_nothing_that_biases(
    stocked: RealBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the random audit verdict, evidence, heat map and context appear once one has decided."""
    page = open_page(stocked.environment, monkeypatch, "queue", strategy="random")
    words = text(page)
    assert "hidden until you have decided" in words
    for hint in ("Looks", "Too close", "% AI", "Picture number", "paintings.example", "Checked"):
        assert hint not in words
    assert not page.toggle
    assert not page.get("plotly_chart")
    page = press(page, "Human-made")
    assert "the verdict was" in text(page)
    page = press(page, "Previous")
    assert "Picture number" in text(page)


def test_two_curators_never_hold_the_same_picture(
    stocked: RealBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two windows get different pictures; all that both decide on is kept."""
    pages = [open_page(stocked.environment, monkeypatch, "queue") for _ in range(2)]
    seen: list[str] = []
    for _ in range(3):
        for i, page in enumerate(pages):
            seen.append(shown(page))
            pages[i] = press(page, "Human-made")
    assert len(set(seen)) == 6
    assert reviewed(stocked) == {"human_made": 6}


def test_who_comes_second_is_told(stocked: RealBackend, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where somebody reviewed the picture meanwhile, theirs stands and the next one comes."""
    page = open_page(stocked.environment, monkeypatch, "queue")
    number = shown(page)
    repository = open_repository(stocked.settings)
    found = repository.list_predictions(PredictionFilter(q=f"number {number}"))
    title = f"Picture number {number}"
    record = next(r for r in found.records if r.context.page_title == title)
    repository.append_review(review(1, record))
    repository.close()
    page = press(page, "AI-generated")
    assert "a curator decided on this picture meanwhile" in text(page)
    assert shown(page) != number
    assert reviewed(stocked) == {"human_made": 1}


def test_a_picture_that_went_can_be_skipped(
    stocked: RealBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where retention took the pictures after the queue was read, the page says so and goes on."""
    page = open_page(stocked.environment, monkeypatch, "queue")
    images = ImageStore(stocked.settings.images_path)
    for digest in list(images.hashes()):
        images.delete(digest)
    for _ in range(5):
        page = press(page, "Skip")
    assert "no longer kept" in text(page)


def test_no_label_is_lost_when_the_backend_stops(
    filled_home: Callable[[int], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A label that could not be saved is told, kept, and sent again at a click."""
    home = filled_home(24)
    with serving(home, keep_images=KeepImages.ALL, keep_addresses=True) as real:
        page = open_page(real.environment, monkeypatch, "queue")
        number = shown(page)
        port = real.settings.port
    page = press(page, "AI-generated")
    assert "No backend answers" in text(page)
    with serving(home, keep_images=KeepImages.ALL, keep_addresses=True, port=port) as real:
        page = press(page, "Send “AI-generated” again")
        assert shown(page) != number
        assert reviewed(real) == {"ai_generated": 1}


def test_pictures_that_do_not_come_are_told(
    filled_home: Callable[[int], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the backend stops between two pictures the page says so; a click asks again."""
    home = filled_home(24)
    with serving(home, keep_images=KeepImages.ALL, keep_addresses=True) as real:
        page = open_page(real.environment, monkeypatch, "queue")
        port = real.settings.port
    for _ in range(5):
        page = press(page, "Skip")
    assert "No backend answers" in text(page)
    assert "Human-made" in [b.label for b in page.button]
    with serving(home, keep_images=KeepImages.ALL, keep_addresses=True, port=port):
        page.button(key="again-picture").click()
        page = redraw(page)
        assert "No backend answers" not in text(page)
        assert page.image


def test_a_picture_is_shown_though_its_heat_map_does_not_come(
    stocked: RealBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the small picture of the last decision, or a heat map, one goes on deciding."""
    page = open_page(stocked.environment, monkeypatch, "queue")

    monkeypatch.setitem(gathering._KINDS, "thumbnail", down)
    monkeypatch.setitem(gathering._KINDS, "heatmap", down)
    page = press(page, "Human-made")
    assert "You said **human-made**" in text(page)
    page.toggle(key="queue-map").set_value(True)
    page = redraw(page)
    assert "No backend answers." in text(page)
    assert page.image


def test_appeals_that_cannot_be_read_are_told(
    stocked: RealBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where what an appeal says does not come, the picture can be decided on all the same."""
    repository = open_repository(stocked.settings)
    record = repository.list_predictions(PredictionFilter(reviewed=False)).records[0]
    repository.append_appeal(appeal(1, record))
    repository.close()
    page = open_page(stocked.environment, monkeypatch, "queue", strategy="appealed")
    assert "I painted it." in text(page)

    monkeypatch.setattr(records, "history", down)
    assert "No backend answers." in text(redraw(page))
    assert "Human-made" in [b.label for b in page.button]


def test_a_label_that_was_not_saved_waits_in_its_own_queue(
    stocked: RealBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another queue shows nothing of it; coming back, even from another page, it can be sent."""
    page = open_page(stocked.environment, monkeypatch, "queue")
    with monkeypatch.context() as patch:
        patch.setattr(reviews, "submit", down)
        page = press(page, "AI-generated")
    assert "No backend answers." in text(page)
    page.button_group(key="queue-strategy").set_value("random").run()
    assert "No backend answers." not in text(page)
    page.button_group(key="queue-strategy").set_value("uncertain").run()
    go(page, "audit")
    page = press(go(page, "queue"), "Send “AI-generated” again")
    assert reviewed(stocked) == {"ai_generated": 1}


def test_what_is_over_is_not_told_at_the_next_visit(
    stocked: RealBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Why a click did nothing is forgotten when the page is left."""
    page = press(open_page(stocked.environment, monkeypatch, "queue"), "AI-generated")
    monkeypatch.setattr(reviews, "undo", down)
    page = press(page, "Undo")
    assert "No backend answers." in text(page)
    go(page, "audit")
    assert "No backend answers." not in text(go(page, "queue"))


@pytest.mark.parametrize("strategy", ["conflict", "appealed", "flipped"])
def test_an_empty_queue_teaches(
    stocked: RealBackend, monkeypatch: pytest.MonkeyPatch, strategy: str
) -> None:
    """A queue with nothing in it says what comes there, and how."""
    page = open_page(stocked.environment, monkeypatch, "queue", strategy=strategy)
    assert "Nothing waits here" in text(page)
    assert [e.proto.label for e in page.get("page_link")] == ["Check a picture"]


def test_a_link_to_no_queue_is_told(stocked: RealBackend, monkeypatch: pytest.MonkeyPatch) -> None:
    """A strategy that there is not gives a sentence and the usual queue."""
    page = open_page(stocked.environment, monkeypatch, "queue", strategy="best*")
    assert "asks for a queue “best*”" in text(page)
    assert shown(page)


def test_skipping_ends_when_all_were_seen(
    filled_home: Callable[[int], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many are skipped the others come, once each; the skipped are free for others."""
    with serving(filled_home(230), keep_images=KeepImages.ALL, keep_addresses=True) as real:
        repository = open_repository(real.settings)
        found = repository.list_predictions(PredictionFilter(), limit=200)
        repository.set_flipped([record.id for record in found.records], True)
        waiting = {record.image.sha256 for record in found.records}
        repository.close()
        client = Client.from_env(real.environment)
        worklist = Worklist("flipped", "skips")
        skip_all(client, worklist)
        seen = [stop.record["image"]["sha256"] for stop in worklist.stops]
        assert len(seen) == len(waiting)
        assert set(seen) == waiting
        others = Worklist("flipped", "another")
        skip_all(client, others)
        assert len(others.stops) == len(waiting)
        page = open_page(real.environment, monkeypatch, "queue", strategy="flipped", desk="skips")
        page.session_state["worklists"]["flipped skips"] = worklist
        assert "200 wait, but you skipped them" in text(page.run())
        page = press(press(page, "Previous"), "Human-made")
        assert "You decided on 1. 199 wait, but you skipped them" in text(page)


def test_as_many_can_be_left_out_as_one_request_takes(stocked: RealBackend) -> None:
    """The longest list of skipped pictures is one that the backend takes, headers and all."""
    assert reviews.MOST_LEFT_OUT == MAX_LEFT_OUT
    client = Client.from_env(stocked.environment)
    nobodys = [f"{number:064x}" for number in range(MAX_LEFT_OUT)]
    assert reviews.queue(client, "uncertain", 1, "s", nobodys)["predictions"]


def skip_all(client: Client, worklist: Worklist) -> None:
    worklist.refill(client)
    while worklist.current is not None:
        worklist.skip(worklist.current.record["id"])
        worklist.refill(client)


def test_a_click_that_comes_twice_decides_once(stocked: RealBackend) -> None:
    """A decision is for the picture it was made on: repeated, it touches no other one."""
    client = Client.from_env(stocked.environment)
    worklist = Worklist("uncertain", "twice")
    worklist.refill(client)
    first = worklist.stops[0].record["id"]
    for _ in range(2):
        worklist.decide(client, first, "human_made", "")
        worklist.skip(first)
    assert (worklist.at, reviewed(stocked)) == (1, {"human_made": 1})
    worklist.decide(client, worklist.stops[1].record["id"], "human_made", "")
    for _ in range(2):
        worklist.undo(client, 2)
    assert (worklist.at, reviewed(stocked)) == (1, {"human_made": 1})
