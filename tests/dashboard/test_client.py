"""The dashboard's client: what it sends, and what each failure says one should do."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from dashboard.client import Client, Failure, checks
from tests.dashboard.fake_backend import FakeBackend, overlay, record


@pytest.fixture
def client(fake: FakeBackend, tmp_path: Path) -> Client:
    (tmp_path / "token").write_text("bm_secret\n")
    return Client(fake.url, tmp_path / "token")


def test_a_check_carries_token_picture_and_source(client: Client, fake: FakeBackend) -> None:
    """A picture goes as a form's file, with the token and that it comes from the dashboard."""
    fake.say(record())
    assert checks.check(client, "cat.jpg", b"bytes of a cat")["outcome"] == "ai_generated"
    ((method, path, headers, body),) = fake.requests
    assert (method, path) == ("POST", "/api/v1/check")
    assert headers["Authorization"] == "Bearer bm_secret"
    for part in (b"bytes of a cat", b'name="image"', b"dashboard", b'name="heatmap"'):
        assert part in body


def test_a_fresh_token_counts_at_once(client: Client, fake: FakeBackend, tmp_path: Path) -> None:
    """The token is read from its file for each request."""
    fake.say(record())
    checks.check(client, "a", b"1")
    (tmp_path / "token").write_text("bm_fresh\n")
    checks.check(client, "a", b"1")
    assert fake.requests[-1][2]["Authorization"] == "Bearer bm_fresh"


def test_visitors_send_no_token(fake: FakeBackend) -> None:
    """Without a token file no Authorization header is sent."""
    fake.say(record())
    client = Client.from_env({"BRUSHMARK_DASHBOARD_BACKEND": fake.url + "/"})
    assert client.is_public
    checks.check(client, "a", b"1")
    assert "Authorization" not in fake.requests[0][2]


def test_a_public_backend_learns_whose_request_it_is(fake: FakeBackend, tmp_path: Path) -> None:
    """Visitors of one page are told apart, so that one cannot use up the others' rate."""
    fake.say(record())
    public = {"BRUSHMARK_DASHBOARD_BACKEND": fake.url}
    checks.check(Client.from_env(public, "198.51.100.7"), "a", b"1")
    assert fake.requests[-1][2]["X-Forwarded-For"] == "198.51.100.7"
    checks.check(Client.from_env(public, None), "a", b"1")
    assert "X-Forwarded-For" not in fake.requests[-1][2]
    (tmp_path / "token").write_text("bm_secret")
    private = public | {"BRUSHMARK_DASHBOARD_TOKEN_FILE": str(tmp_path / "token")}
    checks.check(Client.from_env(private, "198.51.100.7"), "a", b"1")
    assert "X-Forwarded-For" not in fake.requests[-1][2]


def test_a_heat_map_comes_by_address_or_in_the_record(client: Client, fake: FakeBackend) -> None:
    """A logged record names its map's address, one that was not logged carries it; or neither."""
    assert checks.heatmap(client, record()) == overlay()
    data = "data:image/png;base64," + base64.b64encode(overlay()).decode()
    assert checks.heatmap(client, record(heatmap=data)) == overlay()
    assert checks.heatmap(client, record(heatmap="data:image/png;base64,%%%")) is None
    assert checks.heatmap(client, record(heatmap=None)) is None


@pytest.mark.parametrize(
    ("code", "status", "advice", "again"),
    [
        ("unauthenticated", 401, "brushmark up", True),
        ("host_refused", 403, "BRUSHMARK_TRUSTED_HOSTS", False),
        ("too_large", 413, "20 MB", False),
        ("unsupported_type", 415, "JPEG, PNG", False),
        ("undecodable_image", 422, "again", False),
        ("slow_down", 429, "Wait a minute", True),
        ("busy", 503, "Wait a few seconds", True),
        ("no_model", 503, "weights", True),
        ("weights_damaged", 503, "weights", True),
        ("out_of_space", 507, "Make room", True),
    ],
)
def test_each_refusal_says_what_to_do(
    client: Client, fake: FakeBackend, code: str, status: int, advice: str, again: bool
) -> None:
    """Every refusal becomes what happened, what to do, and whether asking again may help."""
    fake.refuse(code, status)
    with pytest.raises(Failure) as raised:
        checks.check(client, "a.jpg", b"1")
    assert advice in raised.value.advice
    assert raised.value.worth_retrying is again


def test_a_refusal_nobody_foresaw_keeps_its_words(client: Client, fake: FakeBackend) -> None:
    """A code that the dashboard does not know is shown in the backend's own words."""
    fake.refuse("moon_phase", 400, "Not while the moon is full.")
    with pytest.raises(Failure, match="Not while the moon is full"):
        checks.check(client, "a.jpg", b"1")


def test_a_backend_that_is_down_is_told_with_the_cure() -> None:
    """Where nobody listens, the message names the address and the command that starts it."""
    with pytest.raises(Failure) as raised:
        checks.check(Client("http://127.0.0.1:1"), "a.jpg", b"1")
    assert "http://127.0.0.1:1" in raised.value.what
    assert "brushmark up" in raised.value.advice
    assert raised.value.worth_retrying


@pytest.mark.parametrize("status", [200, 302, 500])
def test_another_server_on_the_port_is_recognised(
    client: Client, fake: FakeBackend, status: int
) -> None:
    """An answer that is none of ours is said to come from something else, and not followed."""
    fake.status, fake.body, fake.content_type = status, b"<html>", "text/html"
    with pytest.raises(Failure, match="Something else than Brushmark"):
        checks.check(client, "a.jpg", b"1")
    assert len(fake.requests) == 1


def test_a_missing_token_file_is_told(fake: FakeBackend, tmp_path: Path) -> None:
    """A token that cannot be read gives advice before anything is sent."""
    with pytest.raises(Failure, match="token cannot be read"):
        checks.check(Client(fake.url, tmp_path / "gone"), "a.jpg", b"1")
    assert fake.requests == []
