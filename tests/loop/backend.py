"""A backend in a process of its own, asked over HTTP, and the command line beside it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from backend.settings import Settings
from tests.loop.gallery import Shown

_ROOT = Path(__file__).parents[2]
_BATCH = 30


@dataclass(frozen=True)
class Backend:
    """Where a backend answers, and whose home it serves."""

    home: Path
    address: str
    session: requests.Session

    def ask(self, method: str, path: str, **options: Any) -> Any:
        """Send a request; return its JSON. Raises `HTTPError`."""
        answer = self.session.request(method, f"{self.address}/api/v1{path}", **options)
        answer.raise_for_status()
        return answer.json()

    def check(self, shown: Sequence[Shown], *, log: bool) -> list[dict[str, Any]]:
        """Check pictures, two batches at a time; return their records in order."""
        batches = [shown[start : start + _BATCH] for start in range(0, len(shown), _BATCH)]
        with ThreadPoolExecutor(2) as pool:
            found = pool.map(lambda some: self._check_batch(some, log), batches)
            return [record for records in found for record in records]

    def _check_batch(self, shown: Sequence[Shown], log: bool) -> list[dict[str, Any]]:
        parts = [("image", (f"{n}.jpg", s.data)) for n, s in enumerate(shown)]
        form = {"log": str(log).lower()}
        found = self.ask("POST", "/check/batch", files=parts, data=form)
        return [result["record"] for result in found["results"]]

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Call `brushmark` on the same home."""
        return subprocess.run(
            [sys.executable, "-m", "backend.cli", *arguments],
            env=_environment(self.home),
            capture_output=True,
            text=True,
        )


@contextmanager
def backend(home: Path) -> Iterator[Backend]:
    """Run a backend on a home for as long as the block lasts."""
    settings = {"BRUSHMARK_PORT": "0", "BRUSHMARK_KEEP_IMAGES": "all"}
    process = subprocess.Popen(
        [sys.executable, "-m", "backend.cli", "serve", "--quiet"],
        env={**_environment(home), **settings},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        said = process.stdout.readline()  # `Backend  http://127.0.0.1:…`, or nothing
        assert said.startswith("Backend"), "the backend did not start; its words are above"
        with requests.Session() as session:
            token = Settings(home=home).dashboard_token_path.read_text().strip()
            session.headers["Authorization"] = f"Bearer {token}"
            yield Backend(home, said.split()[-1], session)
    finally:
        process.terminate()
        process.communicate(timeout=60)


def _environment(home: Path) -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith("BRUSHMARK_")}
    return {**kept, "BRUSHMARK_HOME": str(home), "PYTHONPATH": str(_ROOT)}
