"""Programs that start together, are watched together and stop together."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from backend.cli.processes import Program, answers, claim_port, run_together
from backend.errors import AlreadyRunning, Unavailable

LOOPBACK = "127.0.0.1"
Children = Callable[[], list[psutil.Process]]


def file_server(name: str = "files") -> Program:
    """A program that answers HTTP: Python's own file server."""
    port = claim_port(LOOPBACK, 0, "-")
    return Program(
        name, ("http.server", str(port), "--bind", LOOPBACK), f"http://{LOOPBACK}:{port}/"
    )


@pytest.fixture
def children() -> Children:
    """Return what lists the processes that a test started, without those of tests before it."""
    before = set(psutil.Process().children(recursive=True))
    return lambda: [p for p in psutil.Process().children(recursive=True) if p not in before]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_everything(number: int, children: Children) -> None:
    """On SIGINT or SIGTERM all programs are stopped, and the earlier handlers are back."""
    before = signal.getsignal(number)
    programs = [file_server("one"), file_server("two")]
    seen: list[int] = []

    def ready() -> None:
        assert all(answers(program.health_url) for program in programs)
        seen.extend(child.pid for child in children())
        os.kill(os.getpid(), number)

    run_together(programs, ready)
    assert len(seen) == 2
    assert not any(psutil.pid_exists(pid) for pid in seen)
    assert signal.getsignal(number) is before


def test_one_that_ends_takes_the_others_along(children: Children) -> None:
    """A program that ends by itself is named, and nothing else is left running."""
    with pytest.raises(Unavailable, match="The short one stopped by itself"):
        run_together(
            [file_server(), Program("short one", ("this",), "http://127.0.0.1:1/")],
            lambda: pytest.fail("it was never ready"),
        )
    assert children() == []


def test_an_error_at_the_greeting_stops_everything(children: Children) -> None:
    """Whatever goes wrong once all answer, the programs are stopped."""

    def ready() -> None:
        raise RuntimeError("no greeting")

    with pytest.raises(RuntimeError):
        run_together([file_server()], ready)
    assert children() == []


def test_programs_do_not_outlive_a_parent_that_is_killed(tmp_path: Path) -> None:
    """Even kill -9 of the parent, which can stop nothing any more, ends its programs."""
    program = file_server()
    script = (
        "from backend.cli.processes import Program, run_together\n"
        f"p = Program('files', {tuple(program.arguments)!r}, {program.health_url!r})\n"
        "run_together([p], lambda: print('ready', flush=True))"
    )
    parent = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE)
    assert parent.stdout is not None
    with parent.stdout:
        assert parent.stdout.readline() == b"ready\n"
    (child,) = psutil.Process(parent.pid).children()
    parent.kill()
    parent.wait()
    _, alive = psutil.wait_procs([child], timeout=20)
    assert alive == []


def test_a_port_in_use_names_its_setting() -> None:
    """A port on which somebody listens is refused with the setting that changes it."""
    with socket.create_server((LOOPBACK, 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(AlreadyRunning, match=f"{port}.*BRUSHMARK_PORT"):
            claim_port(LOOPBACK, port, "BRUSHMARK_PORT")
    assert claim_port(LOOPBACK, port, "BRUSHMARK_PORT") == port


def test_port_zero_finds_a_free_one() -> None:
    """Port 0 becomes a port that can be listened on."""
    port = claim_port(LOOPBACK, 0, "BRUSHMARK_PORT")
    with socket.create_server((LOOPBACK, port)):
        pass


def test_nobody_there_is_no_answer() -> None:
    """An address on which nobody listens does not answer, and does not raise."""
    assert answers(f"http://{LOOPBACK}:{claim_port(LOOPBACK, 0, '-')}/") is False
