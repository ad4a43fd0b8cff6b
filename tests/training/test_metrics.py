"""Figures are those of the textbooks."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as reference

from backend.training.calibrate import (
    Origins,
    apply,
    choose_thresholds,
    evidence_for,
    fit_platt,
    usual_thresholds,
    worst_source,
)
from backend.training.metrics import (
    brier,
    confusion,
    expected_calibration_error,
    roc_auc,
    summary,
    tpr_at_fpr,
)

RNG = np.random.default_rng(7)
TARGETS = RNG.integers(0, 2, 800).astype(np.int64)
SCORES = np.clip(RNG.normal(0.35 + 0.3 * TARGETS, 0.2), 0, 1).round(2)


def test_auc_and_brier_are_those_of_scikit_learn() -> None:
    """Ties and all, AUC and Brier score equal the reference implementation's."""
    assert roc_auc(SCORES, TARGETS) == pytest.approx(reference.roc_auc_score(TARGETS, SCORES))
    assert brier(SCORES, TARGETS) == pytest.approx(reference.brier_score_loss(TARGETS, SCORES))


@given(st.lists(st.tuples(st.floats(0, 1), st.integers(0, 1)), min_size=2, max_size=40))
@settings(max_examples=100, derandomize=True)
def test_auc_of_any_scores(pairs: list[tuple[float, int]]) -> None:
    """For any scores with both classes the AUC is the share of pairs in the right order."""
    scores = np.array([s for s, _ in pairs])
    targets = np.array([t for _, t in pairs], np.int64)
    if len(set(targets)) < 2:
        with pytest.raises(ValueError, match="both classes"):
            roc_auc(scores, targets)
        return
    ai, human = scores[targets == 1], scores[targets == 0]
    wins = (ai[:, None] > human).sum() + 0.5 * (ai[:, None] == human).sum()
    assert roc_auc(scores, targets) == pytest.approx(wins / (ai.size * human.size))


def test_the_confusion_matrix_counts_every_picture_once() -> None:
    """Cells are named by truth and verdict and add up."""
    cells = confusion(np.array([0.9, 0.2, 0.7, 0.1]), np.array([1, 1, 0, 0]))
    assert cells == {"ai_as_ai": 1, "ai_as_human": 1, "human_as_ai": 1, "human_as_human": 1}


def test_calibration_error_is_nil_for_honest_scores_and_large_for_boasts() -> None:
    """Scores that are right as often as they say have no error; certain coin tosses have .5."""
    targets = np.tile([1, 1, 1, 0], 50).astype(np.int64)
    assert expected_calibration_error(np.full(200, 0.75), targets) == pytest.approx(0)
    coin = np.tile([1, 0], 100).astype(np.int64)
    assert expected_calibration_error(np.ones(200), coin) == pytest.approx(0.5)


def test_true_positives_at_a_false_positive_rate() -> None:
    """The threshold lets through no more human pictures than asked."""
    found = tpr_at_fpr(SCORES, TARGETS, 0.05)
    fpr, tpr, _ = reference.roc_curve(TARGETS, SCORES, drop_intermediate=False)
    assert found == pytest.approx(tpr[fpr <= 0.05].max())


def test_platt_scaling_mends_scores_that_boast() -> None:
    """Logits three times too large come back to honest probabilities."""
    honest = RNG.normal(0, 2, 4000)
    targets = (RNG.random(4000) < 1 / (1 + np.exp(-honest))).astype(np.int64)
    fitted = fit_platt(3 * honest + 1, targets)
    assert fitted.slope == pytest.approx(1 / 3, abs=0.05)
    assert expected_calibration_error(apply(fitted, 3 * honest + 1), targets) < 0.03


def test_separable_data_stay_finite() -> None:
    """Where the classes do not overlap the slope stays finite."""
    logits = np.concatenate([np.full(20, -3.0), np.full(20, 3.0)])
    fitted = fit_platt(logits, np.repeat([0, 1], 20).astype(np.int64))
    assert 0 < fitted.slope < 100


def test_thresholds_hold_the_rates_they_were_asked_for() -> None:
    """On the data they were set on, no more than the asked share is wrongly decided."""
    chosen = choose_thresholds(
        SCORES,
        TARGETS,
        Origins.apart(["one"] * len(SCORES)),
        false_positive_rate=0.05,
        worst_source_rate=0.5,
        false_negative_rate=0.1,
    )
    assert np.mean(SCORES[TARGETS == 0] >= chosen.ai_at_least) <= 0.05
    assert np.mean(SCORES[TARGETS == 1] <= chosen.human_at_most) <= 0.10
    assert 0 < chosen.human_at_most < chosen.ai_at_least < 1


def test_one_source_accused_more_than_the_rest_raises_the_threshold() -> None:
    """The worst human source, not the average one, decides how sure an accusation must be."""
    rng = np.random.default_rng(3)
    human = np.concatenate([rng.uniform(0, 0.5, 180), rng.uniform(0.4, 0.9, 20)])
    scores = np.concatenate([human, rng.uniform(0.5, 1, 200)])
    targets = np.repeat([0, 1], 200).astype(np.int64)
    sources = Origins.apart(["easy"] * 180 + ["hard"] * 20 + ["generator"] * 200)

    def chosen(worst: float) -> float:
        return choose_thresholds(
            scores,
            targets,
            sources,
            false_positive_rate=0.08,
            worst_source_rate=worst,
            false_negative_rate=0.1,
        ).ai_at_least

    loose, tight = (worst_source(scores, targets, sources, chosen(r)) for r in (1.0, 0.15))
    assert loose is not None
    assert tight is not None
    assert (loose.name, loose.originals) == ("hard", 20)
    assert chosen(0.15) > chosen(1.0)
    assert tight.rate <= 0.15


def test_copies_of_an_original_are_one_picture_of_their_source() -> None:
    """Nine originals in four copies each do not make a source of eighteen."""
    scores = np.tile(np.linspace(0.1, 0.9, 18), 4)
    targets = np.zeros(72, np.int64)
    originals = [str(n) for n in range(18)] * 4
    halves = Origins(["a"] * 72, ["art"] * 72, [str(int(n) // 2) for n in originals])
    assert worst_source(scores, targets, halves, 0.5) is None
    whole = worst_source(scores, targets, Origins(["a"] * 72, ["art"] * 72, originals), 0.5)
    assert whole is not None
    assert (whole.originals, whole.rate) == (18, 0.5)


def test_a_sources_rate_is_drawn_towards_its_kind() -> None:
    """Of two sources accused alike, the one among photographs that never are is trusted more."""
    scores = np.r_[np.full(20, 0.9), np.full(80, 0.1), np.full(20, 0.9), np.full(80, 0.9)]
    sources = ["p"] * 20 + ["others"] * 80 + ["d"] * 20 + ["more"] * 80
    kinds = ["photo"] * 100 + ["drawing"] * 100
    origins = Origins(sources, kinds, [str(n) for n in range(200)])
    worst = worst_source(scores, np.zeros(200, np.int64), origins, 0.5)
    assert worst is not None
    assert worst.name in {"d", "more"}
    assert worst.rate == 1.0


def test_thresholds_come_with_how_sure_they_are() -> None:
    """The card's evidence has the rates left, the worst source, and spans of both thresholds."""
    rng = np.random.default_rng(4)
    scores = np.r_[rng.beta(2, 5, 400), rng.beta(5, 2, 400)]
    targets = np.repeat([0, 1], 400).astype(np.int64)
    sources = [f"{'h' if n < 400 else 'g'}{n % 10}" for n in range(800)]
    origins = Origins.apart(sources)
    chosen = usual_thresholds(scores, targets, origins)
    found = evidence_for(chosen, scores, targets, origins)
    left = found["held_out"]
    assert left["human_called_ai"]["value"] == np.mean(scores[:400] >= chosen.ai_at_least)
    assert left["worst_human_source"]["originals"] == 40
    for name, span in found["intervals"].items():
        assert span["low"] <= getattr(chosen, name) <= span["high"]
        assert span["low"] < span["high"]


def test_thresholds_of_a_perfect_model_do_not_cross() -> None:
    """Where nothing overlaps a narrow band around one half stays uncertain."""
    scores = np.concatenate([RNG.uniform(0, 0.1, 50), RNG.uniform(0.9, 1, 50)])
    targets = np.repeat([0, 1], 50).astype(np.int64)
    chosen = choose_thresholds(
        scores,
        targets,
        Origins.apart(["one"] * 100),
        false_positive_rate=0.05,
        worst_source_rate=0.1,
        false_negative_rate=0.05,
    )
    assert chosen.human_at_most < 0.5 < chosen.ai_at_least


def test_the_summary_counts_what_is_served() -> None:
    """Coverage is the share outside the uncertain band, and accusations are counted apart."""
    scores = np.array([0.95, 0.5, 0.05, 0.95, 0.4, 0.05])
    targets = np.array([1, 1, 1, 0, 0, 0])
    served = summary(scores, targets, low=0.1, high=0.9)["served"]
    assert served["coverage"] == pytest.approx(4 / 6)
    assert served["accuracy_when_decided"] == pytest.approx(2 / 4)
    assert served["human_called_ai"] == pytest.approx(1 / 3)
    assert served["ai_called_human"] == pytest.approx(1 / 3)
