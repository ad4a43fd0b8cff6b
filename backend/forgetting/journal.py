"""What a forgetting has erased so far, on disk until it is done: a kill loses track of nothing."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from backend.storage.connections import sync_folder
from backend.wire import time_from_text, time_to_text

NAME = "forgetting.jsonl"


@dataclass(slots=True)
class Traces:
    """What must not be left anywhere: ids, hashes and sites, and the words that were asked for."""

    ids: set[str] = field(default_factory=set)
    digests: set[str] = field(default_factory=set)
    sites: set[str] = field(default_factory=set)
    words: set[str] = field(default_factory=set)
    since: datetime | None = None
    """When the oldest of the records was made."""

    def add(self, other: Traces) -> None:
        """Take another's in."""
        self.ids |= other.ids
        self.digests |= other.digests
        self.sites |= other.sites
        self.words |= other.words
        moments = [moment for moment in (self.since, other.since) if moment is not None]
        self.since = min(moments) if moments else None


class Journal:
    """The traces of what is being forgotten, in a file of the home that only its owner reads."""

    def __init__(self, home: Path) -> None:
        self._path = home / NAME

    def left(self) -> Traces:
        """Return what an interrupted forgetting had erased, or was about to.

        A line that was cut short counts not: its records were not touched.
        """
        found = Traces()
        try:
            lines = self._path.read_text(encoding="utf-8").splitlines()
        except FileNotFoundError:
            return found
        for line in lines:
            try:
                found.add(_read(json.loads(line)))
            except (ValueError, KeyError, TypeError):
                continue
        return found

    def write(self, traces: Traces) -> None:
        """Add what is about to go; it is on the disk when this returns."""
        told = {
            "ids": sorted(traces.ids),
            "digests": sorted(traces.digests),
            "sites": sorted(traces.sites),
            "words": sorted(traces.words),
            "since": traces.since and time_to_text(traces.since),
        }
        descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            # After a line that was cut short a new one begins.
            file.write(f"\n{json.dumps(told)}\n")
            file.flush()
            os.fsync(file.fileno())
        sync_folder(self._path.parent)

    def close(self) -> None:
        """Remove it: everything is forgotten."""
        self._path.unlink(missing_ok=True)
        sync_folder(self._path.parent)


def _read(told: Any) -> Traces:
    return Traces(
        ids=set(told["ids"]),
        digests=set(told["digests"]),
        sites=set(told["sites"]),
        words=set(told["words"]),
        since=time_from_text(told["since"]) if told["since"] else None,
    )
