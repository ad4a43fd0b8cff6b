"""What a job keeps beside its entry in the store: who holds it, how far it is, its curve."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from backend.settings import Settings
from backend.training.run import write_text

STARTING_S = 30.0
"""How long a process may take from being started to holding its job."""


@dataclass(frozen=True, slots=True)
class JobFolder:
    """The files of one job."""

    path: Path

    @classmethod
    def of(cls, settings: Settings, job_id: str) -> JobFolder:
        """Return the folder of a job, made where it is not there."""
        path = settings.home / "jobs" / job_id
        path.mkdir(parents=True, exist_ok=True)
        return cls(path)

    def lock(self) -> FileLock:
        """Return the lock that the job's process holds while it lives."""
        return FileLock(self.path / "lock", timeout=0)

    @property
    def log(self) -> Path:
        """Where the process writes what it has to say."""
        return self.path / "log.txt"

    @property
    def run(self) -> Path:
        """Where a fine-tune goes on after an interruption."""
        return self.path / "run"

    def mark_started(self) -> None:
        """Note that a process was started just now, and take back an earlier wish to stop."""
        (self.path / "cancel").unlink(missing_ok=True)
        (self.path / "started").touch()

    def is_alive(self) -> bool:
        """Say whether a process works on the job, or was started for it just now."""
        if not (self.path / "held").exists():
            # Not probed by its lock yet: to look would be to stand in the process's way.
            try:
                started = (self.path / "started").stat().st_mtime
            except OSError:
                return False
            return time.time() - started < STARTING_S
        lock = self.lock()
        try:
            lock.acquire()
        except Timeout:
            return True
        lock.release()
        return False

    def mark_held(self) -> None:
        """Note that the process has taken the job: from now on its lock tells of its life."""
        (self.path / "held").touch()

    def mark_unheld(self) -> None:
        """Forget that a process had taken the job, before another is started."""
        (self.path / "held").unlink(missing_ok=True)

    def ask_to_stop(self) -> None:
        """Ask the process to stop at its next step."""
        (self.path / "cancel").touch()

    def is_asked_to_stop(self) -> bool:
        """Say whether somebody wants the job to stop."""
        return (self.path / "cancel").exists()

    def place(self) -> dict[str, Any]:
        """Return where a re-score was when it was interrupted."""
        try:
            found = json.loads((self.path / "place.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return dict(found)

    def keep_place(self, place: dict[str, Any]) -> None:
        """Note how far a re-score has come."""
        write_text(self.path / "place.json", json.dumps(place))

    def forget_place(self) -> None:
        """Drop the place when the end is reached: it names a record."""
        (self.path / "place.json").unlink(missing_ok=True)

    def curve(self) -> list[dict[str, Any]]:
        """Return the fine-tune's figures so far, step by step."""
        for path in (self.path / "curve.jsonl", self.run / "history.jsonl"):
            try:
                lines = path.read_text(encoding="utf-8").splitlines()
                return [json.loads(line) for line in lines if line]
            except (OSError, ValueError):
                continue
        return []

    def keep_curve(self, history: list[dict[str, Any]]) -> None:
        """Keep the figures when the run folder goes."""
        write_text(self.path / "curve.jsonl", "".join(json.dumps(e) + "\n" for e in history))
