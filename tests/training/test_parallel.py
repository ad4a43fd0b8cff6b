"""Several processes train as one; `torchrun` starts them."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from backend.model.architectures import save_checkpoint
from backend.model.network import Network
from tests.training.manifests import write_manifest

ROOT = Path(__file__).parents[2]


def _run(start: list[str], data: Path, init: Path, folder: Path) -> str:
    folder.mkdir()
    done = subprocess.run(
        [sys.executable, *start, "tests.training.together", str(data), str(init), str(folder)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def _history(folder: Path) -> list[dict[str, float]]:
    lines = (folder / "run" / "history.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def test_two_processes_train_as_one(tmp_path: Path) -> None:
    """A frozen epoch comes out as alone; an unfrozen one leaves equal weights in both."""
    data = write_manifest(tmp_path / "data", per_cell=7, splits=("train", "val"))
    init = tmp_path / "init.safetensors"
    torch.manual_seed(5)
    save_checkpoint(Network(), init)
    _run(["-m"], data, init, tmp_path / "alone")
    torchrun = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m"]
    said = _run(torchrun, data, init, tmp_path / "both")
    alone, both = _history(tmp_path / "alone"), _history(tmp_path / "both")
    assert [entry["frozen"] for entry in both] == [True, False]
    assert both[0]["loss"] == pytest.approx(alone[0]["loss"], rel=1e-3)
    assert both[0]["auc"] == alone[0]["auc"]
    assert both[1]["loss"] > 0
    hashes = {(tmp_path / "both" / f"weights-{n}.txt").read_text() for n in (0, 1)}
    assert len(hashes) == 1
    assert said.count("Kept epoch") == 1
    assert not list((tmp_path / "both").glob("cache/*.part*"))
