"""The page of a run's curves: self-contained, and alive while the run goes on."""

import json
import re

from backend.training.live_curves import page

CONFIG = {
    "recipe": {"name": "seed-<3>"},
    "seed": 0,
    "epochs": 3,
    "select_by": "auc",
    "rows": {"train": {"ai_generated": 4, "human_made": 5}, "val": {"ai_generated": 2}},
}


def _entry(epoch: int, frozen: bool, auc: float) -> dict[str, object]:
    figures = {"accuracy": 0.6, "balanced-accuracy": 0.6, "auc": auc, "loss": 0.7}
    return {"epoch": epoch, "frozen": frozen, **figures}


def _charts(text: str) -> list[dict[str, object]]:
    found = re.findall(r'<script type="application/json" data-chart[^>]*>(.*?)</script>', text)
    return [json.loads(each) for each in found]


def test_a_running_page_loads_itself_anew_and_a_finished_one_does_not() -> None:
    """The page follows the run until its last epoch, then stands still."""
    history = [_entry(0, True, 0.7), _entry(1, False, 0.8)]
    assert 'http-equiv="refresh"' in page(CONFIG, history)
    assert 'http-equiv="refresh"' not in page(CONFIG, [*history, _entry(2, False, 0.6)])


def test_the_page_shows_each_epoch_and_the_one_kept() -> None:
    """Every epoch is a point, the kept epoch's figures are told, unfreezing is marked."""
    text = page(CONFIG, [_entry(0, True, 0.7), _entry(1, False, 0.8), _entry(2, False, 0.6)])
    loss, validation = _charts(text)
    assert loss["data"][0]["x"] == [1, 2, 3]  # type: ignore[index]
    auc = next(line for line in validation["data"] if line["name"] == "AUC")  # type: ignore[attr-defined]
    assert auc["y"] == [0.7, 0.8, 0.6]
    assert validation["layout"]["shapes"][0]["x0"] == 1.5  # type: ignore[index]
    assert "<dd>2<small>of 3 so far" in text
    assert "seed-&lt;3&gt;" in text


def test_the_page_asks_nothing_of_any_network() -> None:
    """Its policy forbids every request, and it has no address to ask."""
    text = page(CONFIG, [_entry(0, True, 0.7)])
    assert "default-src 'none'" in text
    assert "<script src=" not in text
    assert "<link" not in text


def test_our_own_recipe_shows_heads_and_folds() -> None:
    """Where heads are fitted on folds, the page shows a loss curve a head and a bar a fold."""
    entry = {**_entry(0, True, 0.8), "head_loss": [[0.6, 0.5], [0.7, 0.4]], "fold_auc": [0.8, 0.9]}
    loss, folds = _charts(page({**CONFIG, "epochs": 1}, [entry]))
    assert [line["y"] for line in loss["data"]] == [[0.6, 0.5], [0.7, 0.4]]  # type: ignore[attr-defined]
    assert folds["data"][0]["y"] == [0.8, 0.9]  # type: ignore[index]
