"""What the parts of the repository share: the documents, and the counters beside them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from backend.storage.engine import DocumentDB
from backend.storage.schema import STEPS, Step


class Store:
    """The open file with its document tables."""

    def __init__(self, path: Path, steps: Sequence[Step] = STEPS) -> None:
        self.path = path
        self.db = DocumentDB(path, steps)
        self.predictions = self.db.rows("predictions")
        self.reviews = self.db.rows("reviews")
        self.appeals = self.db.rows("appeals")
        self.tokens = self.db.rows("tokens")
        self.pairing_codes = self.db.rows("pairing_codes")
        self.policies = self.db.rows("policies")
        self.jobs = self.db.rows("jobs")
        self.facts = self.db.rows("facts")
        self.events = self.db.rows("events")
        self.credits = self.db.rows("credits")
