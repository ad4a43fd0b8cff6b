"""Weights are what their card says, or are refused."""

import json
from pathlib import Path

import pytest

from backend.errors import Conflict, MissingExtra, WeightsDamaged, WeightsMissing
from backend.model import registry
from backend.model.card import Calibration, load_card, verify_files
from backend.model.openvino_runtime import OpenVinoJudge
from backend.settings import RuntimeName, Settings


def test_the_shipped_weights_are_whole(settings: Settings) -> None:
    """Every file of the shipped version has the hash that its card names."""
    card = registry.find_card(settings)
    verify_files(card)
    assert {"graph.xml", "graph.bin", "checkpoint.safetensors", "metrics.json"} <= set(card.files)
    assert "features.safetensors" in card.files


def test_shipped_weights_stay_small() -> None:
    """All of weights/ is under 90 MB."""
    size = sum(f.stat().st_size for f in registry.SHIPPED.rglob("*") if f.is_file())
    assert 1_000_000 < size < 90_000_000


@pytest.mark.parametrize("name", ["graph.bin", "graph.xml", "checkpoint.safetensors"])
def test_a_tampered_file_is_refused(copied_weights: Path, settings: Settings, name: str) -> None:
    """One changed byte in any file keeps the weights from being loaded, and the file is named."""
    path = copied_weights / name
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(WeightsDamaged, match=name):
        registry.load_judge(settings, str(copied_weights))


def test_a_missing_file_is_refused(copied_weights: Path, settings: Settings) -> None:
    """Weights that lack a file are refused by its name."""
    (copied_weights / "graph.bin").unlink()
    with pytest.raises(WeightsDamaged, match=r"graph\.bin"):
        registry.load_judge(settings, str(copied_weights))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("format", 99),
        ("classes", ["ai_generated", "human_made"]),
        ("thresholds", {"human_at_most": 0.9, "ai_at_least": 0.1}),
        ("calibration", {"slope": -1.0, "intercept": 0.0}),
        ("files", {"../evil": "0" * 64}),
        ("preprocessing", {"crop_px": 224}),
        ("released_at", "yesterday"),
    ],
)
def test_a_card_that_makes_no_sense_is_refused(
    copied_weights: Path, key: str, value: object
) -> None:
    """Another format, order of classes, crossing thresholds, odd paths: all are refused."""
    path = copied_weights / "card.json"
    document = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps(document | {key: value}), encoding="utf-8")
    with pytest.raises(WeightsDamaged):
        load_card(copied_weights)


def test_a_graph_of_another_input_size_is_refused(copied_weights: Path) -> None:
    """A card whose crop is not the graph's input does not get that graph served."""
    path = copied_weights / "card.json"
    document = json.loads(path.read_text(encoding="utf-8"))
    document["preprocessing"] |= {"crop_px": 192}
    path.write_text(json.dumps(document), encoding="utf-8")
    with pytest.raises(WeightsDamaged, match="does not fit"):
        OpenVinoJudge(load_card(copied_weights))


def test_an_unknown_version_is_named(settings: Settings) -> None:
    """Asking for weights that are not there says which are."""
    with pytest.raises(WeightsMissing, match=registry.find_card(settings).ref.version):
        registry.load_judge(settings, "no-such-version")


def test_no_weights_at_all_says_what_to_do(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An installation without weights gets a sentence with the way out."""
    monkeypatch.setattr(registry, "SHIPPED", tmp_path / "nowhere")
    with pytest.raises(WeightsMissing, match="train"):
        registry.load_judge(settings)


def test_what_nobody_measured_is_not_served(settings: Settings, copied_weights: Path) -> None:
    """A version whose card names no figures cannot be chosen."""
    settings.prepare_home()
    own = settings.home / "weights" / "own-1"
    own.parent.mkdir()
    path = copied_weights / "card.json"
    document = json.loads(path.read_text(encoding="utf-8"))
    del document["files"]["metrics.json"]
    path.write_text(json.dumps(document | {"version": "own-1"}), encoding="utf-8")
    copied_weights.replace(own)
    with pytest.raises(WeightsDamaged, match=r"no metrics\.json"):
        registry.activate(settings, "own-1")


def test_activation_is_remembered_and_can_be_rolled_back(
    settings: Settings, copied_weights: Path
) -> None:
    """An activated version is the one found next, and rolling back returns to the former."""
    settings.prepare_home()
    shipped = registry.find_card(settings).ref.version
    own = settings.home / "weights" / "own-1"
    own.parent.mkdir()
    path = copied_weights / "card.json"
    document = json.loads(path.read_text(encoding="utf-8"))
    older = {"version": "own-1", "released_at": "2020-01-01T00:00:00+00:00"}
    path.write_text(json.dumps(document | older), encoding="utf-8")
    copied_weights.replace(own)

    assert registry.find_card(settings).ref.version == shipped
    with pytest.raises(Conflict):
        registry.roll_back(settings)
    assert registry.activate(settings, "own-1").active
    assert registry.find_card(settings).ref.version == "own-1"
    assert [v.name for v in registry.list_versions(settings) if v.active] == ["own-1"]
    registry.activate(settings, "own-1")  # once more: the way back is still there
    assert registry.roll_back(settings).name == shipped
    assert registry.find_card(settings).ref.version == shipped


def test_a_foreign_candidate_hides_nothing(settings: Settings, copied_weights: Path) -> None:
    """Beside a card of other classes the served version stays; asked for by name it says why.

    Where it was the chosen one, nothing else is served in its place without a word.
    """
    settings.prepare_home()
    shipped = registry.find_card(settings).ref
    foreign = settings.home / "weights" / "foreign"
    foreign.parent.mkdir()
    path = copied_weights / "card.json"
    document = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps(document | {"version": "foreign", "classes": ["cat", "dog"]}))
    copied_weights.replace(foreign)
    assert registry.find_card(settings).ref == shipped
    assert [v.name for v in registry.list_versions(settings)] == [shipped.version]
    for find in (registry.find_card, registry.named_card, registry.activate):
        with pytest.raises(WeightsDamaged, match="classes"):
            find(settings, "foreign")
    assert registry.find_card(settings).ref == shipped
    (settings.home / "active-model.json").write_text('{"version": "foreign"}')
    with pytest.raises(WeightsDamaged, match="classes"):
        registry.find_card(settings)


def test_torch_is_asked_for_in_plain_words(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without torch, asking for it names the extra to install."""
    monkeypatch.setattr(registry.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingExtra, match=r"brushmark\[train\]"):
        registry.load_judge(Settings(home=settings.home, runtime=RuntimeName.TORCH))


def test_calibration_is_a_logistic_curve() -> None:
    """Scores rise with the logit, are .5 where slope and intercept cancel, and never overflow."""
    curve = Calibration(2.0, -1.0)
    assert curve.apply(0.5) == pytest.approx(0.5)
    assert curve.apply(-1e6) == 0.0
    assert curve.apply(1e6) == 1.0
    assert curve.apply(0.1) < curve.apply(0.2)
