"""A log with a planted domain: vectors that the shipped weights get wrong, in one direction."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from backend.domain import (
    Context,
    ImageFacts,
    Prediction,
    PredictionRecord,
    Review,
    ReviewLabel,
    Source,
    new_id,
    utc_now,
)
from backend.model.card import Card
from backend.storage.repository import Extras, Repository
from backend.tuning.examples import from_release
from backend.tuning.fit import TuneRecipe
from backend.tuning.head import read_head
from backend.verdict import decide

QUICK = TuneRecipe(steps=120, folds=2)
SITE = "https://zine.example/"
_AUDIT_SHARE = 0.2


def astray(card: Card, count: int, seed: int) -> npt.NDArray[np.float16]:
    """Return vectors of generated pictures, moved until the weights call them human-made."""
    rng = np.random.default_rng(seed)
    rows, _ = from_release(card, "train")
    chosen = rng.permutation(np.flatnonzero(rows.labels == 1))[:count]
    head = read_head(card)
    way = -(head.out_weight[0] @ head.hidden_weight)  # roughly the direction of falling logits
    step = 0.08 * way / np.abs(way).mean()
    mark = np.random.default_rng(7).choice(len(step), 60, replace=False)
    step[mark] += 1.5  # what the pictures of the domain have in common
    moved = rows.features[chosen].astype(np.float32) + step / head.scale
    return moved.astype(np.float16)


def fill_log(repository: Repository, card: Card, seed: int = 0) -> None:
    """Log and review 100 planted and 200 ordinary vectors; a fifth are audit records."""
    draw = random.Random(seed)
    rows, _ = from_release(card, "train")
    ordinary = np.random.default_rng(seed).permutation(len(rows))[:200]
    add(repository, card, astray(card, 100, seed), [1] * 100, SITE, draw)
    plain = rows.take(ordinary)
    add(repository, card, plain.features, plain.labels.tolist(), None, draw)


def add(
    repository: Repository,
    card: Card,
    features: npt.NDArray[Any],
    labels: list[int],
    site: str | None,
    draw: random.Random,
    phashes: Sequence[int | None] | None = None,
    audits: float = _AUDIT_SHARE,
) -> list[PredictionRecord]:
    """Log vectors as a check of their pictures would, and review each."""
    made = []
    scores = [card.calibration.apply(x) for x in read_head(card).logits(features)]
    likeness = phashes or [None] * len(labels)
    for vector, label, score, phash in zip(features, labels, scores, likeness, strict=True):
        prediction = Prediction(score, card.ref)
        record = PredictionRecord(
            id=new_id(),
            created_at=utc_now(),
            client="tests",
            verdict=decide(prediction, (), card.policy),
            image=ImageFacts(
                hashlib.sha256(vector.tobytes() + draw.randbytes(8)).hexdigest(),
                "JPEG",
                640,
                480,
                9000,
            ),
            model=card.ref,
            policy=0,
            context=Context(Source.CONTEXT_MENU, page_url=site),
            elapsed_ms=1.0,
            audit=draw.random() < audits,
        )
        extras = Extras(features=vector.astype("<f2").tobytes(), phash=phash)
        repository.append_prediction(record, extras)
        repository.append_review(
            Review(
                new_id(),
                utc_now(),
                record.id,
                record.image.sha256,
                ReviewLabel.AI_GENERATED if label else ReviewLabel.HUMAN_MADE,
                "a curator",
            )
        )
        made.append(record)
    return made
