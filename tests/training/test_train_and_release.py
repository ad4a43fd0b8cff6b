"""From a manifest to weights that serve, on small drawn data: the same code as for real."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file

from backend.errors import BadManifest, BadRun, Conflict, UnknownField
from backend.imaging.decode import decode
from backend.model import registry
from backend.settings import Settings
from backend.training.manifest import Manifest, read_manifest
from backend.training.originals import count_originals
from backend.training.recipes import RECIPES, Recipe, find_recipe
from backend.training.release import release
from backend.training.run import Run
from backend.training.stage_training import train_stages
from backend.training.train import train
from tests.training.manifests import write_manifest

TINY = replace(RECIPES["seed-1"], name="tiny", frozen_epochs=2, batch_size=4, crop_px=64)


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    return read_manifest(write_manifest(tmp_path_factory.mktemp("data"), per_cell=8))


@pytest.fixture(scope="module")
def init(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A trunk that was never trained: enough to tell blurred from grainy."""
    from backend.model.architectures import save_checkpoint
    from backend.model.network import Network

    torch.manual_seed(5)
    path = tmp_path_factory.mktemp("init") / "init.safetensors"
    save_checkpoint(Network(), path)
    return path


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory, manifest: Manifest, init: Path) -> Run:
    run = Run(tmp_path_factory.mktemp("run") / "tiny")
    train(TINY, manifest, run, init=init)
    return run


def _weights(run: Run) -> dict[str, np.ndarray]:  # type: ignore[type-arg]
    return load_file(run.best_path)


def test_a_frozen_run_moves_the_head_alone(finished: Run, init: Path) -> None:
    """With frozen features every tensor but the head's stays as it was initialised."""
    before, after = load_file(init), _weights(finished)
    moved = {name for name in before if not np.array_equal(before[name], after[name])}
    assert moved == {"fc.weight", "fc.bias"}


def test_each_epoch_leaves_its_figures(finished: Run) -> None:
    """History has a line an epoch with loss, learning rate and the figures to select by."""
    history = finished.history()
    assert [entry["epoch"] for entry in history] == [0, 1]
    assert {"loss", "lr", "accuracy", "balanced-accuracy", "auc", "cost"} <= set(history[0])


class Interrupted(Exception):
    pass


def test_an_interrupted_run_ends_as_if_it_had_not_been(
    tmp_path: Path, manifest: Manifest, init: Path, finished: Run
) -> None:
    """Stopped in the middle of the second epoch and started again, the weights come out equal."""

    def stop(done: int, total: int, text: str) -> None:
        if done == total - 1:
            raise Interrupted

    run = Run(tmp_path / "again")
    with pytest.raises(Interrupted):
        train(TINY, manifest, run, init=init, progress=stop)
    assert len(run.history()) == 1
    train(TINY, manifest, run, init=init)
    assert run.history() == finished.history()
    for name, tensor in _weights(finished).items():
        np.testing.assert_array_equal(_weights(run)[name], tensor)


def test_the_epoch_kept_is_written_again(
    tmp_path: Path, manifest: Manifest, init: Path, finished: Run
) -> None:
    """Killed after its state and before the epoch kept was written, a run has it all the same."""
    run = Run(tmp_path / "killed")
    train(TINY, manifest, run, init=init)
    run.best_path.unlink()
    run.history_path.unlink()
    train(TINY, manifest, run, init=init)
    assert run.history() == finished.history()
    for name, tensor in _weights(finished).items():
        np.testing.assert_array_equal(_weights(run)[name], tensor)


def test_unfreezing_starts_from_the_epoch_kept(
    tmp_path: Path, manifest: Manifest, init: Path
) -> None:
    """With a rate near nought the unfrozen network is the best frozen one, not the last."""
    recipe: Recipe = replace(
        TINY,
        name="tiny-still",
        frozen_epochs=8,
        unfrozen_epochs=1,
        step_size=8,
        gamma=1e-9,
    )
    run = Run(tmp_path / "still")
    frozen = Run(tmp_path / "frozen")
    train(replace(recipe, unfrozen_epochs=0), manifest, frozen, init=init)
    train(recipe, manifest, run, init=init)
    kept, last = _weights(frozen)["fc.weight"], torch.load(frozen.last_path, weights_only=True)
    assert not np.allclose(kept, last["network"]["fc.weight"].numpy(), atol=1e-6)
    state = torch.load(run.last_path, weights_only=True)["network"]
    np.testing.assert_allclose(state["fc.weight"].numpy(), kept, atol=1e-6)


@pytest.mark.parametrize("recipe", ["seed-1", "brush-1"])
def test_a_manifest_without_validation_is_refused_at_once(tmp_path: Path, recipe: str) -> None:
    """Both classes are needed where a run is validated; it is said before anything is learnt."""
    short = read_manifest(write_manifest(tmp_path / "data", splits=("train", "test")))
    chosen = find_recipe(recipe)
    run = Run(tmp_path / "run")
    start = train if isinstance(chosen, Recipe) else train_stages
    with pytest.raises(BadManifest, match=r"no ai_generated whole view in the split val"):
        start(chosen, short, run)  # type: ignore[operator]
    assert not run.folder.exists()


def test_unfreezing_moves_the_trunk(tmp_path: Path, manifest: Manifest, init: Path) -> None:
    """A recipe with an unfrozen phase moves the trunk in it, and only in it."""
    recipe: Recipe = replace(TINY, name="tiny-unfrozen", frozen_epochs=1, unfrozen_epochs=1)
    run = Run(tmp_path / "unfrozen")
    train(recipe, manifest, run, init=init, select_by="auc")
    assert [e["frozen"] for e in run.history()] == [True, False]
    state = torch.load(run.last_path, weights_only=True)["network"]
    assert not np.array_equal(state["conv1.weight"].numpy(), load_file(init)["conv1.weight"])


def test_a_folder_with_another_run_is_refused(
    manifest: Manifest, finished: Run, init: Path
) -> None:
    """A run folder is never mixed up: another seed in it is an error that says what differs."""
    with pytest.raises(BadRun, match="seed"):
        train(TINY, manifest, finished, seed=1, init=init)


def test_unknown_names_are_refused_with_the_nearest(manifest: Manifest, tmp_path: Path) -> None:
    """A misspelt recipe or selection names the one that was meant."""
    with pytest.raises(UnknownField, match="seed-1"):
        find_recipe("seed1")
    with pytest.raises(UnknownField, match="accuracy"):
        train(TINY, manifest, Run(tmp_path / "x"), select_by="acuracy")


@pytest.fixture(scope="module")
def folder(finished: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A release of the finished run."""
    return release(finished, "tiny-1", tmp_path_factory.mktemp("weights"))


def test_a_released_version_serves(tmp_path: Path, folder: Path, manifest: Manifest) -> None:
    """The release loads through its card, scores pictures, and its figures count every row."""
    judge = registry.load_judge(Settings(home=tmp_path / "home"), str(folder))
    scores = {
        row.label: judge.score(decode(row.file.read_bytes()).image).score
        for row in manifest.of("test")
    }
    assert all(0 <= score <= 1 for score in scores.values())
    metrics = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
    assert sum(metrics["splits"]["test"]["confusion"].values()) == 16
    assert metrics["openings"] == {"test": 1, "unseen": 0}
    card = json.loads((folder / "card.json").read_text(encoding="utf-8"))
    assert card["data"]["openings"]["test"] == 1
    assert "tiny-1" in (folder / "README.md").read_text(encoding="utf-8")


def test_features_hold_train_and_val_alone(folder: Path) -> None:
    """The shipped vectors are of the training and validation rows, never of the test rows."""
    tensors = load_file(folder / "features.safetensors")
    assert {name.split(".")[0] for name in tensors} == {"train", "val"}
    assert tensors["train.features"].shape == (16, 512)
    assert tensors["train.features"].dtype == np.float16
    assert set(tensors["val.labels"]) == {0, 1}


def test_originals_are_counted_once_each(tmp_path: Path) -> None:
    """Format and short side of the originals are counted; further views and tests are not."""

    def describe(rows: list[dict[str, str]]) -> None:
        for n, row in enumerate(rows):
            row["original_width"], row["original_height"] = "640", str(900 if n % 2 else 350)
            row["original_format"] = "MPO" if n % 2 else "png"
            row["view"] = "crop" if n == 0 else "whole"

    found = count_originals(read_manifest(write_manifest(tmp_path, change=describe)))
    assert found is not None
    counts = found["counts"]
    assert counts["ai_generated"] == {"format": {"JPEG": 2, "PNG": 1}, "side": {"300": 1, "600": 2}}
    assert counts["human_made"] == {"format": {"JPEG": 2, "PNG": 2}, "side": {"300": 2, "600": 2}}
    plain = read_manifest(write_manifest(tmp_path / "plain"))
    assert count_originals(plain) is None


def test_a_version_is_never_overwritten(folder: Path, finished: Run) -> None:
    """Releasing a name twice is refused and the first release stays whole."""
    before = (folder / "card.json").read_bytes()
    with pytest.raises(Conflict):
        release(finished, "tiny-1", folder.parent)
    assert (folder / "card.json").read_bytes() == before
    assert [p.name for p in folder.parent.iterdir()] == ["tiny-1"]


def test_an_unfinished_run_is_not_released(tmp_path: Path, finished: Run) -> None:
    """A run with epochs to go is refused, and nothing is left behind."""
    run = Run(tmp_path / "half")
    run.start(finished.config())
    with pytest.raises(BadRun, match="0 of 2 epochs"):
        release(run, "half", tmp_path / "weights")
    assert not (tmp_path / "weights").exists()


def test_a_run_whose_data_changed_is_not_released(
    tmp_path: Path, finished: Run, manifest: Manifest
) -> None:
    """Figures are only ever of the data that the run was trained on."""
    before = manifest.file.read_bytes()
    try:
        manifest.file.write_bytes(before + b"\n")
        with pytest.raises(BadManifest, match="no longer"):
            release(finished, "changed", tmp_path)
    finally:
        manifest.file.write_bytes(before)


def test_a_wrong_version_name_is_refused(tmp_path: Path, finished: Run) -> None:
    """A version cannot name a path."""
    with pytest.raises(BadRun, match="small letters"):
        release(finished, "../evil", tmp_path)
