"""The founding project's own task is frozen, even-handed, and held against the data."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from backend.errors import BadManifest, UnknownField
from backend.model.architectures import save_checkpoint
from backend.model.network import Network
from backend.training.manifest import read_manifest
from backend.training.recipes import RECIPES
from backend.training.release import release
from backend.training.run import Run
from backend.training.tasks import founding, task
from backend.training.tasks.task import frozen_file, frozen_rows, frozen_values, restrict, task_of
from backend.training.train import train
from tests.pictures import SHARED
from tests.training.manifests import Row, write_manifest

DATA = SHARED / "data" / "manifest.csv"
COUNTS = {"train": 377, "val": 71, "test": 113, "unseen": 15}


def dalle_and_paintings(rows: list[Row]) -> None:
    """Make a manifest of drawn pictures fit the founding task, with one human picture less."""
    for row in rows:
        if row["label"] == "ai_generated":
            row["generator"] = "dalle3"
        else:
            row["kind"] = "painting"
    rows[:] = [row for row in rows if row["path"] != "images/train/human_made-3.jpg"]
    rows[0]["generator"] = "midjourney"


def test_the_frozen_rows_are_even_in_every_split() -> None:
    """Each split holds as many of DALL·E's pictures as paintings, whole views, none twice."""
    rows = frozen_rows("founding")
    found = Counter((row["split"], row["label"]) for row in rows)
    both = ("ai_generated", "human_made")
    assert found == {(s, label): n for s, n in COUNTS.items() for label in both}
    assert len({row["sha256"] for row in rows}) == len(rows)
    generators = {row["generator"] for row in rows if row["label"] == "ai_generated"}
    assert generators == {"dalle2", "bing-dalle2", "dalle3"}
    assert all(row["path"].endswith("-whole.jpg") for row in rows)


def test_the_frozen_rows_are_those_of_the_data() -> None:
    """Where the shared data lies beside the checkout, the command still draws the same list."""
    if not DATA.exists():
        assert frozen_rows("founding")
        return
    manifest = read_manifest(DATA)
    assert founding.as_csv(founding.draw(manifest)) == frozen_file("founding").read_text("utf-8")
    chosen = task_of(manifest, "founding")
    assert chosen.counts() == {
        "learnt": {"ai_generated": 448, "human_made": 448},
        "test": {"ai_generated": 113, "human_made": 113},
        "unseen": {"ai_generated": 15, "human_made": 15},
    }
    assert {row.kind for row in chosen.rows if row.target == 0} == {"painting"}


def test_a_draw_evens_out_the_classes(tmp_path: Path) -> None:
    """Surplus rows go by the seed; other generators and kinds never come in."""
    file = write_manifest(tmp_path, per_cell=4, change=dalle_and_paintings)
    rows = founding.draw(read_manifest(file))
    counted = Counter((row.split, row.label.value) for row in rows)
    assert set(counted.values()) == {3, 4}
    assert counted["train", "ai_generated"] == counted["train", "human_made"] == 3
    assert {row.generator for row in rows} == {"dalle3", "human"}


def test_the_list_is_made_by_a_command(tmp_path: Path) -> None:
    """`python -m backend.training.tasks.founding` writes the list and tells the counts."""
    file = write_manifest(tmp_path, per_cell=2, change=dalle_and_paintings)
    command = [sys.executable, "-m", "backend.training.tasks.founding", str(file)]
    done = subprocess.run(command, capture_output=True, check=True)
    assert done.stdout.decode() == founding.as_csv(founding.draw(read_manifest(file)))
    assert b"test: {'ai_generated': 2, 'human_made': 2}" in done.stderr


@pytest.fixture
def frozen_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small frozen list of a small manifest, in the place of the real one."""
    manifest = write_manifest(tmp_path / "data", per_cell=4, change=dalle_and_paintings)
    monkeypatch.setattr(task, "frozen_file", lambda name: tmp_path / f"{name}.csv")
    rows = founding.draw(read_manifest(manifest))
    (tmp_path / "founding.csv").write_text(founding.as_csv(rows))
    return manifest


def test_a_task_leaves_its_own_rows_alone(frozen_here: Path) -> None:
    """Restricted to the task, a manifest keeps its file and hash and the rows that were frozen."""
    manifest = read_manifest(frozen_here)
    chosen = restrict(manifest, "founding")
    assert [frozen_values(row) for row in chosen.rows] == list(frozen_rows("founding"))
    assert (chosen.file, chosen.sha256) == (manifest.file, manifest.sha256)
    assert chosen.described() == {**manifest.described(), "task": "founding"}
    assert restrict(manifest, "full") is manifest


def test_a_run_on_a_task_is_released_on_that_task(frozen_here: Path, tmp_path: Path) -> None:
    """Calibration, thresholds and figures of a run on a task come from the task's rows alone."""
    manifest = restrict(read_manifest(frozen_here), "founding")
    run = Run(tmp_path / "run")
    tiny = replace(RECIPES["seed-1"], name="tiny", frozen_epochs=1, batch_size=8, crop_px=64)
    torch.manual_seed(5)
    save_checkpoint(Network(), tmp_path / "init.safetensors")
    train(tiny, manifest, run, init=tmp_path / "init.safetensors")
    folder = release(run, "tiny", tmp_path / "weights")
    card = json.loads((folder / "card.json").read_text())
    assert card["data"]["task"] == "founding"
    assert card["data"]["rows"]["train"] == {"ai_generated": 3, "human_made": 3}
    used = sum(source["pictures"] for source in card["data"]["sources"])
    assert used == len(manifest.of("train", "val"))


def test_another_picture_under_a_frozen_name_is_refused(frozen_here: Path) -> None:
    """A row that is not what was frozen is named with what differs."""
    text = frozen_here.read_text()
    first = frozen_rows("founding")[0]
    frozen_here.write_text(text.replace(first["sha256"], "0" * 64))
    with pytest.raises(BadManifest, match=r"Task founding, row 2: .* sha256 is 0000"):
        restrict(read_manifest(frozen_here), "founding")


def test_a_missing_picture_is_refused(frozen_here: Path) -> None:
    """Other data than the task's is refused by the first row that is not there."""
    frozen_file = task.frozen_file("founding")
    frozen_file.write_text(frozen_file.read_text().replace("/human_made-0", "/elsewhere"))
    with pytest.raises(BadManifest, match=r"elsewhere\.jpg is not in .*its own data"):
        restrict(read_manifest(frozen_here), "founding")


def test_an_unknown_task_is_refused(frozen_here: Path) -> None:
    """A misspelt task is named beside the one that was meant."""
    with pytest.raises(UnknownField, match="“founding”"):
        task_of(read_manifest(frozen_here), "foundling")
