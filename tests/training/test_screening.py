"""Ideas on drawn statistics: what each claims to do, and that results are kept."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from backend.domain import Label
from backend.training import weighting
from backend.training.folds import make_folds
from backend.training.head import head_logits
from backend.training.idea_fit import columns, kept
from backend.training.ideas import BASE, TABLES, Idea
from backend.training.manifest import Row
from backend.training.recipes import HeadRecipe, Regularisation
from backend.training.regularised_head import Pictures, fit_regularised
from backend.training.screening import Notebook, table, try_idea

SMALL = HeadRecipe(hidden=8, epochs=12, lr=1e-2, batch_size=32, drop_in=0.0, drop_hidden=0.0)


def _row(number: int, target: int, source: str, **more: str) -> Row:
    return Row(
        number=number,
        file=Path("none"),
        path=f"{number}-whole.jpg",
        label=Label.AI_GENERATED if target else Label.HUMAN_MADE,
        generator="g",
        kind=more.pop("kind", "photo"),
        source=source,
        group=str(number),
        split="train",
        licence="",
        sha256=str(number),
        more=more,
    )


@pytest.fixture(scope="module")
def rows() -> tuple[Row, ...]:
    """120 pictures in 12 sources, half generated in six families."""
    return tuple(
        _row(n, n % 2, f"s{n % 12}", family=f"f{n % 12}" if n % 2 else "human") for n in range(120)
    )


@pytest.fixture(scope="module")
def statistics(rows: tuple[Row, ...]) -> list[np.ndarray]:  # type: ignore[type-arg]
    """Noise in which every second number tells the class a little, and a web copy of it."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(len(rows), 2048)).astype(np.float32)
    x[:, ::2] += np.array([[0.5 * r.target] for r in rows], np.float32)
    return [x, x + rng.normal(scale=0.1, size=x.shape).astype(np.float32)]


def _pictures(rows: tuple[Row, ...], copies: list[np.ndarray]) -> Pictures:  # type: ignore[type-arg]
    number = np.arange(len(rows))
    return Pictures(
        tuple(copies),
        np.array([r.target for r in rows], np.int64),
        np.ones(len(rows)),
        number % 12,
        np.where(number % 2 == 1, number % 12 // 2 + 1, 0),
    )


@pytest.mark.parametrize(
    "regularisation",
    [
        Regularisation(),
        Regularisation(balanced_batches=True),
        Regularisation(averaging=0.9),
        Regularisation(consistency=0.5),
        Regularisation(family=0.3),
    ],
)
def test_every_way_of_fitting_learns_what_shows(
    regularisation: Regularisation,
    rows: tuple[Row, ...],
    statistics: list[np.ndarray],  # type: ignore[type-arg]
) -> None:
    """Each way tells the drawn classes apart, and comes out the same from the same seed."""
    pictures = _pictures(rows, statistics)
    logits = head_logits(fit_regularised(pictures, SMALL, regularisation, 3), statistics[0])
    assert np.mean((logits > 0) == (pictures.targets == 1)) > 0.95
    again = head_logits(fit_regularised(pictures, SMALL, regularisation, 3), statistics[0])
    np.testing.assert_array_equal(logits, again)


def test_consistency_draws_the_copies_of_a_picture_together(
    rows: tuple[Row, ...],
) -> None:
    """Where the copies are unlike, the loss makes their logits more alike."""
    rng = np.random.default_rng(1)
    copies = [rng.normal(size=(len(rows), 2048)).astype(np.float32) for _ in range(2)]
    pictures = _pictures(rows, copies)
    gaps = []
    for consistency in (0.0, 1.0):
        head = fit_regularised(pictures, SMALL, Regularisation(consistency=consistency))
        logits = [head_logits(head, copy) for copy in copies]
        noise = float(np.std(logits[0]))
        gaps.append(float(np.mean((logits[0] - logits[1]) ** 2)) / max(noise, 1e-6))
    assert gaps[1] < gaps[0]


def test_the_watched_epoch_that_ranks_best_is_kept(
    rows: tuple[Row, ...],
    statistics: list[np.ndarray],  # type: ignore[type-arg]
) -> None:
    """Against watched pictures whose labels are the other way round, the first epoch is kept."""
    pictures = _pictures(rows, statistics)
    turned = replace(pictures, targets=1 - pictures.targets)
    kept_head = fit_regularised(pictures, SMALL, Regularisation(), 0, turned)
    last = fit_regularised(pictures, SMALL, Regularisation(), 0)
    found = [np.abs(head_logits(h, statistics[0])).mean() for h in (kept_head, last)]
    assert found[0] < found[1]


def test_matching_sizes_takes_away_what_the_size_says() -> None:
    """After matching, both classes have the same share of large originals, and equal weight."""
    rows = [
        _row(n, n % 2, "s", original_width="2000", original_height="2000")
        if (n % 2 == 0) == (n % 5 != 0)
        else _row(n, n % 2, "s", original_width="512", original_height="600")
        for n in range(200)
    ]
    weights = weighting.size_matched(rows, np.ones(200))
    large = np.array([r.more["original_width"] == "2000" for r in rows])
    target = np.array([r.target for r in rows])
    shares = [weights[large & (target == v)].sum() / weights[target == v].sum() for v in (0, 1)]
    assert shares[0] == pytest.approx(shares[1], abs=0.02)
    assert weights[target == 1].sum() == pytest.approx(weights[target == 0].sum())


def test_mining_raises_the_accused_alone(rows: tuple[Row, ...]) -> None:
    """Of human-made pictures those that folds of other sources accuse weigh twice the others."""
    accused = {0, 2, 4}

    def fit(learn: np.ndarray) -> object:  # type: ignore[type-arg]
        return lambda held: np.where(np.isin(held, list(accused)), 1.0, -1.0)

    found = weighting.mined(rows, np.ones(len(rows)), fit, 0)  # type: ignore[arg-type]
    human = [i for i, r in enumerate(rows) if r.target == 0]
    low, high = min(found[human]), max(found[human])
    assert high == pytest.approx(2 * low)
    assert {i for i in human if found[i] == high} == accused


def test_hard_kinds_weigh_twice() -> None:
    """Human-made illustrations weigh twice what photographs do; generated ones do not."""
    rows = [_row(n, n // 2, "s", kind="illustration" if n % 2 else "photo") for n in range(4)]
    found = weighting.hard_kinds(rows, np.ones(4))
    assert found[1] == pytest.approx(2 * found[0])
    assert found[2] == found[3]


def test_a_learning_curve_learns_from_less(rows: tuple[Row, ...]) -> None:
    """Shares of sources and pictures, and a most for each source, cut what is learnt from."""
    half = kept(rows, replace(BASE, sources=0.5), 0)
    assert len({r.source for r, k in zip(rows, half, strict=True) if k}) == 6
    assert kept(rows, replace(BASE, pictures=0.25), 0).sum() == 30
    few = kept(rows, replace(BASE, each=2), 0)
    assert few.sum() == 24
    assert kept(rows, BASE, 0).all()


def test_an_idea_reads_its_statistics_alone() -> None:
    """Means of the last stage are 512 of the 2,048 numbers, none of them early."""
    found = columns(replace(BASE, stages=(4,), moments=("mean",)))
    assert found.sum() == 512
    assert not found[:1024].any()
    assert columns(BASE).all()


def test_other_views_are_learnt_from_and_not_judged(rows: tuple[Row, ...]) -> None:
    """Crops beside whole views double what is learnt from, leave the folds as they are, and
    count for nothing when originals are judged: here they alone show the class."""
    rng = np.random.default_rng(4)
    crops = tuple(
        replace(r, path=f"{r.number}-crop.jpg", more={**r.more, "view": "crop"}) for r in rows
    )
    both = rows + crops
    x = rng.normal(size=(len(both), 2048)).astype(np.float32)
    x[len(rows) :, ::2] += np.array([[0.5 * r.target] for r in crops], np.float32)
    beside = replace(BASE, head=SMALL, also=("crop",))
    found = try_idea(beside, both, [x, x], 0)
    assert (
        found["learnt"][0] > 1.9 * try_idea(replace(BASE, head=SMALL), rows, [x, x], 0)["learnt"][0]
    )
    assert max(found["auc"]) < 0.7
    assert min(try_idea(replace(beside, views=("crop",)), both, [x, x], 0)["auc"]) > 0.9
    alone, among = (
        make_folds(rows),
        make_folds(both, sized_by=np.array([r.view == "whole" for r in both])),
    )
    for one, other in zip(alone, among, strict=True):
        np.testing.assert_array_equal(one.held_out, other.held_out[: len(rows)])
        np.testing.assert_array_equal(one.learn, other.learn[len(rows) :])


def test_results_are_kept_and_tabled(
    tmp_path: Path,
    rows: tuple[Row, ...],
    statistics: list[np.ndarray],  # type: ignore[type-arg]
) -> None:
    """A result is found again by another start, not for another seed; the table shows the gap."""
    idea: Idea = replace(BASE, head=SMALL)
    figures = try_idea(idea, rows, statistics, 0)
    assert min(figures["auc"]) > 0.9
    notebook = Notebook(tmp_path / "found.jsonl", "data")
    notebook.write(idea, 0, figures)
    again = Notebook(tmp_path / "found.jsonl", "data")
    found = again.find(replace(idea, name="under another name"), 0)
    assert found is not None
    assert found["auc"] == figures["auc"]
    assert again.find(idea, 1) is None
    assert Notebook(tmp_path / "found.jsonl", "other").find(idea, 0) is None
    base = {**figures, "auc": [0.5, figures["auc"][1] - 0.25]}
    assert "(+0.250)" in table([(idea, [figures])], [base])


def test_every_idea_has_its_name() -> None:
    """No two ideas of a table share a name."""
    for ideas in TABLES.values():
        names = [idea.name for idea in ideas]
        assert len(set(names)) == len(names)
