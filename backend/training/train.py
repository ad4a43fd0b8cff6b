"""Train a recipe from top to bottom: frozen phase, perhaps an unfrozen one, best epoch kept."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset, Subset

from backend.errors import BadRun, UnknownField
from backend.model.architectures import (
    load_initialisation,
    save_tensors,
    trunk_sha256,
)
from backend.model.network import ARCHITECTURE, Network, inference_device
from backend.model.preprocess import Preprocessing
from backend.model.processor import this_processor
from backend.training.compiled import Look, looking
from backend.training.frozen import FrozenVectors
from backend.training.full_disk import told_when_full
from backend.training.live_curves import write_curves
from backend.training.manifest import Manifest, counts, require_classes
from backend.training.metrics import roc_auc
from backend.training.parallel import ALONE, Team
from backend.training.recipes import Recipe
from backend.training.run import Run, kept_epoch
from backend.training.views import EvaluationViews, SeedViews, loader_workers

SELECT_BY = ("accuracy", "balanced-accuracy", "auc", "cost")
"""What decides which epoch is kept; `cost` counts a false accusation five times."""
FALSE_ACCUSATION_COST = 5.0

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
    team: Team = ALONE,
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
        team: the processes that train together; each calls this alike.

    Raises:
        BadRun: the folder holds another run.
        BadManifest: a picture cannot be read, or `train` or `val` lacks a class.
        OutOfSpace: the disk is full; the run resumes from its last whole epoch.
    """
    if select_by not in SELECT_BY:
        raise UnknownField(select_by, SELECT_BY, what="way to select an epoch")
    require_classes(manifest, ("train", "val"), recipe.view)
    start_together(run, _configuration(recipe, manifest, seed, init, select_by), team)
    show = progress if team.leads else silent
    with told_when_full(run.folder):
        return _Training(recipe, manifest, run, seed, init, select_by, show, team).go()


def start_together(run: Run, config: dict[str, Any], team: Team) -> None:
    """Start a run in every process; the leader writes its configuration. Raises `BadRun`."""
    if team.leads:
        run.start(config)
    team.wait()
    if not team.leads:
        run.start(config)


def silent(done: int, total: int, text: str) -> None:
    """Show nothing."""


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
        team: Team,
    ) -> None:
        self.recipe, self.run, self.seed, self.select_by = recipe, run, seed, select_by
        self.progress, self.team = progress, team
        self.device = inference_device()
        # bf16 pays only where the hardware has it; a GPU that trains has.
        self.bf16 = self.device.type == "cuda" or this_processor().has_fast_bf16
        spec = Preprocessing()
        learnt = manifest.of("train", view=recipe.view)
        validated = manifest.of("val", view=recipe.view)
        self.views = SeedViews(learnt, recipe, spec, seed)
        self.validation = EvaluationViews(validated, spec)
        self.learnt = torch.tensor([r.target for r in learnt], device=self.device)
        self.targets = np.array([r.target for r in validated])
        torch.manual_seed(seed)
        self.network = Network()
        if init is None:
            load_torchvision(self.network)
        else:
            load_initialisation(self.network, init)
        self.network.to(self.device, memory_format=torch.channels_last)
        cache = run.folder.parent / "cache"
        about = [trunk_sha256(self.network), spec, self.bf16, self.device.type]
        drawn = [*about, recipe.crop_px, recipe.rotation_degrees, seed]
        look = self._looking(recipe.crop_px, len(learnt))
        self.frozen = FrozenVectors(cache, learnt, drawn, look, team)
        look = self._looking(spec.crop_px, len(validated))
        self.frozen_validation = FrozenVectors(cache, validated, about, look, team)
        self.optimiser = torch.optim.RMSprop(self.network.parameters(), lr=recipe.lr)
        self.schedule = torch.optim.lr_scheduler.StepLR(
            self.optimiser, recipe.step_size, recipe.gamma
        )
        self.loss = nn.CrossEntropyLoss()
        self.whole: nn.Module | None = None
        self.history: list[dict[str, Any]] = []
        self.best: dict[str, torch.Tensor] = {}
        """The network of the best epoch so far."""

    def go(self) -> dict[str, Any]:
        self._resume()
        for epoch in range(len(self.history), self.recipe.epochs):
            self._epoch(epoch)
        return self._best()

    def _epoch(self, epoch: int) -> None:
        frozen = epoch < self.recipe.frozen_epochs
        if epoch == self.recipe.frozen_epochs:
            self.network.load_state_dict(self.best)
        (self.network.freeze_trunk if frozen else self.network.unfreeze)()
        lr = self.schedule.get_last_lr()[0]
        loss = (self._learn_head if frozen else self._learn_all)(epoch, self._batches(epoch))
        with warnings.catch_warnings():
            # Frozen parameters have no gradient yet; the schedule steps all the same.
            warnings.simplefilter("ignore", UserWarning)
            self.schedule.step()
        figures = validation_figures(self._validate(frozen), self.targets)
        entry = {"epoch": epoch, "frozen": frozen, "lr": lr, "loss": loss, **figures}
        better = not self.history or entry[self.select_by] > self._best()[self.select_by]
        self.history.append(entry)
        if better:
            state = self.network.state_dict()
            self.best = {name: tensor.detach().cpu().clone() for name, tensor in state.items()}
        if self.team.leads:
            self._save()
        self.team.wait()

    def _batches(self, epoch: int) -> list[list[int]]:
        """Return the epoch's batches; the same in every process."""
        order = torch.Generator().manual_seed(self.seed * 1_000_003 + epoch)
        drawn = torch.randperm(len(self.views), generator=order)
        batches = [batch.tolist() for batch in drawn.split(self.recipe.batch_size)]
        # A last batch that cannot be shared out among the processes is left out.
        return [batch for batch in batches if len(batch) >= self.team.size]

    def _learn_head(self, epoch: int, batches: list[list[int]]) -> float:
        """Learn from pooled vectors: a frozen trunk, its batch norm included, stands still."""
        self.views.epoch = epoch
        steps = len(batches)

        def passing(done: int, size: int) -> None:
            self._report(epoch, min(steps - 1, steps * done // size), steps, "frozen trunk")

        vectors = self.frozen.of(self.views, len(self.views), epoch, passing).to(self.device)
        total = 0.0
        for batch in batches:
            loss = self.loss(self.network.fc(vectors[batch]), self.learnt[batch])
            self._step(loss)
            total += float(loss.detach()) * len(batch)
        mean = total / sum(map(len, batches))
        self._report(epoch, steps, steps, f"loss {mean:.3f}")
        return mean

    def _learn_all(self, epoch: int, batches: list[list[int]]) -> float:
        """Learn every layer; each process has its share of every batch."""
        self.network.train()
        self.whole = self.whole or self.team.wrapped(self.network)
        self.views.epoch = epoch
        total, seen = 0.0, 0
        shares = [self.team.share(batch) for batch in batches]
        loader = self._loader(self.views, batch_sampler=shares)
        for step, (images, targets) in enumerate(loader):
            with self._precision():
                logits = self.whole(self._place(images))
            loss = self.loss(logits.float(), targets.to(self.device))
            # Gradients are averaged over processes; shares may differ by one picture.
            self._step(loss * (len(targets) * self.team.size / len(batches[step])))
            total, seen = total + float(loss.detach()) * len(targets), seen + len(targets)
            self._report(epoch, step + 1, len(batches), f"loss {total / seen:.3f}")
        total, pictures = self.team.sums(total, seen)
        return total / pictures

    def _step(self, loss: torch.Tensor) -> None:
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        self.optimiser.step()

    @torch.inference_mode()
    def _validate(self, frozen: bool) -> np.ndarray[Any, np.dtype[np.float64]]:
        if frozen:
            size = len(self.validation)
            vectors = self.frozen_validation.of(self.validation, size, 0, lambda done, of: None)
            logits = self.network.fc(vectors.to(self.device))
            return np.asarray(_score(logits).numpy(), np.float64)
        self.network.eval()
        self.team.same_buffers(self.network)
        mine = Subset(self.validation, self.team.share(range(len(self.validation))))
        scores: list[float] = []
        for images, _ in self._loader(mine, batch_size=32):
            with self._precision():
                logits = self.network(self._place(images))
            scores += _score(logits).tolist()
        return np.array(self.team.woven(scores), np.float64)

    def _looking(self, side_px: int, pictures: int) -> Callable[[], Look]:
        """Return what starts the passing of squares by the trunk as it was initialised."""
        return lambda: looking(copy.deepcopy(self.network), "pooled", side_px, pictures)

    def _place(self, images: torch.Tensor) -> torch.Tensor:
        return images.to(self.device, memory_format=torch.channels_last)

    def _precision(self) -> torch.autocast:
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.bf16)

    def _loader(self, views: Dataset[Any], **batches: Any) -> DataLoader[Any]:
        return DataLoader(views, num_workers=loader_workers(len(views)), **batches)

    def _report(self, epoch: int, step: int, steps: int, text: str) -> None:
        total = self.recipe.epochs * steps
        self.progress(
            epoch * steps + step, total, f"epoch {epoch + 1} of {self.recipe.epochs}, {text}"
        )

    def _best(self) -> dict[str, Any]:
        if not self.history:
            raise BadRun("The recipe has no epochs.")
        return kept_epoch(self.history, self.select_by)

    def _save(self) -> None:
        state = {
            "network": self.network.state_dict(),
            "best": self.best,
            "optimiser": self.optimiser.state_dict(),
            "schedule": self.schedule.state_dict(),
            "history": self.history,
        }
        # One file first, from which the others can be written again.
        fresh = self.run.last_path.with_name("last.pt.new")
        torch.save(state, fresh)
        fresh.replace(self.run.last_path)
        self._write_out()

    def _write_out(self) -> None:
        save_tensors(self.best, self.run.best_path)
        self.run.write_history(self.history)
        write_curves(self.run)

    def _resume(self) -> None:
        if not self.run.last_path.exists():
            return
        state = torch.load(self.run.last_path, map_location=self.device, weights_only=True)
        self.network.load_state_dict(state["network"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.schedule.load_state_dict(state["schedule"])
        self.history, self.best = state["history"], state["best"]
        if self.team.leads:
            self._write_out()


def _score(logits: torch.Tensor) -> torch.Tensor:
    """Return P(ai_generated) from logits: (n, 2) -> (n,)."""
    return logits.float().softmax(dim=1)[:, 1].cpu().double()


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
