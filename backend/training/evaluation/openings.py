"""A ledger of every look at a sealed split: a split that is opened often is no test any more."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from backend.errors import BadRun
from backend.training.manifest import SEALED


@dataclass(frozen=True, slots=True)
class Opening:
    """One look of one version at one split of one manifest; `date` is UTC, ISO 8601."""

    date: str
    version: str
    model_sha256: str
    split: str
    manifest_sha256: str
    command: str


def record(ledger: Path, opening: Opening) -> None:
    """Append a look at a sealed split; looks at `train` and `val` are not counted."""
    if opening.split not in SEALED:
        return
    ledger.parent.mkdir(parents=True, exist_ok=True)
    with ledger.open("a", encoding="utf-8") as file:
        file.write(json.dumps(asdict(opening)) + "\n")


def count(ledger: Path, model_sha256: str, card: Mapping[str, Any]) -> dict[str, dict[str, int]]:
    """Return how often each sealed split was opened: by the release, and here since.

    Raises:
        BadRun: a line of the ledger cannot be read; it is never passed over in silence.
    """
    released = card.get("data", {}).get("openings", {})
    here = dict.fromkeys(SEALED, 0)
    for opening in read(ledger):
        if opening.model_sha256 == model_sha256 and opening.split in here:
            here[opening.split] += 1
    return {
        split: {"by_the_release": int(released.get(split, 0)), "by_evaluate": here[split]}
        for split in SEALED
    }


def read(ledger: Path) -> tuple[Opening, ...]:
    """Return every look that was recorded. Raises `BadRun` as `count` does."""
    if not ledger.exists():
        return ()
    found = []
    for number, line in enumerate(ledger.read_text(encoding="utf-8").splitlines(), start=1):
        try:
            found.append(Opening(**json.loads(line)))
        except (ValueError, TypeError) as error:
            raise BadRun(
                f"{ledger}, line {number} is no record of an opening. Mend or move the ledger."
            ) from error
    return tuple(found)
