"""Records, reviews and the like that tests make up: valid, distinct, repeatable."""

from __future__ import annotations

import hashlib
import random
from datetime import UTC, datetime, timedelta

from backend.domain import (
    Activation,
    Appeal,
    Basis,
    Context,
    Evidence,
    EvidenceStatus,
    ImageFacts,
    Label,
    ModelRef,
    Outcome,
    Prediction,
    PredictionRecord,
    Review,
    ReviewLabel,
    Source,
    Verdict,
)
from backend.storage.repository import Extras

EPOCH = datetime(2026, 3, 1, 12, tzinfo=UTC)
MODEL = ModelRef("seed-1", "5" * 64)


def digest(number: int) -> str:
    """Return the SHA-256 of a made-up picture."""
    return hashlib.sha256(f"picture {number}".encode()).hexdigest()


def make_id(kind: str, number: int) -> str:
    """Return an id of 26 characters that says what it is of."""
    return f"{kind}{number:0{26 - len(kind)}d}"


def record(
    number: int,
    *,
    picture: int | None = None,
    score: float | None = 0.9,
    outcome: Outcome | None = None,
    at: datetime | None = None,
    client: str = "tests",
    context: Context | None = None,
    model: ModelRef = MODEL,
    summary: str = "This looks AI-generated: the model puts it at 90 %.",
    conflict: bool = False,
    audit: bool = False,
) -> PredictionRecord:
    """Make a record; without a score the picture was not assessed."""
    if outcome is None:
        outcome = Outcome.NOT_ASSESSED if score is None else _outcome(score)
    prediction = None if score is None else Prediction(score, model)
    basis = None if outcome is Outcome.NOT_ASSESSED else Basis.MODEL
    evidence = (Evidence("c2pa", EvidenceStatus.ABSENT, None, "No content credentials."),)
    return PredictionRecord(
        id=make_id("P", number),
        created_at=at or EPOCH + timedelta(seconds=number),
        client=client,
        verdict=Verdict(outcome, prediction, evidence, basis, summary, conflict),
        image=ImageFacts(digest(number if picture is None else picture), "JPEG", 640, 480, 50_000),
        model=model,
        policy=1,
        context=context or Context(Source.CONTEXT_MENU),
        elapsed_ms=12.34,
        audit=audit,
    )


def _outcome(score: float) -> Outcome:
    if score >= 0.8:
        return Outcome.AI_GENERATED
    return Outcome.HUMAN_MADE if score <= 0.2 else Outcome.UNCERTAIN


def extras(seed: int = 0) -> Extras:
    """Make a 7 by 7 map and a vector of 512 halves."""
    draw = random.Random(seed)
    rows = tuple(tuple(draw.uniform(-1, 1) for _ in range(7)) for _ in range(7))
    beside = Activation(rows, (0.0, 0.125, 1.0, 0.875))
    return Extras(beside, draw.randbytes(1024), draw.getrandbits(64))


def review(
    number: int,
    of: PredictionRecord,
    label: ReviewLabel = ReviewLabel.HUMAN_MADE,
    at: datetime | None = None,
) -> Review:
    """Make a review of a record's bytes."""
    return Review(
        make_id("R", number),
        at or EPOCH + timedelta(days=1, seconds=number),
        of.id,
        of.image.sha256,
        label,
        "a curator",
        "brush strokes cross the seam",
    )


def appeal(number: int, of: PredictionRecord) -> Appeal:
    """Make an appeal against a record."""
    return Appeal(
        make_id("A", number),
        EPOCH + timedelta(days=2, seconds=number),
        of.id,
        of.image.sha256,
        Label.HUMAN_MADE,
        "I painted it.",
        "tests",
    )
