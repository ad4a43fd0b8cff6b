"""A labelled picture that a source offers, whoever made the source."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from backend.domain import Credit, Label, PredictionRecord, Review
from backend.exporting.cells import flat
from backend.exporting.examples import NO_LICENCE, UNSPECIFIED
from backend.importing.source import Source

PICTURES = frozenset({".avif", ".gif", ".jfif", ".jpe", ".jpeg", ".jpg", ".png", ".webp"})
_LABELS = {
    Label.AI_GENERATED: {"ai_generated", "ai", "generated", "fake", "synthetic", "aigenerated"},
    Label.HUMAN_MADE: {"human_made", "human", "real", "authentic", "humanmade"},
}
_SPLITS = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("val", "valid", "validation", "dev"), "val"),
    # What was held out elsewhere is never trained on here.
    **dict.fromkeys(("test", "testing", "eval", "evaluation", "unseen"), "test"),
}
_MOST_CHARS = 300
MALFORMED = (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError)
"""What reading JSON of any shape may raise."""


@dataclass(frozen=True, slots=True)
class Known:
    """What our own export says of a picture beyond its label."""

    record: PredictionRecord
    review: Review
    phash: int | None
    features: Callable[[], bytes | None]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A picture with its label; `name` is its file in the source, where there is one."""

    name: str | None
    label: Label
    sha256: str | None = None
    """As the source says; None where it does not."""
    credit: dict[str, str] = field(default_factory=dict)
    known: Known | None = None


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Something in the source that was not taken, and why."""

    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class Reading:
    """A source as it is understood: what kind it is, how much it offers, and the offers."""

    kind: str
    total: int
    offers: Callable[[Path], Iterator[Candidate | LeftOut]]
    """Given a folder to work in."""


def label_named(text: object) -> Label | None:
    """Return the label that a name in a foreign data set stands for; None where for neither.

    >>> label_named("AI-generated"), label_named("Real"), label_named("cat")
    (<Label.AI_GENERATED: 'ai_generated'>, <Label.HUMAN_MADE: 'human_made'>, None)
    """
    if not isinstance(text, str):
        return None
    plain = "_".join(text.strip().lower().replace("-", " ").replace("_", " ").split())
    return next((label for label, names in _LABELS.items() if plain in names), None)


def split_named(text: object) -> str | None:
    """Return our name of a split; None where it is none."""
    return _SPLITS.get(text.strip().lower()) if isinstance(text, str) else None


def text_of(value: object) -> str:
    """Return text from outside on one line, of bounded length."""
    return flat(value)[:_MOST_CHARS] if isinstance(value, str) else ""


def credit_of(sha256: str, label: Label, given: dict[str, str], source_name: str) -> Credit:
    """Fill what a source says of a picture up to a whole credit."""
    human = label is Label.HUMAN_MADE
    return Credit(
        sha256=sha256,
        generator="human" if human else given.get("generator") or UNSPECIFIED,
        kind=given.get("kind") or UNSPECIFIED,
        source=given.get("source") or source_name or "import",
        licence=given.get("licence") or NO_LICENCE,
        group=given.get("group") or None,
        split=split_named(given.get("split")),
    )


def is_picture(name: str) -> bool:
    """Say whether a file's name is that of a picture."""
    path = PurePosixPath(name)
    return path.suffix.lower() in PICTURES and not path.name.startswith(".")


def picture_names(source: Source) -> list[str]:
    """Return the names of a source's pictures, in order."""
    return [
        name for name in source.names() if is_picture(name) and not name.startswith("__MACOSX/")
    ]
