"""Fine-tuning of the trunk: what it draws, what it moves, and that it goes on where it stopped."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from backend.model.preprocess import Preprocessing
from backend.model.stage_network import StageNetwork
from backend.model.texture_network import TextureNetwork
from backend.training.fine_tuning import Patches, draw_patch, fine_tune
from backend.training.manifest import Manifest, Row, read_manifest
from backend.training.recipes import TrunkRecipe
from tests.pictures import draw
from tests.training.manifests import write_manifest

SPEC = Preprocessing(256, 224, "bicubic")
TINY = TrunkRecipe(steps=6, batch_size=4, patch_px=64, lr=1e-3)


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> tuple[Row, ...]:
    manifest: Manifest = read_manifest(write_manifest(tmp_path_factory.mktemp("data"), per_cell=4))
    return manifest.of("train")


def _network() -> StageNetwork:
    torch.manual_seed(7)
    return StageNetwork(4)


@pytest.mark.parametrize("size", [(300, 256), (256, 400), (200, 200), (400, 160)])
def test_patches_are_whole_squares_of_any_picture(size: tuple[int, int]) -> None:
    """Whatever the picture's shape and the draw, the patch has its full size."""
    picture = draw(*size, seed=3)
    for seed in range(40):
        assert draw_patch(picture, 160, np.random.default_rng(seed)).size == (160, 160)


def test_patches_show_the_picture_and_not_what_lies_beyond(rows: tuple[Row, ...]) -> None:
    """A picture without black gives patches without black borders."""
    picture = Image.new("RGB", (300, 256), (120, 130, 140))
    for seed in range(40):
        assert np.asarray(draw_patch(picture, 160, np.random.default_rng(seed))).min() > 60


def test_batches_hold_both_classes_equally_and_are_the_same_each_time(
    rows: tuple[Row, ...],
) -> None:
    """A batch is half and half, and belongs to its seed and step, whoever draws it."""
    whole = list(Patches(rows, TINY, SPEC, 5, 0))
    rest = list(Patches(rows, TINY, SPEC, 5, 4))
    assert len(whole) == TINY.steps
    assert all(float(targets.mean()) == 0.5 for _, targets in whole)
    for (a, _), (b, _) in zip(whole[4:], rest, strict=True):
        assert torch.equal(a, b)


def test_the_trunk_moves_and_batch_norm_stands_still(rows: tuple[Row, ...], tmp_path: Path) -> None:
    """Convolutions learn; statistics and scales of batch norm are those it began with."""
    start = _network().state_dict()
    tuned = fine_tune(_network(), rows, TINY, SPEC, tmp_path).state_dict()
    moved = {n for n in start if not torch.equal(start[n], tuned[n])}
    assert "conv1.weight" in moved
    assert "head.out.weight" in moved
    assert not {n for n in moved if "bn" in n or "downsample.1" in n}


def test_an_adviser_learns_as_the_head_does(rows: tuple[Row, ...], tmp_path: Path) -> None:
    """At a rate of nothing for heads, neither moves while the trunk does."""
    torch.manual_seed(7)
    network = TextureNetwork(4, 4)
    start = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    recipe = replace(TINY, head_lr=0.0)
    tuned = fine_tune(network, rows, recipe, SPEC, tmp_path).state_dict()
    moved = {n for n in start if not torch.equal(start[n], tuned[n])}
    assert "conv1.weight" in moved
    assert not {n for n in moved if n.startswith(("head.", "adviser."))}


def test_the_pull_holds_the_trunk_near_its_beginning(rows: tuple[Row, ...], tmp_path: Path) -> None:
    """With a strong pull the trunk ends nearer to where it began than without."""

    def distance(pull: float) -> float:
        start = _network().state_dict()
        recipe = replace(TINY, pull=pull)
        tuned = fine_tune(_network(), rows, recipe, SPEC, tmp_path / str(pull)).state_dict()
        return sum(float((start[n] - tuned[n]).norm()) for n in start if "conv" in n)

    assert distance(0.5) < 0.8 * distance(0.0)


def test_an_interrupted_run_goes_on_where_it_was_saved(
    rows: tuple[Row, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stopped after a save and started again, it ends with the weights of an unbroken run."""
    monkeypatch.setattr("backend.training.fine_tuning._SAVE_EVERY", 2)
    recipe = replace(TINY, averaging=0.5)
    unbroken = fine_tune(_network(), rows, recipe, SPEC, tmp_path / "unbroken").state_dict()

    def stop(done: int, total: int, text: str) -> None:
        if done == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fine_tune(_network(), rows, recipe, SPEC, tmp_path / "broken", progress=stop)
    went_on = fine_tune(_network(), rows, recipe, SPEC, tmp_path / "broken").state_dict()
    for name, tensor in unbroken.items():
        torch.testing.assert_close(tensor, went_on[name], atol=1e-6, rtol=1e-5)
    assert not (tmp_path / "broken" / "trunk-last.pt").exists()
