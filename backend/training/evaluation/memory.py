"""Remember what was computed of a picture, line by line, so that interrupted work goes on."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, TextIO


class Remembered:
    """A JSONL file of entries keyed by a picture's SHA-256; a line a picture, appended at once.

    A line cut off by a crash is passed over. Safe to add to from many threads.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._entries = _read(path)
        self._lock = threading.Lock()
        self._file: TextIO | None = None

    def __enter__(self) -> Remembered:
        """Open for adding."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._file = self._path.open("a", encoding="utf-8")
        if self._file.tell() and not _ends_whole(self._path):
            self._file.write("\n")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def get(self, sha256: str) -> Mapping[str, Any] | None:
        """Return what is remembered of a picture, or None."""
        return self._entries.get(sha256)

    def add(self, sha256: str, entry: Mapping[str, Any]) -> None:
        """Remember an entry; it is in the operating system's hands when this returns."""
        if self._file is None:
            raise ValueError("open it first: with Remembered(path) as memory")
        line = json.dumps({"sha256": sha256, **entry})
        with self._lock:
            self._entries[sha256] = dict(entry)
            self._file.write(line + "\n")
            self._file.flush()


def _read(path: Path) -> dict[str, dict[str, Any]]:
    entries: dict[str, dict[str, Any]] = {}
    if not path.exists():
        return entries
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            entry = json.loads(line)
            entries[entry.pop("sha256")] = entry
        except (ValueError, KeyError, AttributeError, TypeError):
            continue
    return entries


def _ends_whole(path: Path) -> bool:
    with path.open("rb") as file:
        file.seek(-1, 2)
        return file.read(1) == b"\n"
