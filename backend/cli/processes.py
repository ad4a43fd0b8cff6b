"""Start programs, wait until they answer, and stop them all when one ends or we are told to."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import FrameType
from urllib.error import URLError
from urllib.request import ProxyHandler, build_opener

from backend.errors import AlreadyRunning, Unavailable

_POLL_S = 0.1
_STOP_S = 8.0
"""How long a program may take to finish what it is doing before it is killed."""


@dataclass(frozen=True, slots=True)
class Program:
    """A Python module to run, its arguments, what to add to its environment, how to greet it."""

    name: str
    arguments: Sequence[str]
    health_url: str
    environment: Mapping[str, str] = field(default_factory=dict)


class Stopped(Exception):
    """Somebody asked us to stop."""


class Troupe:
    """Programs that start together and stop together."""

    def __init__(self, programs: Sequence[Program]) -> None:
        self._programs = programs
        self._running: list[tuple[Program, subprocess.Popen[bytes]]] = []

    def start(self) -> None:
        """Start every program."""
        for program in self._programs:
            self._running.append((program, _spawn(program)))

    def wait_until_ready(self, asked_to_stop: threading.Event, timeout_s: float = 60.0) -> None:
        """Return when all answer.

        Raises:
            Stopped: a signal came first.
            Unavailable: one ended or did not answer in time.
        """
        deadline = time.monotonic() + timeout_s
        for program, _ in self._running:
            while not answers(program.health_url):
                if time.monotonic() > deadline:
                    raise Unavailable(f"The {program.name} did not answer in {timeout_s:.0f} s.")
                self.pause(asked_to_stop)

    def watch(self, asked_to_stop: threading.Event) -> None:
        """Wait for ever. Raises `Stopped` or `Unavailable` as `wait_until_ready` does."""
        while True:
            self.pause(asked_to_stop)

    def pause(self, asked_to_stop: threading.Event) -> None:
        """Wait a moment. Raises `Stopped` or, where a program has ended, `Unavailable`."""
        if asked_to_stop.wait(_POLL_S):
            raise Stopped
        for program, process in self._running:
            code = process.poll()
            if code is not None:
                raise Unavailable(
                    f"The {program.name} stopped by itself (exit code {code}); "
                    "everything else was stopped too. Its last lines are above."
                )

    def stop(self) -> None:
        """Stop every program, politely at first; the last to start is the first to go."""
        for _, process in reversed(self._running):
            if process.poll() is None:
                process.terminate()
        deadline = time.monotonic() + _STOP_S
        for _, process in reversed(self._running):
            try:
                process.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            if process.stdin is not None:
                process.stdin.close()
        self._running.clear()


def _spawn(program: Program) -> subprocess.Popen[bytes]:
    # A group of its own: Ctrl-C in the terminal reaches us alone, and we stop things in order.
    return subprocess.Popen(  # noqa: S603
        [sys.executable, "-m", "backend.cli.tethered", *program.arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        env={**os.environ, **program.environment},
        start_new_session=os.name == "posix",
        creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
    )


@contextmanager
def stop_on_signals() -> Iterator[threading.Event]:
    """Turn SIGINT, SIGTERM and SIGHUP into an event for as long as the context lasts."""
    event = threading.Event()

    def ask(_number: int, _frame: FrameType | None) -> None:
        event.set()

    names = ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")
    numbers = [getattr(signal, name) for name in names if hasattr(signal, name)]
    before: list[tuple[int, object]] = [(n, signal.signal(n, ask)) for n in numbers]
    try:
        yield event
    finally:
        for number, handler in before:
            signal.signal(number, handler)  # type: ignore[arg-type]


def run_together(programs: Sequence[Program], when_ready: Callable[[], None]) -> None:
    """Run programs until a signal comes; stop all of them whatever happens.

    Raises:
        Unavailable: one of them ended, or never answered.
    """
    troupe = Troupe(programs)
    with stop_on_signals() as asked_to_stop:
        try:
            troupe.start()
            troupe.wait_until_ready(asked_to_stop)
            when_ready()
            troupe.watch(asked_to_stop)
        except Stopped:
            return
        finally:
            troupe.stop()


def answers(url: str) -> bool:
    """Say whether a local server answers an address with success."""
    opener = build_opener(ProxyHandler({}))  # never through a proxy of the environment
    try:
        with opener.open(url, timeout=2) as response:
            return bool(response.status < 300)
    except (URLError, OSError):
        return False


def claim_port(host: str, port: int, setting: str) -> int:
    """Return the port if nobody listens on it; for 0 one that the system finds free.

    Raises:
        AlreadyRunning: the port is in use, or not ours to take.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        if os.name == "posix":
            # Connections that linger from a moment ago are no obstacle; listeners are.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise AlreadyRunning(
                f"Port {port} on {host} cannot be taken ({error.strerror}). Stop what uses it, "
                f"or choose another with {setting}."
            ) from error
        return int(probe.getsockname()[1])
