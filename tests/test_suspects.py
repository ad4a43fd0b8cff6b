"""Doubtful labels with the vectors that the shipped weights bring."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from safetensors import safe_open

from backend.activity import activity
from backend.domain import Label, ModelRef, ReviewLabel
from backend.model.card import FEATURES
from backend.model.reference import find_reference
from backend.model.registry import find_card
from backend.service import Service
from backend.settings import Settings
from backend.storage.images import ImageStore
from backend.storage.repository import Extras
from backend.suspects import suspects
from tests.fakes import FakeJudge
from tests.memory_repository import MemoryRepository
from tests.records import record, review


def test_like_pictures_have_half_a_say(tmp_path: Path) -> None:
    """Of held-out pictures whose labels were turned over, most are found, near the top.

    One label in ten is turned; ranking by chance would find one in ten of them.
    """
    settings = Settings(home=tmp_path)
    card = find_card(settings)
    reference = find_reference(settings, card.ref.version)
    assert reference is not None
    with safe_open(card.folder / FEATURES, "numpy") as file:
        vectors, labels = file.get_tensor("val.features"), file.get_tensor("val.labels")
        logits = file.get_tensor("val.logits")
    draw = np.random.default_rng(2)
    turned = draw.random(len(labels)) < 0.1
    repository = MemoryRepository()
    names = list(ReviewLabel)[:2]  # AI-generated, human-made
    for i, (vector, logit) in enumerate(zip(vectors, logits, strict=True)):
        score = card.calibration.apply(float(logit))
        kept = record(i, score=score, model=ModelRef(card.ref.version, card.ref.sha256))
        repository.append_prediction(kept, Extras(features=vector.astype("<f2").tobytes()))
        is_ai = bool(labels[i]) != bool(turned[i])
        repository.append_review(review(i, kept, names[0] if is_ai else names[1]))
    found = suspects(repository, reference, 40)
    assert found.reviewed == len(labels)
    hits = [turned[int(s.record.id[1:])] for s in found.found]
    assert np.mean(hits) > 0.4
    assert all(s.unlike is not None for s in found.found)
    by_score = suspects(repository, None, 40)
    assert by_score.expected == found.expected
    assert all(s.unlike is None for s in by_score.found)
    alone = np.mean([turned[int(s.record.id[1:])] for s in by_score.found])
    assert np.mean(hits) >= alone


def test_the_shipped_weights_say_what_they_learnt_from(tmp_path: Path) -> None:
    """Activity compares with held-out scores and with what the training pictures were."""
    settings = Settings(home=tmp_path)
    judge = FakeJudge(find_card(settings).ref.version)
    service = Service(settings, MemoryRepository(), ImageStore(tmp_path / "images"), judge)
    for i in range(40):
        kept = record(i, score=0.9, at=datetime.now(UTC))
        service.repository.append_prediction(kept, Extras())
    compared = {(c.property, c.against): c for c in activity(service, 7).drift}
    scores = compared["score", f"held-out pictures of {judge.ref.version}"]
    sides = compared["side", f"training pictures’ originals of {judge.ref.version}"]
    assert sum(scores.expected.values()) > 500
    assert sum(sides.expected.values()) > 4000
    assert scores.drift is not None
    assert scores.drift.is_notable  # forty pictures of one score are like nothing
    assert ("bytes", "the 7 days before") in compared


def test_vectors_of_another_version_are_not_compared(tmp_path: Path) -> None:
    """Vectors of different networks have nothing to do with each other."""
    settings = Settings(home=tmp_path)
    reference = find_reference(settings, find_card(settings).ref.version)
    assert reference is not None
    repository = MemoryRepository()
    for i in range(10):
        kept = record(i, score=0.9 if i % 2 else 0.1)
        repository.append_prediction(kept, Extras(features=bytes(2 * 2048)))
        wrong = i == 3
        label = ReviewLabel.AI_GENERATED if (i % 2 == 1) != wrong else ReviewLabel.HUMAN_MADE
        repository.append_review(review(i, kept, label))
    (suspect,) = suspects(repository, reference, 5).found
    assert (suspect.label, suspect.unlike) == (Label.HUMAN_MADE, None)
    assert find_reference(replace(settings), "no-such-version") is None


@pytest.mark.parametrize("scores", [[], [0.9, 0.9], [0.9]])
def test_one_sided_reviews_suspect_nobody(scores: list[float]) -> None:
    """Without reviews of both kinds there is nothing to compare labels by."""
    repository = MemoryRepository()
    for i, score in enumerate(scores):
        kept = record(i, score=score)
        repository.append_prediction(kept, Extras())
        repository.append_review(review(i, kept, ReviewLabel.AI_GENERATED))
    assert suspects(repository, None, 5).found == ()
