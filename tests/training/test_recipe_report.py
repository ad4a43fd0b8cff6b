"""Runs of the founding recipes beside the baselines, on small drawn data."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from backend.errors import BadRun
from backend.training.manifest import Manifest, read_manifest
from backend.training.recipe_report import report
from backend.training.recipes import RECIPES
from backend.training.run import Run, write_json
from backend.training.train import train
from tests.training.manifests import write_manifest

SPLITS = ("train", "val", "test", "unseen")
TINY = replace(RECIPES["seed-1"], name="tiny", frozen_epochs=2, batch_size=4, crop_px=64)


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    return read_manifest(write_manifest(tmp_path_factory.mktemp("data"), per_cell=4, splits=SPLITS))


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory, manifest: Manifest) -> list[Run]:
    """Two seeds of one recipe."""
    from backend.model.architectures import save_checkpoint
    from backend.model.network import Network

    folder = tmp_path_factory.mktemp("runs")
    torch.manual_seed(5)
    save_checkpoint(Network(), folder / "init.safetensors")
    found = [Run(folder / f"tiny-{seed}") for seed in (0, 1)]
    for seed, run in enumerate(found):
        train(TINY, manifest, run, seed=seed, init=folder / "init.safetensors")
    return found


def test_every_seed_counts_every_picture(runs: list[Run]) -> None:
    """Of 4 pictures of each class, two seeds give 8 answers a class, on copies of each too."""
    text = report(runs)
    rows = [line for line in text.splitlines() if line.startswith("| tiny |")]
    judged, courses = rows[:4], rows[5]
    for row in judged:
        *_, ai, human, seeds = (cell.strip() for cell in row.strip("|").split("|"))
        assert sum(map(int, ai.split("/"))) == sum(map(int, human.split("/"))) == 8
        assert seeds == "2"
    assert "**Judged on `unseen, web copies`**" in text
    kept, epochs = (cell.strip() for cell in courses.split("|")[2:4])
    assert {*kept.split(", ")} <= {"1", "2"}
    assert epochs == "2"


def test_a_run_is_judged_once(runs: list[Run]) -> None:
    """A second report opens no split again and says the same."""
    first = report(runs)
    assert report(runs) == first
    assert [run.openings() for run in runs] == [{"test": 1, "unseen": 1}] * 2


def test_runs_of_other_data_are_not_mixed(
    runs: list[Run], tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Figures of two manifests never share a table, and our own recipe has its own report."""
    other = Run(tmp_path / "other")
    file = write_manifest(tmp_path_factory.mktemp("more"), per_cell=3, splits=SPLITS)
    init = runs[0].folder.parent / "init.safetensors"
    train(replace(TINY, name="other"), read_manifest(file), other, init=init)
    with pytest.raises(BadRun, match="other data"):
        report([runs[0], other])
    config = other.config()
    write_json(other.config_path, {**config, "architecture": "resnet18-stages"})
    with pytest.raises(BadRun, match="no run of a founding recipe"):
        report([other])
