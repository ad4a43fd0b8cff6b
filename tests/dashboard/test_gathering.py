"""Pictures fetched ahead: once each, failures anew, nothing kept for long."""

from __future__ import annotations

from pathlib import Path

import pytest

from dashboard.client import Client, Failure
from dashboard.gathering import Gatherer
from tests.api.harness import Clock
from tests.dashboard.fake_backend import FakeBackend
from tests.pictures import jpeg


@pytest.fixture
def client(fake: FakeBackend, tmp_path: Path) -> Client:
    (tmp_path / "token").write_text("bm_x\n")
    fake.body, fake.content_type = jpeg(40, 30), "image/jpeg"
    return Client(fake.url, tmp_path / "token")


def test_a_picture_is_fetched_once_and_not_kept_for_long(client: Client, fake: FakeBackend) -> None:
    """What is asked for again comes from memory, for five minutes; then the backend is asked."""
    clock = Clock()
    gatherer = Gatherer(clock=clock)
    gatherer.ask_all(client, "thumbnail", ["A", "B"])
    assert gatherer.get(client, "thumbnail", "A") == jpeg(40, 30)
    gatherer.get(client, "thumbnail", "B")
    assert len(fake.requests) == 2
    clock.now += 300
    gatherer.get(client, "thumbnail", "A")
    assert len(fake.requests) == 3


def test_only_so_many_are_kept(client: Client, fake: FakeBackend) -> None:
    """The oldest makes room."""
    gatherer = Gatherer(kept=2)
    for name in ("A", "B", "C", "B", "A"):
        gatherer.get(client, "thumbnail", name)
    assert [path.split("/")[-2] for _, path, _, _ in fake.requests] == ["A", "B", "C", "A"]


def test_what_failed_is_asked_for_anew(client: Client, fake: FakeBackend) -> None:
    """A failure is told to whoever waits and not kept; a picture that is not kept is None."""
    gatherer = Gatherer()
    fake.refuse("busy", 503)
    with pytest.raises(Failure, match="busy"):
        gatherer.get(client, "large", "A")
    fake.refuse("not_found", 404)
    assert gatherer.get(client, "large", "A") is None
    fake.status, fake.body = 200, jpeg(40, 30)
    data = gatherer.get(client, "large", "A")
    assert data is not None
    assert data.startswith(b"\xff\xd8")
