"""A disk that is really full: a small file system, written to until nothing fits."""

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from backend.errors import OutOfSpace
from backend.model.architectures import save_tensors
from backend.training.full_disk import told_when_full
from backend.training.run import write_text

TENSOR = torch.zeros(2_000_000)


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """A file system of four megabytes; mounting one takes an administrator."""
    command = ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(tmp_path)]
    try:
        subprocess.run(command, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("no small file system can be mounted here")
    yield tmp_path
    subprocess.run(["umount", "--lazy", str(tmp_path)], check=True)


@pytest.mark.parametrize(
    "write",
    [
        lambda folder: torch.save({"a": TENSOR}, folder / "last.pt"),
        lambda folder: save_tensors({"a": TENSOR}, folder / "best.safetensors"),
        lambda folder: np.save(folder / "cache.npy", TENSOR.numpy()),
        lambda folder: write_text(folder / "history.jsonl", "x" * 8_000_000),
    ],
    ids=["torch", "safetensors", "numpy", "text"],
)
def test_every_library_is_understood(small: Path, write: Callable[[Path], None]) -> None:
    """Whoever writes what does not fit, it comes to one sentence that says how to go on."""
    with pytest.raises(OutOfSpace, match="Make room"), told_when_full(small):
        write(small)


def test_other_failures_are_let_through(tmp_path: Path) -> None:
    """With room on the disk a failure keeps its own name."""
    with pytest.raises(FileNotFoundError), told_when_full(tmp_path):
        (tmp_path / "none" / "x").write_text("x")
    with pytest.raises(RuntimeError, match="inline_container"), told_when_full(tmp_path):
        raise RuntimeError("[enforce fail at inline_container.cc:672] . unexpected pos")
