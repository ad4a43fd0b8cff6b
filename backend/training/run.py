"""A run folder: what was asked for, what happened, and where to go on after an interruption.

config.json          recipe, seed, data hash: fixed when the run starts
environment.json     processor and versions of the machine on which it began
history.jsonl        one line an epoch
curves.html          the same to look at while it runs
last.pt              network, optimiser, schedule after the last whole epoch
best.safetensors     the epoch kept
openings.json        how often test and unseen were opened for this run
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from backend.errors import BadRun
from backend.model.processor import this_processor
from backend.training.manifest import SEALED


class OtherRun(BadRun):
    """The folder holds a run that was asked for something else."""


@dataclass(frozen=True, slots=True)
class Run:
    """The files of one training run."""

    folder: Path

    @property
    def config_path(self) -> Path:
        """What the run was asked to do."""
        return self.folder / "config.json"

    @property
    def history_path(self) -> Path:
        """One JSON line an epoch."""
        return self.folder / "history.jsonl"

    @property
    def curves_path(self) -> Path:
        """The history to look at."""
        return self.folder / "curves.html"

    @property
    def last_path(self) -> Path:
        """Where to go on."""
        return self.folder / "last.pt"

    @property
    def best_path(self) -> Path:
        """The network of the epoch kept."""
        return self.folder / "best.safetensors"

    def start(self, config: Mapping[str, Any]) -> None:
        """Fix a run's configuration, or find the same one already there.

        Raises:
            OtherRun: the folder holds a run that was asked for something else.
            BadRun: what it holds cannot be read.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        wanted = json.loads(json.dumps(config))
        if self.config_path.exists():
            found = self.config()
            differ = sorted(k for k in wanted.keys() | found if wanted.get(k) != found.get(k))
            if differ:
                raise OtherRun(
                    f"{self.folder} holds another run (it differs in {', '.join(differ)}). "
                    "Name another folder with --run, or delete this one."
                )
            return
        write_json(self.folder / "environment.json", environment())
        write_json(self.config_path, wanted)

    def environment(self) -> dict[str, Any]:
        """Return on what the run began. Raises `BadRun`."""
        return _read_json(self.folder / "environment.json")

    def config(self) -> dict[str, Any]:
        """Return what the run was asked to do. Raises `BadRun`."""
        return _read_json(self.config_path)

    def history(self) -> list[dict[str, Any]]:
        """Return what happened, epoch by epoch."""
        if not self.history_path.exists():
            return []
        lines = self.history_path.read_text(encoding="utf-8").splitlines()
        return [json.loads(line) for line in lines if line]

    def write_history(self, history: list[dict[str, Any]]) -> None:
        """Write the history whole: after a crash it ends where `last.pt` does."""
        text = "".join(json.dumps(entry) + "\n" for entry in history)
        write_text(self.history_path, text)

    def count_opening(self, split: str) -> None:
        """Count that a sealed split was looked at."""
        if split in SEALED:
            opened = self.openings()
            opened[split] += 1
            write_json(self.folder / "openings.json", opened)

    def openings(self) -> dict[str, int]:
        """Return how often each sealed split was opened for this run."""
        path = self.folder / "openings.json"
        opened = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        return {split: int(opened.get(split, 0)) for split in SEALED}


def kept_epoch(history: Sequence[Mapping[str, Any]], select_by: str) -> dict[str, Any]:
    """Return the entry of the epoch that is kept: the best, of equals the first."""
    return dict(max(history, key=lambda entry: (entry[select_by], -entry["epoch"])))


def environment() -> dict[str, Any]:
    """Return what a run's figures rest on beside its configuration."""
    versions = {}
    for name in ("torch", "torchvision", "openvino", "numpy"):
        with suppress(PackageNotFoundError):  # a head is fine-tuned without torch
            versions[name] = version(name)
    return {"processor": this_processor().summary, "versions": versions}


def _read_json(path: Path) -> dict[str, Any]:
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError) as error:
        raise BadRun(f"{path.parent} is no training run: no readable {path.name}.") from error


def write_json(path: Path, document: Any) -> None:
    """Write JSON for people: whole or not at all."""
    write_text(path, json.dumps(document, indent=2, ensure_ascii=False) + "\n")


def write_text(path: Path, text: str) -> None:
    """Write a text file: whole or not at all."""
    fresh = path.with_name(path.name + ".new")
    fresh.write_text(text, encoding="utf-8")
    fresh.replace(path)
