"""`brushmark up` for real: both servers, the greeting, the walls, and a clean end."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import psutil
import pytest
import requests

from backend.cli.streamlit_program import dashboard_program
from backend.cli.up import greeting
from backend.settings import Settings

COMMAND = [sys.executable, "-m", "backend.cli"]


@dataclass(frozen=True)
class Running:
    process: subprocess.Popen[str]
    environ: dict[str, str]
    backend: str
    dashboard: str
    code: str


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """Backend and dashboard on a home of their own."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith("BRUSHMARK_")}
    environ = {
        **clean,
        "BRUSHMARK_HOME": str(tmp_path_factory.mktemp("up") / "home"),
        "BRUSHMARK_PORT": "0",
        "BRUSHMARK_DASHBOARD_PORT": "0",
    }
    process = subprocess.Popen([*COMMAND, "up"], stdout=subprocess.PIPE, env=environ, text=True)
    assert process.stdout is not None
    text = ""
    for line in process.stdout:
        text += line
        if "Ctrl-C" in line:
            break
    found = [
        re.search(pattern, text)
        for pattern in (r"Backend +(\S+)", r"Dashboard +(\S+)", r"code +(\S+)")
    ]
    try:
        backend, dashboard, code = (match.group(1) for match in found if match)
        yield Running(process, environ, backend, dashboard, code)
    finally:
        process.terminate()
        process.wait(timeout=30)
        process.stdout.close()


def handshake(dashboard: str, host: str, origin: str | None) -> int:
    """Ask for Streamlit's WebSocket under a Host and Origin; return the HTTP status."""
    address = dashboard.removeprefix("http://")
    name, _, port = address.partition(":")
    lines = [
        "GET /_stcore/stream HTTP/1.1",
        f"Host: {host}",
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        *([f"Origin: {origin}"] if origin else []),
    ]
    with socket.create_connection((name, int(port)), timeout=20) as link:
        link.sendall("\r\n".join([*lines, "", ""]).encode())
        return int(link.recv(4096).split(b" ", 2)[1])


def test_both_answer(running: Running) -> None:
    """Both printed addresses answer."""
    assert requests.get(running.backend + "/healthz", timeout=20).status_code == 204
    page = requests.get(running.dashboard, timeout=20)
    assert page.status_code == 200
    assert "text/html" in page.headers["Content-Type"]


def test_the_printed_code_pairs_a_browser(running: Running) -> None:
    """The printed pairing code is exchanged for a token that the backend accepts."""
    paired = requests.post(
        running.backend + "/api/v1/pair", json={"code": running.code, "name": "test"}, timeout=20
    )
    assert paired.status_code in {200, 201}
    assert running.dashboard.endswith(f":{paired.json()['dashboard_port']}")
    head = {"Authorization": f"Bearer {paired.json()['token']}"}
    assert (
        requests.get(running.backend + "/api/v1/policy", headers=head, timeout=20).status_code
        != 401
    )


@pytest.mark.parametrize(
    ("host", "origin", "status"),
    [
        ("evil.example", "http://evil.example", 403),
        ("evil.example", None, 403),
        ("evil.example:{port}", "http://evil.example:{port}", 403),
        ("127.0.0.1:{port}", "http://evil.example", 403),
        ("127.0.0.1:{port}", "http://127.0.0.1:{port}", 101),
        ("localhost:{port}", "http://localhost:{port}", 101),
    ],
)
def test_the_dashboards_websocket_refuses_foreign_pages(
    running: Running, host: str, origin: str | None, status: int
) -> None:
    """A page of another host gets 403 from the dashboard's WebSocket; its own page gets on."""
    port = running.dashboard.rpartition(":")[2]
    filled = origin.format(port=port) if origin else None
    assert handshake(running.dashboard, host.format(port=port), filled) == status


def test_the_dashboard_listens_on_the_loopback_alone(running: Running) -> None:
    """No socket of ours is bound to an address that other machines reach."""
    family = [psutil.Process(running.process.pid)]
    family += family[0].children(recursive=True)
    listening = {
        c.laddr.ip
        for process in family
        for c in process.net_connections("inet")
        if c.status == psutil.CONN_LISTEN
    }
    assert listening == {"127.0.0.1"}


@pytest.mark.parametrize("command", ["up", "serve"])
def test_a_second_backend_on_the_home_is_refused(running: Running, command: str) -> None:
    """Starting again on the same home gives one clear line and exit code 1."""
    second = subprocess.run(
        [*COMMAND, command], env=running.environ, capture_output=True, text=True, check=False
    )
    assert (second.returncode, second.stdout) == (1, "")
    assert second.stderr.startswith("brushmark: Another backend already serves ")
    assert second.stderr.count("\n") == 1


@pytest.mark.parametrize("setting", ["BRUSHMARK_PORT", "BRUSHMARK_DASHBOARD_PORT"])
def test_a_port_in_use_is_one_line(running: Running, setting: str, tmp_path: Path) -> None:
    """On another home, a port that is taken gives one line that names the setting."""
    environ = {
        **running.environ,
        "BRUSHMARK_HOME": str(tmp_path / "other"),
        setting: running.backend.rpartition(":")[2],
    }
    second = subprocess.run(
        [*COMMAND, "up"], env=environ, capture_output=True, text=True, check=False
    )
    assert second.returncode == 1
    assert setting in second.stderr
    assert second.stderr.count("\n") == 1


def test_ctrl_c_stops_everything_cleanly(running: Running) -> None:
    """SIGINT ends with exit code 0 and leaves no process and no listener behind."""
    family = psutil.Process(running.process.pid).children(recursive=True)
    assert len(family) >= 2
    running.process.send_signal(signal.SIGINT)
    assert running.process.wait(timeout=30) == 0
    assert not any(process.is_running() for process in family)
    with pytest.raises(requests.ConnectionError):
        requests.get(running.backend + "/healthz", timeout=5)


def test_the_greeting_says_where_everything_is(tmp_path: Path) -> None:
    """The greeting names both addresses, the code and the unpacked extension's folder."""
    (tmp_path / "manifest.json").write_text("{}")
    text = greeting(Settings(home=tmp_path), "ABCD-EFGH", tmp_path)
    for part in ("http://127.0.0.1:8765", "http://127.0.0.1:8501", "ABCD-EFGH", str(tmp_path)):
        assert part in text


@pytest.mark.parametrize(
    ("trusted", "name"),
    [
        ("team.example", "team.example"),
        ("192.168.1.5:8765", "192.168.1.5"),
        ("[fd00::5]", "fd00::5"),
    ],
)
def test_the_dashboard_is_told_names_as_it_compares_them(
    tmp_path: Path, trusted: str, name: str
) -> None:
    """A trusted host's port is the backend's: the dashboard compares names alone."""
    arguments = dashboard_program(Settings(home=tmp_path, trusted_hosts=(trusted,))).arguments
    hosts = [b for a, b in pairwise(arguments) if a == "--server.allowedHosts"]
    assert hosts == ["localhost", "127.0.0.1", name]


def test_a_public_dashboard_answers_to_the_address_it_listens_on(tmp_path: Path) -> None:
    """With BRUSHMARK_HOST an address of its own, visitors may ask for it by that."""
    settings = Settings(home=tmp_path, public=True, host="192.168.1.5")
    arguments = dashboard_program(settings).arguments
    assert ("--server.allowedHosts", "192.168.1.5") in set(pairwise(arguments))
