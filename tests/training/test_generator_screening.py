"""Whether a generator's family may be named: only where it is right often enough."""

import numpy as np

from backend.training.generator_screening import best_naming, out_of_fold


def test_a_family_that_shows_is_named_and_one_that_does_not_is_not() -> None:
    """Of three families, the one with a trace of its own is named rightly, the others are not."""
    rng = np.random.default_rng(0)
    family = np.array(["plain", "alike", "marked"]).repeat(150)
    source = np.array([f"s{i % 15}" for i in range(450)])
    statistics = rng.normal(size=(450, 8)).astype(np.float32)
    statistics[family == "marked", 0] += 8
    scores = out_of_fold([statistics, statistics], family, source)[0]
    assert np.allclose(scores.sum(axis=1), 1)
    marked = best_naming(scores, family, "marked")
    assert marked is not None
    assert marked.precision > 0.95
    alike = best_naming(scores, family, "alike")
    assert alike is None or alike.precision < 0.8


def test_a_source_never_helps_to_name_its_own_pictures() -> None:
    """Where families differ in their sources' look alone, no name is right out of fold."""
    rng = np.random.default_rng(1)
    number = np.arange(10).repeat(30)
    family = np.where(number % 2 == 0, "even", "odd")
    look = np.eye(10, dtype=np.float32)[number] * 8 + rng.normal(size=(300, 10)).astype(np.float32)
    scores = out_of_fold([look], family, np.array([f"s{n}" for n in number]))[0]
    right = np.mean(np.where(scores.argmax(axis=1) == 0, "even", "odd") == family)
    assert right < 0.7
