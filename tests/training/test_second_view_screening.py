"""A second view averaged nowhere, where the first is unsure, or everywhere."""

from pathlib import Path

import numpy as np
import pytest

from backend.domain import Label
from backend.training.calibrate import Origins
from backend.training.manifest import Row
from backend.training.screen import Logits, Screened
from backend.training.second_view_screening import WAYS, aligned, combine, figures

COUNT = 400


def _row(number: int, view: str) -> Row:
    return Row(
        number=number,
        file=Path("none"),
        path=f"{number}-{view}.jpg",
        label=Label.AI_GENERATED if number % 2 else Label.HUMAN_MADE,
        generator="g",
        kind="photo",
        source=f"s{number % 20}",
        group=str(number),
        split="train",
        licence="",
        sha256=f"{number}-{view}",
    )


def _screened(logits: Logits) -> Screened:
    number = np.arange(len(logits))
    return Screened(logits, number % 2, tuple(map(int, number)), (number,))


@pytest.fixture(scope="module")
def whole() -> list[Screened]:
    """Two variants' logits of 400 originals that tell the classes apart a little."""
    rng = np.random.default_rng(0)
    sides = np.where(np.arange(COUNT) % 2, 1.0, -1.0)
    return [_screened(sides + rng.normal(size=COUNT)) for _ in range(2)]


@pytest.fixture(scope="module")
def second() -> list[Logits]:
    """Logits of a native crop that tell the same apart; every tenth original has none."""
    rng = np.random.default_rng(1)
    number = np.arange(COUNT)
    logits = np.where(number % 2, 1.0, -1.0) + rng.normal(size=COUNT)
    return [np.where(number % 10 == 0, np.nan, logits)] * 2


def _origins() -> Origins:
    return Origins.of([_row(n, "whole") for n in range(COUNT)], 2)


def test_native_logits_come_to_their_own_originals() -> None:
    """Crops in another order find their originals, and what has none stays empty."""
    rows = [_row(n, "whole") for n in range(4)]
    others = [_row(n, "crop") for n in (3, 0, 2)]
    native = _screened(np.array([30.0, 0.0, 20.0]))
    found = aligned(rows, _screened(np.zeros(4)), others, native)
    np.testing.assert_array_equal(found, [0.0, np.nan, 20.0, 30.0])


def test_only_what_is_unsure_gets_a_second_look(
    whole: list[Screened], second: list[Logits]
) -> None:
    """Logits change just where the first view lies between its thresholds and has a crop."""
    alone, unsure, always = (combine(way, whole, second, _origins()) for way in WAYS)
    first = np.stack([w.logits for w in whole])
    np.testing.assert_array_equal(alone.logits, first)
    assert not alone.second.any()
    crops = np.isfinite(np.stack(second))
    np.testing.assert_array_equal(always.second, crops)
    np.testing.assert_array_equal(unsure.logits != first, unsure.second)
    assert 0 < unsure.second.sum() < crops.sum()
    sure = np.abs(first[~unsure.second & crops])
    assert np.median(sure) > np.median(np.abs(first[unsure.second]))


def test_a_second_look_pays_where_the_views_err_apart(
    whole: list[Screened], second: list[Logits]
) -> None:
    """With independent errors more is ranked rightly, most of all with both views everywhere."""
    found = [figures(whole, combine(way, whole, second, _origins()), _origins()) for way in WAYS]
    passes, auc = ([each[n] for each in found] for n in (0, 1))
    assert passes[0] == 0
    assert passes == sorted(passes)
    assert auc[0] < auc[1] < auc[2]
