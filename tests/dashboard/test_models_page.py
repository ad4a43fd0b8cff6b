"""The page Models, run by Streamlit's own harness against a real backend."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import pytest

from backend.model.card import Card
from backend.model.registry import find_card
from backend.settings import Settings
from backend.storage import open_repository
from backend.tuning.loop import Source, fine_tune
from dashboard import model_charts
from dashboard.client import Failure, models
from tests.dashboard.conftest import RealBackend, serving
from tests.dashboard.harness import go, open_page, redraw, text
from tests.tuning.planted import QUICK, fill_log


@pytest.fixture(scope="module")
def shipped() -> Card:
    return find_card(Settings(home=Path("/nonexistent")))


@pytest.fixture(scope="module")
def tuned(tmp_path_factory: pytest.TempPathFactory, shipped: Card) -> Iterator[RealBackend]:
    """A backend with a reviewed log and a candidate that was fine-tuned on it."""
    settings = Settings(home=tmp_path_factory.mktemp("models") / "home")
    settings.prepare_home()
    repository = open_repository(settings)
    fill_log(repository, shipped)
    fine_tune(settings, repository, shipped, Source(), recipe=QUICK, version="candidate")
    repository.close()
    with serving(settings.home) as real:
        yield real


def test_versions_are_shown_served_and_rolled_back(
    tuned: RealBackend, shipped: Card, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each version has its figures and its card; a click serves one, another goes back."""
    page = open_page(tuned.environment, monkeypatch, "models")
    words = text(page)
    assert "candidate" in words
    assert "fine-tuned here" in words
    assert "How it came about" in words
    assert [m.label for m in page.metric][:3] == [
        "Balanced accuracy",
        "Human called AI",
        "Calibration error",
    ]
    page.button("shadow-candidate").click().run()
    assert "candidate judges along" in text(page)
    page.button("serve-candidate").click().run()
    assert not page.exception
    assert find_card(tuned.settings).ref.version == "candidate"
    page.button("roll-back").click().run()
    assert not page.exception
    assert find_card(tuned.settings).ref.version == shipped.ref.version


def test_two_versions_are_compared(tuned: RealBackend, monkeypatch: pytest.MonkeyPatch) -> None:
    """Figures of both on both hold-outs, the change with its interval, and the flips."""
    page = open_page(tuned.environment, monkeypatch, "models", part="Compare")
    words = text(page)
    assert "The shipped evaluation set" in words
    assert "This installation's audit records" in words
    assert "of the latest 300 verdicts would change" in words
    assert len(page.get("plotly_chart")) == 2
    assert page.button("release").label == "Serve candidate"


def test_a_fine_tune_is_started_and_followed(
    tuned: RealBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The button starts a job in a process of its own; a page opened anew finds it again."""
    page = open_page(tuned.environment, monkeypatch, "models", part="Fine-tune")
    assert "300 labelled pictures to learn from" in text(page).replace("**", "")
    assert "None yet" in text(page)
    page.button("start-re-score").click().run()
    deadline = time.monotonic() + 60
    while "done" not in text(page):
        assert time.monotonic() < deadline, text(page)
        time.sleep(0.3)
        page = open_page(tuned.environment, monkeypatch, "models", part="Fine-tune")
    assert "verdicts would be another" in text(page)


JOB = {
    "id": "J",
    "kind": "re-score",
    "state": "interrupted",
    "detail": "half way",
    "progress": 0.5,
    "created_at": "2026-11-22T10:00:00.000Z",
    "finished_at": None,
    "result": {},
}


def down(*_: object) -> NoReturn:
    raise Failure("No backend answers.", "Start it.", True)


def test_jobs_that_do_not_come_are_told(
    tuned: RealBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the backend stops while jobs are followed the page says so, and goes on after."""
    page = open_page(tuned.environment, monkeypatch, "models", part="Fine-tune")
    with monkeypatch.context() as patch:
        patch.setattr(models, "jobs", down)
        page = redraw(page)
        assert "No backend answers." in text(page)
    page.button(key="again-jobs").click()
    words = text(redraw(page))
    assert "No backend answers." not in words
    assert "### Jobs" in words


def test_a_stop_that_is_refused_is_told(
    tuned: RealBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Why a job was not stopped stands beside it until the next try, and no longer than a visit."""
    monkeypatch.setattr(models, "jobs", lambda *_: [JOB])
    monkeypatch.setattr(models, "cancel", down)
    monkeypatch.setattr(models, "resume", lambda *_: JOB)
    page = open_page(tuned.environment, monkeypatch, "models", part="Fine-tune")
    page.button(key="stop-J").click()
    page = redraw(page)
    assert "No backend answers." in text(page)
    page = redraw(page)
    assert "No backend answers." in text(page)
    page.button(key="resume-J").click()
    page = redraw(page)
    assert "No backend answers." not in text(page)
    page.button(key="stop-J").click()
    page = redraw(page).run()
    assert "No backend answers." in text(page)
    page.button(key="stop-J").click()
    page = redraw(page)
    go(page, "audit")
    page = go(page, "models")
    assert "### Jobs" in text(page)
    assert "No backend answers." not in text(page)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_better_is_drawn_to_the_right(theme: str) -> None:
    """A falling error and a rising accuracy both lie right of nought, within their intervals."""
    figures = [
        {"name": name, "champion": 0.5, "candidate": candidate, "low": low, "high": high,
         "margin": 0.01, "guarded": True, "refused": False}
        for name, candidate, low, high in (
            ("balanced_accuracy", 0.6, 0.05, 0.15),
            ("human_called_ai", 0.4, -0.2, -0.05),
        )
    ]  # fmt: skip
    drawn = model_charts.changes(figures, theme)
    assert [round(trace.x[0], 6) for trace in drawn.data] == [10, -1, 10, -1]
    spans = [trace.error_x for trace in drawn.data if trace.error_x.array is not None]
    assert [round(span.arrayminus[0], 6) for span in spans] == [5, 5]
    history = [
        {"step": 20, "loss": 0.7, "replay_loss": 0.3, "evaluation_balanced_accuracy": 0.76},
        {"step": 40, "loss": 0.4, "replay_loss": 0.3, "evaluation_balanced_accuracy": 0.77},
    ]
    assert [list(t.y) for t in model_charts.curve(history, theme).data][2] == [0.76, 0.77]
