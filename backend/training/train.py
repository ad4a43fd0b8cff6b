"""Train a recipe from top to bottom: frozen phase, perhaps an unfrozen one, best epoch kept."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset

from backend.errors import BadRun, OutOfSpace, UnknownField
from backend.model.architectures import load_checkpoint, load_initialisation, save_checkpoint
from backend.model.network import ARCHITECTURE, Network, inference_device
from backend.model.preprocess import Preprocessing
from backend.model.processor import this_processor
from backend.training.manifest import Manifest, counts
from backend.training.metrics import roc_auc
from backend.training.recipes import Recipe
from backend.training.run import Run
from backend.training.views import EvaluationViews, SeedViews, loader_workers

SELECT_BY = ("accuracy", "balanced-accuracy", "auc", "cost")
"""What decides which epoch is kept; `cost` counts a false accusation five times."""
FALSE_ACCUSATION_COST = 5.0
ENOSPC = 28

Progress = Callable[[int, int, str], None]
"""Called with steps done, steps in all and a word on where we are."""


def train(
    recipe: Recipe,
    manifest: Manifest,
    run: Run,
    *,
    seed: int = 0,
    init: Path | None = None,
    select_by: str = "accuracy",
    progress: Progress = lambda done, total, text: None,
) -> dict[str, Any]:
    """Train, or go on with an interrupted run; returns the history entry of the epoch kept.

    Args:
        recipe: what to do.
        manifest: pictures; `train` is learnt from, `val` chooses the epoch. `test` and
            `unseen` are not touched.
        run: folder in which everything lands; resumed where it holds the same run.
        seed: of weights, order and views.
        init: a pretrained ResNet-18 under torchvision's names; None loads torchvision's own.
        select_by: one of `SELECT_BY`.

    Raises:
        BadRun: the folder holds another run.
        BadManifest: a picture cannot be read.
        OutOfSpace: the disk is full; the run resumes from its last whole epoch.
    """
    if select_by not in SELECT_BY:
        raise UnknownField(select_by, SELECT_BY, what="way to select an epoch")
    run.start(_configuration(recipe, manifest, seed, init, select_by))
    try:
        return _Training(recipe, manifest, run, seed, init, select_by, progress).go()
    except (OSError, RuntimeError) as error:
        if getattr(error, "errno", None) == ENOSPC or "No space left" in str(error):
            raise OutOfSpace(
                f"The disk is full. Make room and start the same command again: {run.folder} "
                "goes on from its last whole epoch."
            ) from error
        raise


def _configuration(
    recipe: Recipe, manifest: Manifest, seed: int, init: Path | None, select_by: str
) -> dict[str, Any]:
    return {
        "recipe": asdict(recipe),
        "architecture": ARCHITECTURE,
        "preprocessing": Preprocessing().to_json(),
        "epochs": recipe.epochs,
        "seed": seed,
        "select_by": select_by,
        "initialisation": str(init) if init else "torchvision IMAGENET1K_V1",
        "data": manifest.described(),
        "rows": {split: counts(manifest.of(split, view=recipe.view)) for split in ("train", "val")},
    }


class _Training:
    """The state of one run between its epochs."""

    def __init__(
        self,
        recipe: Recipe,
        manifest: Manifest,
        run: Run,
        seed: int,
        init: Path | None,
        select_by: str,
        progress: Progress,
    ) -> None:
        self.recipe, self.run, self.seed, self.select_by = recipe, run, seed, select_by
        self.progress = progress
        self.device = inference_device()
        # bf16 pays only where the hardware has it; a GPU that trains has.
        self.bf16 = self.device.type == "cuda" or this_processor().has_fast_bf16
        spec = Preprocessing()
        self.views = SeedViews(manifest.of("train", view=recipe.view), recipe, spec, seed)
        self.validation = EvaluationViews(manifest.of("val", view=recipe.view), spec)
        self.targets = np.array([r.target for r in manifest.of("val", view=recipe.view)])
        torch.manual_seed(seed)
        self.network = Network()
        if init is None:
            load_torchvision(self.network)
        else:
            load_initialisation(self.network, init)
        self.network.to(self.device, memory_format=torch.channels_last)
        self.optimiser = torch.optim.RMSprop(self.network.parameters(), lr=recipe.lr)
        self.schedule = torch.optim.lr_scheduler.StepLR(
            self.optimiser, recipe.step_size, recipe.gamma
        )
        self.loss = nn.CrossEntropyLoss()
        self.history: list[dict[str, Any]] = []

    def go(self) -> dict[str, Any]:
        self._resume()
        for epoch in range(len(self.history), self.recipe.epochs):
            self._epoch(epoch)
        return self._best()

    def _epoch(self, epoch: int) -> None:
        frozen = epoch < self.recipe.frozen_epochs
        if epoch == self.recipe.frozen_epochs:
            load_checkpoint(self.network, self.run.best_path)
        (self.network.freeze_trunk if frozen else self.network.unfreeze)()
        lr = self.schedule.get_last_lr()[0]
        loss = self._learn(epoch, frozen)
        with warnings.catch_warnings():
            # Frozen parameters have no gradient yet; the schedule steps all the same.
            warnings.simplefilter("ignore", UserWarning)
            self.schedule.step()
        figures = validation_figures(self._validate(epoch), self.targets)
        entry = {"epoch": epoch, "frozen": frozen, "lr": lr, "loss": loss, **figures}
        if not self.history or entry[self.select_by] > self._best()[self.select_by]:
            save_checkpoint(self.network, self.run.best_path)
        self.history.append(entry)
        self._save()

    def _learn(self, epoch: int, frozen: bool) -> float:
        # A frozen trunk keeps its batch-norm statistics too: its features stand still.
        self.network.train(not frozen)
        self.views.epoch = epoch
        order = torch.Generator().manual_seed(self.seed * 1_000_003 + epoch)
        batches = self._loader(self.views, self.recipe.batch_size, shuffle=order)
        total, seen = 0.0, 0
        for step, (images, targets) in enumerate(batches):
            self.optimiser.zero_grad(set_to_none=True)
            with self._precision():
                logits = self.network(self._place(images))
            loss = self.loss(logits.float(), targets.to(self.device))
            loss.backward()
            self.optimiser.step()
            total, seen = total + float(loss.detach()) * len(targets), seen + len(targets)
            self._report(epoch, step + 1, len(batches), f"loss {total / seen:.3f}")
        return total / seen

    @torch.inference_mode()
    def _validate(self, epoch: int) -> np.ndarray[Any, np.dtype[np.float64]]:
        self.network.eval()
        scores = []
        for images, _ in self._loader(self.validation, 32):
            with self._precision():
                logits = self.network(self._place(images))
            scores.append(logits.float().softmax(dim=1)[:, 1].cpu())
        return np.asarray(torch.cat(scores).double().numpy(), np.float64)

    def _place(self, images: torch.Tensor) -> torch.Tensor:
        return images.to(self.device, memory_format=torch.channels_last)

    def _precision(self) -> torch.autocast:
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.bf16)

    def _loader(
        self, views: Dataset[Any], batch_size: int, shuffle: torch.Generator | None = None
    ) -> DataLoader[Any]:
        return DataLoader(
            views,
            batch_size=batch_size,
            shuffle=shuffle is not None,
            generator=shuffle,
            num_workers=loader_workers(len(views)),
        )

    def _report(self, epoch: int, step: int, steps: int, text: str) -> None:
        total = self.recipe.epochs * steps
        self.progress(
            epoch * steps + step, total, f"epoch {epoch + 1} of {self.recipe.epochs}, {text}"
        )

    def _best(self) -> dict[str, Any]:
        if not self.history:
            raise BadRun("The recipe has no epochs.")
        return max(self.history, key=lambda e: (e[self.select_by], -e["epoch"]))

    def _save(self) -> None:
        state = {
            "network": self.network.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "schedule": self.schedule.state_dict(),
            "history": self.history,
        }
        fresh = self.run.last_path.with_name("last.pt.new")
        torch.save(state, fresh)
        fresh.replace(self.run.last_path)
        self.run.write_history(self.history)

    def _resume(self) -> None:
        if not self.run.last_path.exists():
            return
        state = torch.load(self.run.last_path, map_location=self.device, weights_only=True)
        self.network.load_state_dict(state["network"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.schedule.load_state_dict(state["schedule"])
        self.history = state["history"]


def validation_figures(
    scores: np.ndarray[Any, np.dtype[np.float64]], targets: np.ndarray[Any, Any]
) -> dict[str, float]:
    """Return the figures by which an epoch can be selected; larger is better for each."""
    said_ai = scores >= 0.5
    recall_ai, recall_human = np.mean(said_ai[targets == 1]), np.mean(~said_ai[targets == 0])
    cost = (1 - recall_ai) + FALSE_ACCUSATION_COST * (1 - recall_human)
    return {
        "accuracy": float(np.mean(said_ai == (targets == 1))),
        "balanced-accuracy": float((recall_ai + recall_human) / 2),
        "auc": roc_auc(scores, targets),
        "cost": float(-cost),
    }


def load_torchvision(network: Network) -> None:
    """Load torchvision's own ImageNet weights, from its cache or the network.

    Raises:
        BadRun: they cannot be had here.
    """
    from torchvision.models import ResNet18_Weights

    try:
        state = ResNet18_Weights.IMAGENET1K_V1.get_state_dict(progress=False, check_hash=True)
    except OSError as error:
        raise BadRun(
            "torchvision's ResNet-18 weights cannot be downloaded here. "
            "Give a pretrained file: --init FILE.safetensors."
        ) from error
    network.load_state_dict(
        {k: v for k, v in state.items() if not k.startswith("fc.")}, strict=False
    )
