"""Starting and stopping: one backend a home, one server a port, nothing dropped in flight."""

from __future__ import annotations

import signal
import socket
import stat
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from backend.api.server import listening
from backend.app import address, serve
from backend.errors import AlreadyRunning, BadSetting, WeightsMissing
from backend.homelock import refuse_second_backend
from backend.settings import Settings
from backend.storage.tinydb_repository import TinyDBRepository
from tests.api.live import live, read_reply
from tests.fakes import FakeJudge
from tests.pictures import jpeg


@pytest.fixture
def home(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home", port=0)


@pytest.fixture
def judge(monkeypatch: pytest.MonkeyPatch) -> FakeJudge:
    """Have the fake judge loaded in place of weights."""
    fake = FakeJudge()
    monkeypatch.setattr("backend.model.registry.load_judge", lambda *_: fake)
    return fake


@contextmanager
def serving(settings: Settings, public: bool = False) -> Iterator[str]:
    """Run `serve` in a thread; yields the server's address."""
    ready, stop = threading.Event(), threading.Event()
    found: list[str] = []

    def on_ready(url: str) -> None:
        found.append(url)
        ready.set()

    thread = threading.Thread(target=serve, args=(settings, public, on_ready, stop))
    thread.start()
    try:
        assert ready.wait(20)
        yield found[0]
    finally:
        stop.set()
        thread.join()


def get(url: str) -> int:
    with urllib.request.urlopen(url, timeout=10) as answer:
        return int(answer.status)


@pytest.mark.usefixtures("judge")
def test_serve_answers_and_stops(home: Settings) -> None:
    """It says where it answers once it does, makes the dashboard's key, and ends when told to."""
    with serving(home) as url:
        assert get(f"{url}/healthz") == 204
        assert get(f"{url}/readyz") == 200
        mode = home.dashboard_token_path.stat().st_mode
        assert stat.S_IMODE(mode) == 0o600
    with pytest.raises(OSError, match="refused"):
        get(f"{url}/healthz")


@pytest.mark.usefixtures("judge")
def test_a_second_backend_on_a_home_is_refused_at_once(home: Settings) -> None:
    """The second one is told what to do; the first is not disturbed; afterwards it may start."""
    with serving(home) as url:
        with pytest.raises(AlreadyRunning, match="BRUSHMARK_HOME"):
            serve(home)
        with pytest.raises(AlreadyRunning):
            refuse_second_backend(home)
        assert get(f"{url}/healthz") == 204
    refuse_second_backend(home)
    with serving(home) as url:
        assert get(f"{url}/healthz") == 204


def test_a_taken_port_is_refused_with_advice(home: Settings) -> None:
    """A port that somebody else listens on is named, and the home is free again after."""
    with listening("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(AlreadyRunning, match=f"{port}.*BRUSHMARK_PORT"):
            serve(replace(home, port=port))
    refuse_second_backend(home)


def test_a_host_of_another_machine_is_refused(home: Settings) -> None:
    """A BRUSHMARK_HOST that is none of this machine's is a wrong setting, or a taken one."""
    with pytest.raises((BadSetting, AlreadyRunning)):
        serve(replace(home, host="no such host"))


def test_a_server_without_weights_starts_and_says_so(
    home: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Missing weights leave health green and readiness 503 `no_model`."""

    def nothing(*_: object) -> None:
        raise WeightsMissing("There are no weights here.")

    monkeypatch.setattr("backend.model.registry.load_judge", nothing)
    with serving(home) as url:
        assert get(f"{url}/healthz") == 204
        with pytest.raises(urllib.error.HTTPError) as error:
            get(f"{url}/readyz")
        with error.value:
            assert error.value.code == 503
            assert b'"no_model"' in error.value.read()


@pytest.mark.usefixtures("judge")
def test_serve_public_opens_checking(home: Settings) -> None:
    """`public` lets a visitor check, and switches fetching by address off."""
    with serving(home, public=True) as url:
        request = urllib.request.Request(
            f"{url}/api/v1/check", data=jpeg(), headers={"Content-Type": "image/jpeg"}
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            assert answer.status == 200


def test_requests_in_flight_are_finished(settings: Settings, repository: TinyDBRepository) -> None:
    """A check that was begun before the stop is answered and logged; new ones are not taken."""
    picture = jpeg()
    with live(settings, repository) as server:
        server.judge.hold.clear()
        connection = server.connect()
        connection.sendall(
            server.head(
                "POST /api/v1/check HTTP/1.1",
                server.bearer(),
                "Content-Type: image/jpeg",
                f"Content-Length: {len(picture)}",
            )
            + picture
        )
        queue = server.app.extensions["brushmark"].service.queue
        while queue.length == 0:
            threading.Event().wait(0.005)
        server.stop()
        while accepts(server.port):
            threading.Event().wait(0.005)
        server.judge.hold.set()
        with connection:
            assert read_reply(connection).status == 200
    assert repository.stats().predictions == 1


def accepts(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=5).close()
    except OSError:
        return False
    return True


SCRIPT = """
import pathlib, sys
from backend.app import serve
from backend.homelock import refuse_second_backend
from backend.settings import Settings
settings = Settings(home=pathlib.Path(sys.argv[1]), port=0, weights="none-such")
serve(settings, on_ready=lambda url: print(url, flush=True))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGTERM to send")
def test_sigterm_ends_it_cleanly(tmp_path: Path) -> None:
    """On SIGTERM an upload under way may end, is answered, and the process exits with 0."""
    with subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(tmp_path / "home")],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        port = int(process.stdout.readline().rpartition(":")[2])
        body = b'{"code": "AAAA-AAAA", "name": "x"}'
        with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
            connection.sendall(
                f"POST /api/v1/pair HTTP/1.1\r\nHost: localhost:{port}\r\n"
                f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode()
                + body[:10]
            )
            process.send_signal(signal.SIGTERM)
            while accepts(port):
                threading.Event().wait(0.005)
            connection.sendall(body[10:])
            assert read_reply(connection).status == 401
        assert process.wait(20) == 0


@pytest.mark.usefixtures("judge")
def test_retention_is_applied_at_the_start(home: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Serving begins with dropping what is past its time."""
    applied = threading.Event()
    monkeypatch.setattr("backend.service.Service.expire", lambda self: applied.set())
    with serving(home):
        assert applied.wait(10)


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:80"),
        ("0.0.0.0", "http://127.0.0.1:80"),
        ("::", "http://[::1]:80"),
        ("::1", "http://[::1]:80"),
        ("box.local", "http://box.local:80"),
    ],
)
def test_the_address_is_one_a_browser_understands(settings: Settings, host: str, url: str) -> None:
    """Wildcards become loopback, IPv6 gets its brackets."""
    assert address(replace(settings, host=host)) == url


def test_logs_name_no_tokens_addresses_or_titles(
    settings: Settings, repository: TinyDBRepository, caplog: pytest.LogCaptureFixture
) -> None:
    """What is logged for operators says route, status and time, and nothing about people."""
    caplog.set_level("INFO")
    with live(settings, repository) as server:
        picture = jpeg()
        server.ask(
            "POST /api/v1/check?page_url=https://private.example/&page_title=Secret HTTP/1.1",
            server.bearer(),
            "Content-Type: image/jpeg",
            f"Content-Length: {len(picture)}",
            body=picture,
        )
        told = "\n".join(str(record.__dict__) for record in caplog.records)
        assert "/api/v1/check" in told
        for private in [server.token, "private.example", "Secret", "127.0.0.1"]:
            assert private not in told
