"""The Check page, run by Streamlit's own harness against a real backend."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from backend.domain import Label
from backend.storage import open_repository
from tests.dashboard.conftest import RealBackend
from tests.dashboard.fake_backend import FakeBackend, record
from tests.dashboard.harness import open_page, text
from tests.pictures import draw, encode, jpeg

BRIGHT = encode(draw().point(lambda v: 190 + v // 4), "JPEG")
DARK = encode(draw().point(lambda v: v // 8), "JPEG")


def drop(page: AppTest, *files: tuple[str, bytes]) -> AppTest:
    page.file_uploader[0].set_value([(name, data, "image/jpeg") for name, data in files])
    return page.run()


def test_the_empty_page_teaches(backend: RealBackend, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before anything is dropped, the page says what one gets, what helps and what it is not."""
    page = open_page(backend.environment, monkeypatch)
    words = text(page)
    for part in ("What you get", "What helps", "What it is not", "AVIF up to 20 MB"):
        assert part in words
    assert "stay on this machine" in words


def test_a_picture_gets_a_whole_verdict(
    backend: RealBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A picture shows outcome, both probabilities, sentence, facts and model, and is logged."""
    page = drop(open_page(backend.environment, monkeypatch), ("bright.jpg", BRIGHT))
    words = text(page)
    assert "Looks AI-generated" in words
    assert "This looks AI-generated: the model puts it at" in words
    assert "% AI-generated**" in words
    assert "% human-made**" in words
    assert "JPEG, 320 × 260 pixels" in words
    assert "model fake-1" in words
    assert len(page.get("plotly_chart")) == 1
    assert backend.sources() == ["dashboard"]


def test_several_pictures_get_a_card_each(
    backend: RealBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each of several pictures has its own verdict, and one that fails does not hide the rest."""
    page = drop(
        open_page(backend.environment, monkeypatch),
        ("bright.jpg", BRIGHT),
        ("notes.txt", b"no picture at all"),
        ("dark.jpg", DARK),
    )
    words = text(page)
    assert "Looks AI-generated" in words
    assert "Looks human-made" in words
    assert "No verdict" in words
    assert "Use a JPEG, PNG, WebP, GIF or AVIF file" in words


def test_one_picture_under_two_names_gets_two_cards(
    backend: RealBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same bytes twice are one record with two cards, and either can send the appeal."""
    page = open_page(backend.environment, monkeypatch)
    page = drop(page, ("a.jpg", BRIGHT), ("a copy.jpg", BRIGHT))
    words = text(page)
    assert "a.jpg" in words
    assert "a copy.jpg" in words
    page.text_area[1].set_value("I painted it.")
    [b for b in page.button if b.label == "Send to a curator"][1].click().run()
    assert "waits in the queue" in text(page)
    repository = open_repository(backend.settings)
    (appeal,) = repository.list_appeals()
    repository.close()
    assert appeal.reason == "I painted it."


def test_the_heat_map_can_be_switched_off(
    backend: RealBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The heat map lies over the picture at first; the switch takes it and its legend away."""
    page = drop(open_page(backend.environment, monkeypatch), ("bright.jpg", BRIGHT))
    assert "speaks for AI-generated" in text(page)
    assert page.slider[0].disabled is False
    page.toggle[0].set_value(False).run()
    assert "speaks for AI-generated" not in text(page)
    assert page.slider[0].disabled is True
    assert backend.judge.calls == 1  # redrawing asks nobody


def test_a_small_picture_is_not_assessed(
    backend: RealBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A picture too small to judge has a reason, but neither probabilities nor a heat map."""
    page = drop(open_page(backend.environment, monkeypatch), ("tiny.jpg", jpeg(64, 64)))
    assert "Not assessed" in text(page)
    assert not page.get("plotly_chart")
    assert not page.toggle


def test_visitors_need_no_token_and_leave_nothing(
    public_backend: RealBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The public page judges without a token, shows the heat map, and nothing is logged."""
    page = open_page(public_backend.environment, monkeypatch)
    assert "nothing is kept" in text(page)
    words = text(drop(page, ("bright.jpg", BRIGHT)))
    assert "Looks AI-generated" in words
    assert "speaks for AI-generated" in words
    assert public_backend.sources() == []


def test_a_backend_that_is_down_can_be_asked_again(
    fake: FakeBackend, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the backend is busy the page says so, and asks again at a click."""
    (tmp_path / "token").write_text("bm_x\n")
    fake.refuse("busy", 503)
    environment = {
        "BRUSHMARK_DASHBOARD_BACKEND": fake.url,
        "BRUSHMARK_DASHBOARD_TOKEN_FILE": str(tmp_path / "token"),
    }
    page = drop(open_page(environment, monkeypatch), ("a.jpg", jpeg()))
    assert "The backend is busy." in text(page)
    fake.say(record("human_made", 0.04))
    next(b for b in page.button if b.label == "Try again").click().run()
    assert "Looks human-made" in text(page)


def test_nothing_from_outside_is_markup(
    fake: FakeBackend, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Names, sentences and versions are shown letter by letter: markup in them is escaped."""
    evil = "<img src=x onerror=alert(1)> **b** [l](javascript:1) :red[x] $y$ `c`\n# h"
    (tmp_path / "token").write_text("bm_x\n")
    fake.say(record(summary=evil, model={"version": evil, "sha256": "0" * 64}))
    environment = {
        "BRUSHMARK_DASHBOARD_BACKEND": fake.url,
        "BRUSHMARK_DASHBOARD_TOKEN_FILE": str(tmp_path / "token"),
    }
    page = drop(open_page(environment, monkeypatch), (evil, jpeg()))
    assert not page.exception
    shown = [e.value for e in (*page.markdown, *page.caption) if "onerror" in e.value]
    assert len(shown) >= 2
    for value in shown:
        for raw in ("<img", "**b", "[l]", ":red[", "$y$", "`c`", "\n#"):
            assert raw not in value.replace("\\" + raw[0], "?")


def test_reviews_are_shown(
    fake: FakeBackend, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A curator's decision on these bytes stands beside the model's verdict."""
    (tmp_path / "token").write_text("bm_x\n")
    review = {"label": "human_made", "created_at": "2026-11-12T09:00:00.000Z"}
    fake.say(record(review=review))
    environment = {
        "BRUSHMARK_DASHBOARD_BACKEND": fake.url,
        "BRUSHMARK_DASHBOARD_TOKEN_FILE": str(tmp_path / "token"),
    }
    page = drop(open_page(environment, monkeypatch), ("a.jpg", jpeg()))
    assert "Reviewed by a person: human-made**, 2026-11-12" in text(page)


def test_many_pictures_are_summed_up(backend: RealBackend, monkeypatch: pytest.MonkeyPatch) -> None:
    """Above several verdicts one line says how many came out which way."""
    files = (("bright.jpg", BRIGHT), ("dark.jpg", DARK), ("notes.txt", b"no picture"))
    words = text(drop(open_page(backend.environment, monkeypatch), *files))
    assert "**3 pictures**: 1 AI-generated, 1 human-made, 1 without a verdict" in words


def test_a_link_is_fetched_by_the_backend(
    fake: FakeBackend, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An address goes to the backend as it is, or with https where it names no scheme."""
    (tmp_path / "token").write_text("bm_x\n")
    fake.say(record())
    environment = {
        "BRUSHMARK_DASHBOARD_BACKEND": fake.url,
        "BRUSHMARK_DASHBOARD_TOKEN_FILE": str(tmp_path / "token"),
    }
    page = open_page(environment, monkeypatch)
    page.text_input(key="check-link").set_value(" a.example/b.jpg ")
    next(b for b in page.button if b.label == "Fetch").click().run()
    words = text(page)
    assert "Looks AI-generated" in words
    assert "https://a.example/b.jpg" in words
    sent = next(body for _, path, _, body in fake.requests if path == "/api/v1/check")
    assert b'"url": "https://a.example/b.jpg"' in sent
    next(b for b in page.button if b.label == "Forget the links").click().run()
    assert "What you get" in text(page)


def test_a_link_that_is_refused_says_why(
    backend: RealBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The guards of the backend hold for links from here too, and their sentence is shown."""
    page = open_page(backend.environment, monkeypatch)
    page.text_input(key="check-link").set_value("http://127.0.0.1/secret.png")
    next(b for b in page.button if b.label == "Fetch").click().run()
    words = text(page)
    assert "No verdict" in words
    assert "127.0.0.1" in words


def test_visitors_can_neither_link_nor_appeal(
    public_backend: RealBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The public page fetches nothing and has no way into the log."""
    page = open_page(public_backend.environment, monkeypatch)
    assert not page.text_input
    page = drop(page, ("bright.jpg", BRIGHT))
    assert not page.get("page_link")
    assert [b.label for b in page.button] == []


def test_a_disagreement_reaches_the_curators(
    backend: RealBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """“This is wrong” sends an appeal, keeps the picture, and leads to the record."""
    page = drop(open_page(backend.environment, monkeypatch), ("bright.jpg", BRIGHT))
    page.text_area[0].set_value("I painted it.")
    next(b for b in page.button if b.label == "Send to a curator").click().run()
    assert "waits in the queue" in text(page)
    repository = open_repository(backend.settings)
    (appeal,) = repository.list_appeals()
    repository.close()
    assert (appeal.claim, appeal.reason) == (Label.HUMAN_MADE, "I painted it.")
    assert "I painted it." in text(
        open_page(backend.environment, monkeypatch, "gallery", id=appeal.prediction_id)
    )


def test_evidence_and_conflict_are_said_aloud(
    fake: FakeBackend, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each finding has its status; where model and file disagree, a warning says so."""
    (tmp_path / "token").write_text("bm_x\n")

    def finding(status: str, label: str | None = None) -> dict[str, Any]:
        return {"kind": "c2pa", "status": status, "label": label, "detail": f"It is {status}."}

    rows = [finding("verified", "ai_generated"), finding("invalid"), finding("absent")]
    fake.say(record("human_made", 0.04, evidence=rows, conflict=True))
    environment = {
        "BRUSHMARK_DASHBOARD_BACKEND": fake.url,
        "BRUSHMARK_DASHBOARD_TOKEN_FILE": str(tmp_path / "token"),
    }
    words = text(drop(open_page(environment, monkeypatch), ("a.jpg", jpeg())))
    assert "Model and file disagree" in words
    assert "verified:] **AI-generated**" in words.replace(
        "material/verified: verified", "verified:"
    )
    assert "It is invalid." in words
    assert "It is absent." not in words
