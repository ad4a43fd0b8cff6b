"""The words of Brushmark: frozen values that validate themselves. Standard library only."""

from __future__ import annotations

import math
import os
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum

_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
SIDE_EDGES_PX = (0, 200, 300, 400, 600, 800, 1000, 1500, 2000, 3000)
"""Lower edges of the classes that pictures are counted in by their short side."""
_SHA256 = re.compile(r"[0-9a-f]{64}\Z")


class Label(StrEnum):
    """Ground truth: who made the picture."""

    AI_GENERATED = "ai_generated"
    HUMAN_MADE = "human_made"


class ReviewLabel(StrEnum):
    """What a curator may say of a picture. `CANNOT_TELL` is never exported."""

    AI_GENERATED = "ai_generated"
    HUMAN_MADE = "human_made"
    CANNOT_TELL = "cannot_tell"


class Outcome(StrEnum):
    """What a verdict says."""

    AI_GENERATED = "ai_generated"
    HUMAN_MADE = "human_made"
    UNCERTAIN = "uncertain"
    NOT_ASSESSED = "not_assessed"

    @property
    def words(self) -> str:
        """The outcome as people read it."""
        return {
            Outcome.AI_GENERATED: "AI-generated",
            Outcome.HUMAN_MADE: "human-made",
            Outcome.UNCERTAIN: "uncertain",
            Outcome.NOT_ASSESSED: "not assessed",
        }[self]


class SizeClass(StrEnum):
    """Class of a picture's short side: small copies have lost what a model reads."""

    UNDER_300 = "under_300"
    FROM_300 = "300_to_599"
    FROM_600 = "600_to_999"
    FROM_1000 = "from_1000"

    @property
    def words(self) -> str:
        """The class as people read it."""
        return {
            SizeClass.UNDER_300: "under 300 px",
            SizeClass.FROM_300: "300 to 599 px",
            SizeClass.FROM_600: "600 to 999 px",
            SizeClass.FROM_1000: "1000 px and more",
        }[self]

    @property
    def edges_px(self) -> tuple[int, int | None]:
        """The least short side of the class, and the least beyond it."""
        return {
            SizeClass.UNDER_300: (0, 300),
            SizeClass.FROM_300: (300, 600),
            SizeClass.FROM_600: (600, 1000),
            SizeClass.FROM_1000: (1000, None),
        }[self]

    @classmethod
    def of(cls, short_side_px: int) -> SizeClass:
        """Return the class of a short side.

        >>> SizeClass.of(299).words, SizeClass.of(300).words
        ('under 300 px', '300 to 599 px')
        """
        return next(c for c in reversed(cls) if short_side_px >= c.edges_px[0])


class Basis(StrEnum):
    """What a verdict rests on."""

    MODEL = "model"
    PROVENANCE = "provenance"
    REVIEW = "review"


class EvidenceStatus(StrEnum):
    """How far a finding in the file can be trusted."""

    VERIFIED = "verified"
    DECLARED = "declared"
    INVALID = "invalid"
    UNREADABLE = "unreadable"
    ABSENT = "absent"


class Source(StrEnum):
    """Where a check came from."""

    CONTEXT_MENU = "context-menu"
    PAGE_SCAN = "page-scan"
    DASHBOARD = "dashboard"
    CLI = "cli"
    API = "api"
    IMPORT = "import"


class Scope(StrEnum):
    """What a token may do; each scope includes those before it."""

    CHECK = "check"
    READ = "read"
    REVIEW = "review"
    ADMIN = "admin"

    def includes(self, other: Scope) -> bool:
        """Say whether this scope allows what `other` allows."""
        order = list(Scope)
        return order.index(self) >= order.index(other)


def new_id() -> str:
    """Make an id of 26 characters that sorts by time of creation (a ULID).

    48 bits of milliseconds, 80 random bits, Crockford's base 32.
    Source: https://github.com/ulid/spec.
    """
    value = (time.time_ns() // 1_000_000) << 80 | int.from_bytes(os.urandom(10))
    return "".join(_CROCKFORD[(value >> shift) & 31] for shift in range(125, -1, -5))


def utc_now() -> datetime:
    """Return the present moment in UTC."""
    return datetime.now(UTC)


def percent(probability: float) -> str:
    """Write a probability in whole per cent, never as certainty.

    >>> percent(0.934), percent(0.9999), percent(0.0001)
    ('93 %', 'over 99 %', 'under 1 %')
    """
    if probability > 0.99:
        return "over 99 %"
    if probability < 0.01:
        return "under 1 %"
    return f"{probability * 100:.0f} %"


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise ValueError(message)


def _require_probability(name: str, value: float) -> None:
    _require(
        math.isfinite(value) and 0.0 <= value <= 1.0, f"{name} must lie in [0, 1], not {value!r}"
    )


@dataclass(frozen=True, slots=True)
class ModelRef:
    """The version of a model and the SHA-256 of its card, which names every file's hash."""

    version: str
    sha256: str

    def __post_init__(self) -> None:
        _require(bool(self.version), "a model has a version")
        _require(bool(_SHA256.match(self.sha256)), "a model's sha256 is 64 hex digits")


@dataclass(frozen=True, slots=True)
class Prediction:
    """A calibrated P(ai_generated) by one model version."""

    score: float
    model: ModelRef
    likely_generator: str | None = None

    def __post_init__(self) -> None:
        _require_probability("score", self.score)

    @property
    def probabilities(self) -> dict[Label, float]:
        """The probability of each class; they sum to one."""
        return {Label.AI_GENERATED: self.score, Label.HUMAN_MADE: 1.0 - self.score}


@dataclass(frozen=True, slots=True)
class Evidence:
    """One provenance finding: what the file says of itself, and how far to trust it."""

    kind: str
    status: EvidenceStatus
    label: Label | None
    detail: str
    prompt: str | None = None
    """What the generator was asked for, where the file gives it away; logged only if allowed."""


@dataclass(frozen=True, slots=True)
class Policy:
    """Published thresholds on the score: uncertain strictly between them."""

    number: int
    human_at_most: float
    ai_at_least: float
    published_at: datetime
    author: str = "model card"
    note: str = ""

    def __post_init__(self) -> None:
        _require(self.number >= 0, "policies are numbered from 0")
        _require_probability("human_at_most", self.human_at_most)
        _require_probability("ai_at_least", self.ai_at_least)
        _require(
            self.human_at_most < self.ai_at_least,
            f"human_at_most {self.human_at_most} must lie below ai_at_least {self.ai_at_least}",
        )


@dataclass(frozen=True, slots=True)
class ImageFacts:
    """What is known of a picture before anybody judges it.

    `width` and `height` are in pixels after the EXIF orientation was applied; `bytes` and
    `sha256` are of the original file. `frames` is above one for animations, whose first
    frame alone is judged.
    """

    sha256: str
    format: str
    width: int
    height: int
    bytes: int
    frames: int = 1

    def __post_init__(self) -> None:
        _require(bool(_SHA256.match(self.sha256)), "sha256 is 64 hex digits")
        _require(self.width > 0 and self.height > 0, "a picture has at least one pixel")
        _require(self.bytes > 0, "a picture has at least one byte")
        _require(self.frames >= 1, "a picture has at least one frame")

    @property
    def short_side_px(self) -> int:
        """The shorter side in pixels."""
        return min(self.width, self.height)


@dataclass(frozen=True, slots=True)
class Verdict:
    """An outcome with what it rests on and a sentence a person can act on."""

    outcome: Outcome
    prediction: Prediction | None
    evidence: tuple[Evidence, ...]
    basis: Basis | None
    summary: str
    conflict: bool = False
    """The model and the file say opposite things: a person should look."""

    def __post_init__(self) -> None:
        assessed = self.outcome is not Outcome.NOT_ASSESSED
        _require(assessed == (self.basis is not None), "a basis goes with an assessed outcome")
        if self.basis is Basis.MODEL:
            _require(self.prediction is not None, "a model's verdict has a prediction")
        _require(bool(self.summary), "a verdict has a summary")


@dataclass(frozen=True, slots=True)
class Context:
    """How a picture came to be checked."""

    source: Source = Source.API
    page_url: str | None = None
    image_url: str | None = None
    page_title: str | None = None


@dataclass(frozen=True, slots=True)
class PredictionRecord:
    """What the log holds of one check. Reviews and appeals are documents of their own."""

    id: str
    created_at: datetime
    client: str
    verdict: Verdict
    image: ImageFacts
    model: ModelRef | None
    policy: int | None
    context: Context
    elapsed_ms: float
    audit: bool = False
    """Drawn at random for the audit sample when it was logged."""


@dataclass(frozen=True, slots=True)
class Activation:
    """Contribution of each position to the logit of `ai_generated` against `human_made`.

    `values` are rows of the map, top to bottom; `region` is the part of the picture the map
    covers as fractions (left, top, right, bottom) of its width and height.
    """

    values: tuple[tuple[float, ...], ...]
    region: tuple[float, float, float, float]

    def __post_init__(self) -> None:
        _require(bool(self.values) and bool(self.values[0]), "a map has at least one position")
        _require(len({len(row) for row in self.values}) == 1, "a map's rows are of one length")
        left, top, right, bottom = self.region
        _require(0 <= left < right <= 1 and 0 <= top < bottom <= 1, "a region lies in the picture")


@dataclass(frozen=True, slots=True)
class Review:
    """A curator's label for the bytes of a record. Appended, never overwriting."""

    id: str
    created_at: datetime
    prediction_id: str
    sha256: str
    label: ReviewLabel
    reviewer: str
    note: str = ""
    undone_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Appeal:
    """A visitor's disagreement with a verdict, sent from the browser."""

    id: str
    created_at: datetime
    prediction_id: str
    sha256: str
    claim: Label
    reason: str
    client: str


@dataclass(frozen=True, slots=True)
class Credit:
    """What an imported data set says of a picture's bytes, and the log cannot know."""

    sha256: str
    generator: str
    kind: str
    source: str
    licence: str
    group: str | None = None
    """Pictures that belong together there: near-duplicates and series."""
    split: str | None = None


@dataclass(frozen=True, slots=True)
class Token:
    """A client's key, kept as a hash alone."""

    id: str
    created_at: datetime
    name: str
    scope: Scope
    digest: str
    """SHA-256 of the secret, in hex: the secret has 256 random bits, so no salt is needed."""
    revoked_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class PairingCode:
    """A one-time code that a browser exchanges for a token."""

    id: str
    created_at: datetime
    expires_at: datetime
    digest: str
    used_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Job:
    """Long work in a process of its own: a fine-tune or a re-score."""

    id: str
    created_at: datetime
    kind: str
    state: str
    progress: float = 0.0
    detail: str = ""
    options: Mapping[str, object] = field(default_factory=dict)
    finished_at: datetime | None = None
    result: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AuditEvent:
    """Who did what, when: a token made, a policy published, a model activated, a deletion."""

    id: str
    created_at: datetime
    actor: str
    action: str
    detail: str = ""
