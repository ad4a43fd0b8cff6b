"""A file of JSON lines that says what is done, so that a killed run goes on."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from backend.errors import Conflict

Entry = Mapping[str, Any]


class Journal:
    """Entries are appended and reach the disk before `add` returns; a torn last line is cut off."""

    def __init__(self, file: Path) -> None:
        self._file = file
        file.parent.mkdir(parents=True, exist_ok=True)
        self.entries: list[Entry] = self._read()

    def _read(self) -> list[Entry]:
        if not self._file.exists():
            return []
        raw = self._file.read_bytes()
        whole = raw[: raw.rfind(b"\n") + 1]
        if len(whole) < len(raw):
            with self._file.open("r+b") as file:
                file.truncate(len(whole))
        try:
            return [json.loads(line) for line in whole.splitlines()]
        except ValueError as error:
            raise Conflict(
                f"The journal {self._file} is damaged. Move it away to begin anew."
            ) from error

    def add(self, entry: Entry) -> None:
        """Append an entry."""
        with self._file.open("ab") as file:
            file.write(json.dumps(entry, ensure_ascii=False).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())
        self.entries.append(entry)


def write_whole(file: Path, data: bytes) -> None:
    """Write a file so that it is there whole or not at all, whatever happens meanwhile."""
    file.parent.mkdir(parents=True, exist_ok=True)
    fresh = file.with_name(file.name + ".part")
    with fresh.open("wb") as out:
        out.write(data)
        out.flush()
        os.fsync(out.fileno())
    fresh.replace(file)


def write_credits(file: Path, columns: Sequence[str], rows: Iterable[Mapping[str, str]]) -> None:
    """Write the table that says of each picture where it comes from and under which terms."""
    fresh = file.with_name(file.name + ".part")
    with fresh.open("w", newline="", encoding="utf-8") as out:
        writer = csv.DictWriter(out, columns, restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows({k: _cell(v) for k, v in row.items()} for row in rows)
    fresh.replace(file)


def _cell(text: str) -> str:
    """Keep a cell on one line, and a spreadsheet from taking foreign words for a formula."""
    line = " ".join(text.split())
    return f"'{line}" if line.startswith(("=", "+", "-", "@")) else line
