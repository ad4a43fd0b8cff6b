"""A log as a busy team has it after some weeks, put into a store directly, without pictures.

Scores, reviews, reviewers, sites, sizes and appeals are drawn so that pages have something to say:
the model is good and not perfect, one site and small pictures are worse, reviewers differ a little.
"""

from __future__ import annotations

import hashlib
import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from backend.domain import (
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
    new_id,
)
from backend.model.registry import find_card
from backend.settings import Settings
from backend.storage import open_repository
from backend.storage.images import ImageStore
from backend.storage.repository import Extras
from tests.records import digest

DAYS = 40
LOW, HIGH = 0.245, 0.826
REVIEWERS = ("ada", "bo", "cleo")
SITES = ("gallery.example", "forum.example", "news.example", "portfolio.example", "prints.example")
_BATCH = 2000
_FORMATS = ("JPEG",) * 7 + ("WEBP",) * 4 + ("PNG",) * 3 + ("AVIF",)
_SIDES = (240, 380, 480, 640, 768, 900, 1024, 1080, 1600, 2400)


def records(
    count: int, model: ModelRef, now: datetime, seed: int = 1
) -> Iterator[tuple[PredictionRecord, Label]]:
    """Yield records, oldest first, each with the truth about its picture."""
    draw = random.Random(seed)
    for number in range(count):
        # Weekdays are busier, and the log grows towards today.
        age = DAYS * (1 - (number / count) ** 0.7)
        truth = Label.AI_GENERATED if draw.random() < 0.4 else Label.HUMAN_MADE
        side = draw.choice(_SIDES)
        site = SITES[min(int(draw.expovariate(0.9)), len(SITES) - 1)]
        skill = 1.9 if side >= 600 else 1.0
        skill -= 0.5 if site == "forum.example" else 0
        logit = draw.gauss(skill if truth is Label.AI_GENERATED else -skill, 1.6)
        yield _record(number, model, now - timedelta(days=age), logit, side, site, draw), truth


def _record(
    number: int,
    model: ModelRef,
    at: datetime,
    logit: float,
    side: int,
    site: str,
    draw: random.Random,
) -> PredictionRecord:
    score = 1 / (1 + math.exp(-logit))
    outcome = Outcome.UNCERTAIN
    if score >= HIGH:
        outcome = Outcome.AI_GENERATED
    elif score <= LOW:
        outcome = Outcome.HUMAN_MADE
    evidence = (Evidence("c2pa", EvidenceStatus.ABSENT, None, "No content credentials."),)
    if draw.random() < 0.06:
        evidence = (Evidence("c2pa", EvidenceStatus.VERIFIED, None, "Signed by a camera."),)
    elif draw.random() < 0.08:
        evidence = (Evidence("exif", EvidenceStatus.DECLARED, None, "Taken with a camera."),)
    verdict = Verdict(outcome, Prediction(score, model), evidence, Basis.MODEL, "It looks so.")
    if draw.random() < 0.04:
        verdict = Verdict(Outcome.NOT_ASSESSED, None, evidence, None, "Too small to tell.")
        side = 120
    return PredictionRecord(
        id=new_id(),
        created_at=at,
        client=f"browser {number % 5}",
        verdict=verdict,
        image=ImageFacts(
            digest(number),
            draw.choice(_FORMATS),
            int(side * draw.uniform(1, 1.8)),
            side,
            int(side * side * draw.uniform(0.1, 0.5)) + 900,
        ),
        model=model,
        policy=0,
        context=Context(
            draw.choice((Source.PAGE_SCAN, Source.PAGE_SCAN, Source.CONTEXT_MENU, Source.API)),
            f"https://{site}/works/{number}",
            f"https://{site}/media/{number}.jpg",
            f"Study no. {number}",
        ),
        elapsed_ms=round(8 + draw.lognormvariate(2.3, 0.5), 2),
        audit=draw.random() < 0.05,
    )


def fill(
    home: Path,
    count: int,
    reviewed: int,
    model: ModelRef,
    features: bytes | None = None,
    pictures: Sequence[bytes] = (),
) -> Settings:
    """Fill a home's store with that many records, of which some are reviewed and appealed.

    `features` is the vector that lies beside the reviewed ones; `pictures` are kept, half
    for the newest records and half for the most uncertain.
    """
    settings = Settings(home=home, keep_addresses=True)
    settings.prepare_home()
    repository = open_repository(settings)
    draw = random.Random(5)
    kept = list(records(count, model, datetime.now(UTC)))
    images = ImageStore(settings.images_path)
    for place, data in zip(_places(kept, len(pictures)), pictures, strict=True):
        record, truth = kept[place]
        image = replace(record.image, sha256=hashlib.sha256(data).hexdigest(), bytes=len(data))
        images.put(image.sha256, data)
        kept[place] = replace(record, image=image), truth
    audit = [pair for pair in kept if pair[0].audit]
    chosen = draw.sample(kept, min(reviewed, count)) + audit[: reviewed // 8]
    beside = {record.id: Extras(features=features) for record, _ in chosen}
    for start in range(0, count, _BATCH):
        batch = (record for record, _ in kept[start : start + _BATCH])
        repository.append_predictions((r, beside.get(r.id, Extras())) for r in batch)
    with repository.db.transaction():
        for record, truth in chosen:
            for review in _reviews(record, truth, draw):
                repository.append_review(review)
        for record, truth in draw.sample(kept, count // 150):
            at = record.created_at + timedelta(hours=2)
            repository.append_appeal(
                Appeal(new_id(), at, record.id, record.image.sha256, truth, "Mine.", record.client)
            )
    repository.close()
    return settings


def _places(kept: Sequence[tuple[PredictionRecord, Label]], count: int) -> list[int]:
    """Return where the newest and the most uncertain records stand, half and half."""
    newest = list(range(len(kept) - count + count // 2, len(kept)))

    thresholds = find_card(Settings(home=Path("no-home")), None).policy
    middle = (thresholds.human_at_most + thresholds.ai_at_least) / 2

    def doubt(place: int) -> float:
        prediction = kept[place][0].verdict.prediction
        return abs(prediction.score - middle) if prediction else 1.0

    unsure = sorted(range(len(kept) - len(newest)), key=doubt)[: count - len(newest)]
    return newest + unsure


def _reviews(record: PredictionRecord, truth: Label, draw: random.Random) -> Iterator[Review]:
    people = draw.sample(REVIEWERS, 2 if draw.random() < 0.15 else 1)
    for place, reviewer in enumerate(people):
        label = ReviewLabel(truth.value)
        if draw.random() < 0.03:
            label = ReviewLabel.CANNOT_TELL
        elif draw.random() < 0.05:
            label = next(x for x in ReviewLabel if x.value != truth.value)
        base = Review(new_id(), record.created_at, record.id, record.image.sha256, label, reviewer)
        yield replace(base, created_at=record.created_at + timedelta(hours=1 + place))
