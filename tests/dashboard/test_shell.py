"""The frame around the pages: who gets which, and what a page says when nobody answers."""

from __future__ import annotations

from pathlib import Path

import pytest

from backend.domain import Scope
from dashboard.access import Access
from dashboard.client import Client
from dashboard.pages import Entry, open_to
from tests.dashboard.conftest import RealBackend
from tests.dashboard.harness import open_page, text


def _view() -> None: ...


PAGES = (
    Entry("", "Check", "check", ":material/check:", None, _view),
    Entry("Review", "Gallery", "gallery", ":material/grid_on:", Scope.READ, _view),
    Entry("Review", "Queue", "queue", ":material/inbox:", Scope.REVIEW, _view),
    Entry("Data", "Export", "export", ":material/download:", Scope.ADMIN, _view),
)


@pytest.mark.parametrize(
    ("scope", "pages"),
    [
        (None, ["Check"]),
        (Scope.READ, ["Check", "Gallery"]),
        (Scope.REVIEW, ["Check", "Gallery", "Queue"]),
        (Scope.ADMIN, ["Check", "Gallery", "Queue", "Export"]),
    ],
)
def test_each_gets_the_pages_of_their_role(scope: Scope | None, pages: list[str]) -> None:
    """A visitor gets the Check page alone; each wider scope adds pages and takes none away."""
    access = Access(Client("http://127.0.0.1:1"), "somebody", scope)
    assert [entry.title for entry in open_to(PAGES, access)] == pages


def test_the_frame_says_that_the_backend_is_ready(
    backend: RealBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beside each page stand the state of the backend, its model and the name one goes by."""
    page = open_page(backend.environment, monkeypatch)
    words = text(page)
    assert "Ready · fake-1" in words
    assert "local dashboard" in words


@pytest.mark.parametrize("address", ["queue", "gallery", "audit"])
def test_a_wrong_token_is_told_with_the_cure(
    backend: RealBackend, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    """Where the backend does not accept the dashboard's token, each page says what to do."""
    (tmp_path / "stale").write_text("bm_revoked\n")
    environment = {**backend.environment, "BRUSHMARK_DASHBOARD_TOKEN_FILE": str(tmp_path / "stale")}
    page = open_page(environment, monkeypatch, address)
    words = text(page)
    assert "does not accept this dashboard's token" in words
    assert "brushmark up" in words
    assert "another role" not in words
    assert "Try again" in [b.label for b in page.button]


def test_a_backend_that_is_down_is_told_on_every_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a backend the frame says so, and the page still opens."""
    (tmp_path / "token").write_text("bm_x\n")
    environment = {
        "BRUSHMARK_DASHBOARD_BACKEND": "http://127.0.0.1:1",
        "BRUSHMARK_DASHBOARD_TOKEN_FILE": str(tmp_path / "token"),
    }
    assert "No backend answers at http://127.0.0.1:1." in text(open_page(environment, monkeypatch))
