"""A team's dashboard: people sign in, and each gets what their role may."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest
from streamlit.util import calc_hash

from backend.cli.streamlit_program import dashboard_program
from backend.settings import KeepImages, Settings
from backend.storage import open_repository
from tests.dashboard.conftest import RealBackend, serving
from tests.dashboard.harness import APP, text

LOGIN = """
[auth]
redirect_uri = "http://localhost:8501/oauth2callback"
[roles]
"ann@example.org" = "admin"
"bob@example.org" = "curator"
"*@example.org" = "viewer"
"""


@pytest.fixture
def team(filled_home: Callable[[int], Path], tmp_path: Path) -> Iterator[RealBackend]:
    (tmp_path / "login.toml").write_text(LOGIN)
    login = tmp_path / "login.toml"
    with serving(filled_home(24), login=login, keep_images=KeepImages.ALL) as real:
        yield real


@pytest.fixture
def sign_in(team: RealBackend, monkeypatch: pytest.MonkeyPatch) -> Callable[..., AppTest]:
    """Open a page as somebody whom the provider vouches for."""
    for name, value in team.environment.items():
        monkeypatch.setenv(name, value)

    def open_as(email: str | None, address: str = "", **claims: Any) -> AppTest:
        page = AppTest.from_file(APP, default_timeout=30)
        page._page_hash = calc_hash(address)
        page.user = {"is_logged_in": email is not None, **claims}
        if email is not None:
            page.user["email"] = email
        return page.run()

    return open_as


def test_nobody_gets_in_without_signing_in(sign_in: Callable[..., AppTest]) -> None:
    """Before signing in there is one page, with one button, whatever the address says."""
    for address in ("", "queue", "gallery"):
        page = sign_in(None, address)
        assert [b.label for b in page.button] == ["Sign in"]
        assert "Gallery" not in text(page)


def test_an_address_that_nobody_verified_is_nobody(sign_in: Callable[..., AppTest]) -> None:
    """An account whose e-mail address the provider did not verify does not get in."""
    page = sign_in("ann@example.org", email_verified=False)
    assert "no verified e-mail address" in text(page)
    assert [b.label for b in page.button] == ["Sign out"]


def test_a_curators_reviews_bear_their_name(
    sign_in: Callable[..., AppTest], team: RealBackend
) -> None:
    """What a curator decides is written under their address, as the provider gave it."""
    page = sign_in("Bob@example.org", "queue")
    assert "bob@example.org" in text(page)
    next(b for b in page.button if b.label == "Human-made").click().run()
    repository = open_repository(team.settings)
    assert [r.reviewer for r in repository.list_reviews()] == ["bob@example.org"]
    repository.close()


def test_a_viewer_sees_and_cannot_touch(sign_in: Callable[..., AppTest]) -> None:
    """A viewer has the Gallery without anything to select or label, and no Queue."""
    page = sign_in("carol@example.org", "gallery")
    assert "of 24" in text(page)
    assert not page.checkbox
    assert "Select this page" not in [b.label for b in page.button]
    assert "needs another role" in text(sign_in("carol@example.org", "queue"))


def test_who_has_no_role_is_told(sign_in: Callable[..., AppTest]) -> None:
    """Somebody of elsewhere gets the sentence that says whom to ask, and the way out."""
    page = sign_in("mallory@evil.example", "gallery")
    assert "may not do this here" in text(page)
    assert "Sign out" in [b.label for b in page.button]


def test_login_goes_with_the_file_and_never_in_public(tmp_path: Path) -> None:
    """The dashboard asks people to sign in where the file is named, unless it is public."""
    login = tmp_path / "login.toml"
    private = dashboard_program(Settings(home=tmp_path, login=login))
    assert private.environment["BRUSHMARK_DASHBOARD_LOGIN"] == "on"
    assert str(login) in private.arguments
    public = dashboard_program(Settings(home=tmp_path, login=login, public=True))
    assert public.environment["BRUSHMARK_DASHBOARD_LOGIN"] == "off"
    assert str(login) not in public.arguments
