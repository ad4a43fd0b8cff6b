"""Prompts are varied, repeatable, and of kinds that the manifest knows."""

from __future__ import annotations

from collections import Counter

from backend.dataset.prompts import bank


def test_the_same_for_the_same_seed() -> None:
    """A prompt hangs on seed and index alone, so a run of 600 begins as one of 6 does."""
    assert bank().prompt(7, 3) == bank().prompt(7, 3)
    assert bank().prompt(7, 3) != bank().prompt(8, 3)


def test_varied() -> None:
    """Of 600 prompts hardly two are alike, and no kind or word rules them."""
    prompts = [bank().prompt(0, n) for n in range(600)]
    assert len({prompt.text for prompt in prompts}) >= 598
    kinds = Counter(prompt.kind for prompt in prompts)
    assert set(kinds) == {"painting", "drawing", "illustration", "photo", "render"}
    assert max(kinds.values()) < 300
    assert all(10 < len(prompt.text) < 400 for prompt in prompts)  # dall-e-2 took 1,000


def test_the_bank_is_large_and_without_doubles() -> None:
    """No part is short, and no entry stands twice in its part."""
    parts = {**bank().parts, **{kind: names for kind, _, names in bank().media}}
    for name, words in parts.items():
        assert len(words) == len(set(words)), name
        assert len(words) >= 8, name
    assert len(parts["subjects"]) >= 90
