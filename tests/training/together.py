"""What each process of `test_parallel` runs: `brushmark train` with a recipe of two epochs."""

import hashlib
import os
import sys
from dataclasses import replace
from pathlib import Path

import torch

from backend.training import train as trainer
from backend.training.commands import train
from backend.training.recipes import RECIPES, Recipe

BASE = RECIPES["seed-1"]
assert isinstance(BASE, Recipe)
TINY = replace(BASE, name="tiny", frozen_epochs=1, unfrozen_epochs=1, batch_size=5, crop_px=64)


def main(manifest: Path, init: str, folder: Path) -> None:
    """Train, and leave a hash of this process's weights beside the run."""
    RECIPES["tiny"] = TINY
    torch.set_num_threads(1)
    kept: list[trainer._Training] = []
    go = trainer._Training.go

    def noted(training: trainer._Training) -> object:
        kept.append(training)
        return go(training)

    trainer._Training.go = noted  # type: ignore[assignment,method-assign]
    train("tiny", manifest, init, "full", 0, "accuracy", folder / "run")
    digest = hashlib.sha256()
    for parameter in kept[0].network.parameters():
        digest.update(parameter.detach().numpy().tobytes())
    rank = os.environ.get("RANK", "alone")
    (folder / f"weights-{rank}.txt").write_text(digest.hexdigest(), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]))
