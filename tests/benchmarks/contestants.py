"""Those who are measured: each a process of its own that judges pictures when told to."""

from __future__ import annotations

import http.client
import json
import os
import socket
import subprocess
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import suppress
from http import HTTPStatus
from pathlib import Path

import psutil

from backend.settings import PREFIX, Settings
from backend.storage import open_repository
from backend.storage.images import ImageStore
from tests.benchmarks import asking
from tests.benchmarks.load import Timings, closed_loop

ROOT = Path(__file__).parents[2]
_START_S = 90.0


class Contestant(ABC):
    """A process and how to have it judge pictures; suspended while others are measured."""

    def __init__(self, name: str, command: Sequence[str], folder: Path, **environ: str) -> None:
        self.name = name
        folder.mkdir(parents=True)
        self._errors = folder / "stderr.txt"
        clean = {k: v for k, v in os.environ.items() if not k.startswith(PREFIX)}
        with self._errors.open("wb") as errors:
            self._process = subprocess.Popen(
                command,
                cwd=ROOT,
                env={**clean, **environ},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            )

    def wait_until_ready(self) -> None:
        """Return when pictures may come. Raises `RuntimeError` where they never will."""
        return

    def warm_up(self, pictures: Sequence[Path], clients: int) -> None:
        """Have pictures judged that nobody times."""
        self.judge(pictures, clients)

    @abstractmethod
    def judge(self, pictures: Sequence[Path], clients: int) -> Timings:
        """Have every picture judged once, by that many clients at a time."""

    def suspend(self) -> None:
        """Stop the process where it stands: an idle server's timers cost the others nothing."""
        for process in self._tree():
            process.suspend()

    def resume(self) -> None:
        """Let it go on."""
        for process in self._tree():
            process.resume()

    def resident_mb(self) -> float:
        """Return the resident memory of the process and its children, in megabytes."""
        return sum(process.memory_info().rss for process in self._tree()) / 1e6

    def stop(self) -> None:
        """End the process."""
        with suppress(psutil.NoSuchProcess):
            self.resume()
        self._process.terminate()
        try:
            self._process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _tree(self) -> list[psutil.Process]:
        process = psutil.Process(self._process.pid)
        return [process, *process.children(recursive=True)]

    def _line(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.name} ended: {self._errors.read_text()[-2000:]}")
        return line


class Brushmark(Contestant):
    """`brushmark serve` as users start it: token, durable log, pictures kept by default."""

    def __init__(self, folder: Path, weights: Path) -> None:
        home = folder / "home"
        own = {
            "BRUSHMARK_HOME": str(home),
            "BRUSHMARK_PORT": "0",
            "BRUSHMARK_WEIGHTS": str(weights),
        }
        super().__init__(
            "Brushmark, served",
            [sys.executable, "-u", "-m", "backend.cli", "serve", "--quiet"],
            folder,
            **own,
        )
        self._own = own
        self._sent = 0

    def wait_until_ready(self) -> None:
        """Wait for the address that it prints, then make a token."""
        port = int(self._line().rsplit(":", 1)[1])
        self._way = asking.brushmark(port, self._token())

    def judge(self, pictures: Sequence[Path], clients: int) -> Timings:
        """As `Contestant.judge`, over HTTP."""
        self._sent += len(pictures)
        return _over_http(self._way, pictures, clients)

    def logged(self) -> str:
        """Say what the stopped server's home holds. Raises `RuntimeError` where a log is short."""
        settings = Settings(home=Path(self._own["BRUSHMARK_HOME"]))
        repository = open_repository(settings)
        logged = repository.stats().predictions
        repository.close()
        if logged != self._sent:
            raise RuntimeError(f"{self._sent} pictures were sent and {logged} are in the log.")
        kept = sum(1 for _ in ImageStore(settings.images_path).hashes())
        return (
            f"All {logged} pictures sent to Brushmark are in its log; {kept} were kept for review."
        )

    def _token(self) -> str:
        command = [sys.executable, "-m", "backend.cli", "tokens", "create"]
        made = subprocess.run(
            [*command, "--name", "benchmark", "--scope", "check"],
            cwd=ROOT,
            env={**os.environ, **self._own},
            capture_output=True,
            text=True,
            check=True,
        )
        return made.stdout.strip()


class GradioPage(Contestant):
    """`founding_app.py` in its own environment, asked in the fastest way it offers."""

    def __init__(
        self,
        name: str,
        folder: Path,
        python: Path,
        checkpoint: Path,
        concurrency_limit: int | None = None,
    ) -> None:
        port = _free_port()
        command = [str(python), "-m", "tests.benchmarks.founding_app", str(checkpoint)]
        command += ["--port", str(port)]
        if concurrency_limit is not None:
            command += ["--concurrency-limit", str(concurrency_limit)]
        super().__init__(name, command, folder, GRADIO_TEMP_DIR=str(folder / "uploads"))
        self._port = port
        self._ways = asking.gradio_ways(port)
        self._way = self._ways[0]

    def wait_until_ready(self) -> None:
        """Wait until the page answers."""
        deadline = time.monotonic() + _START_S
        while not _answers(self._port):
            if self._process.poll() is not None or time.monotonic() > deadline:
                why = self._errors.read_text()[-2000:]
                raise RuntimeError(f"{self.name} did not start: {why}")
            time.sleep(0.1)

    def warm_up(self, pictures: Sequence[Path], clients: int) -> None:
        """Try every way of asking with that many clients and keep the fastest."""
        share = len(pictures) // len(self._ways)
        rates = {
            way: _over_http(way, pictures[n * share : (n + 1) * share], clients).images_per_s
            for n, way in enumerate(self._ways)
        }
        self._way = max(rates, key=lambda way: rates[way])

    def judge(self, pictures: Sequence[Path], clients: int) -> Timings:
        """As `Contestant.judge`, over HTTP."""
        return _over_http(self._way, pictures, clients)


class EagerTorch(Contestant):
    """Eager torch in a loop within one process: no server, no log."""

    def __init__(self, folder: Path, checkpoint: Path) -> None:
        command = [sys.executable, "-m", "tests.benchmarks.eager_loop", str(checkpoint)]
        super().__init__("torch eager, in-process", command, folder)

    def judge(self, pictures: Sequence[Path], clients: int) -> Timings:
        """As `Contestant.judge`, by a thread for each client."""
        assert self._process.stdin is not None
        order = {"pictures": [str(path) for path in pictures], "clients": clients}
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        answer = json.loads(self._line())
        return Timings(tuple(answer["latencies_s"]), answer["elapsed_s"])


def _over_http(way: asking.Way, pictures: Sequence[Path], clients: int) -> Timings:
    bodies = [way.prepare(path.read_bytes()) for path in pictures]
    return closed_loop(clients, bodies, way.connect)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _answers(port: int) -> bool:
    """Say whether the page answers: its port takes connections a moment before."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/config")
        return connection.getresponse().status == HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
