"""What is asked of an export: which records, in which form, split how."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, fields
from datetime import datetime
from enum import StrEnum
from typing import Any

from backend.domain import utc_now
from backend.errors import BadInput
from backend.storage.repository import PredictionFilter
from backend.wire import Json, time_to_text


class ExportFormat(StrEnum):
    """What the zip holds; a data card, the report and checksums always come along."""

    ALL = "all"
    """Everything below, the log's records and their feature vectors: what `import` reads best."""
    IMAGEFOLDER = "imagefolder"
    """Pictures by split and label, each split with its metadata.jsonl."""
    CSV = "csv"
    """The manifest alone, without pictures."""
    LABEL_STUDIO = "label_studio"
    """Pictures, and Label Studio's tasks with annotations and predictions."""

    @property
    def has_pictures(self) -> bool:
        """Whether the pictures themselves are in it."""
        return self is not ExportFormat.CSV

    def has(self, part: ExportFormat) -> bool:
        """Say whether a part belongs to this format."""
        return self in {ExportFormat.ALL, part}


@dataclass(frozen=True, slots=True)
class Shares:
    """How large each split is to be; the shares add up to one."""

    train: float = 0.8
    val: float = 0.1
    test: float = 0.1
    seed: int = 0

    def __post_init__(self) -> None:
        shares = self.by_split(everything=True).values()
        if not all(math.isfinite(share) and 0 <= share <= 1 for share in shares):
            raise BadInput("Each split's share lies between 0 and 1.")
        if abs(sum(shares) - 1) > 1e-6:
            raise BadInput(f"The splits' shares add up to {sum(shares):g}; they must add up to 1.")

    def by_split(self, *, everything: bool = False) -> dict[str, float]:
        """Return the share of each split, those of no size left out."""
        shares = {"train": self.train, "val": self.val, "test": self.test}
        return {split: share for split, share in shares.items() if share > 0 or everything}


UNDIVIDED = Shares(1.0, 0.0, 0.0)
"""Everything in `train`."""


@dataclass(frozen=True, slots=True)
class ExportRequest:
    """One export as it was asked for."""

    where: PredictionFilter = field(default_factory=PredictionFilter)
    format: ExportFormat = ExportFormat.ALL
    split: Shares = field(default_factory=Shares)

    def to_json(self) -> Json:
        """Write it down for the history and for the zip itself; conditions not given are absent."""
        split = {name: getattr(self.split, name) for name in ("train", "val", "test", "seed")}
        return {
            "filter": filter_to_json(self.where),
            "format": self.format.value,
            "split": split,
        }


def filter_to_json(where: PredictionFilter) -> Json:
    """Return the conditions of a filter that were given, by name."""
    given = {f.name: getattr(where, f.name) for f in fields(where)}
    return {name: _plain(value) for name, value in given.items() if value is not None}


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return time_to_text(value)
    return value.value if isinstance(value, StrEnum) else value


def file_name() -> str:
    """Return a name for a new export's file: nothing but the day, so nothing can be smuggled in."""
    return f"brushmark-export-{utc_now():%Y%m%d}.zip"
