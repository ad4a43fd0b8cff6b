"""Fine-tune the trunk with care: patches of web copies, low rates, a pull to where it began.

Ordinary fine-tuning learns the sources. Here batch norm stands still, weights are drawn back to
the initial ones, patches are too small to show a whole subject, both classes go through the same
rescaling, filters and codecs, and a moving average of the weights is kept. Needs torch.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image, ImageEnhance
from torch import Tensor
from torch.nn import functional
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

from backend.model.architectures import HEADS, load_checkpoint, save_checkpoint
from backend.model.network import inference_device
from backend.model.preprocess import Preprocessing, normalise
from backend.model.processor import this_processor
from backend.model.stage_network import StageNetwork
from backend.training.degrade import codec, rescale, sharpen_or_blur
from backend.training.folds import source_weights
from backend.training.manifest import Row, open_picture
from backend.training.recipes import TrunkRecipe
from backend.training.train import Progress

_SAVE_EVERY = 50
"""Steps after which an interrupted run can go on."""


class Patches(IterableDataset[tuple[Tensor, Tensor]]):
    """Batches of patches, half of each class; each batch is drawn from (seed, step) alone."""

    def __init__(
        self,
        rows: Sequence[Row],
        recipe: TrunkRecipe,
        spec: Preprocessing,
        seed: int,
        first: int,
        weights: npt.NDArray[np.float64] | None = None,
    ) -> None:
        """Take rows and how often each is drawn within its class; by its source by default."""
        self._recipe, self._spec, self._seed, self._first = recipe, spec, seed, first
        if weights is None:
            weights = source_weights(rows, recipe.source_power)
        self._classes = []
        for target in (0, 1):
            index = np.flatnonzero([r.target == target for r in rows])
            share = weights[index] / weights[index].sum()
            self._classes.append(([rows[int(i)] for i in index], share))

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        worker = get_worker_info()
        start, stride = (worker.id, worker.num_workers) if worker else (0, 1)
        for step in range(self._first + start, self._recipe.steps, stride):
            yield self._batch(np.random.default_rng([self._seed, step]))

    def _batch(self, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
        patches, targets = [], []
        for number in range(self._recipe.batch_size):
            target = number % 2
            rows, share = self._classes[target]
            picture = open_picture(rows[int(rng.choice(len(rows), p=share))])
            patches.append(normalise(draw_patch(picture, self._recipe.patch_px, rng), self._spec))
            targets.append(target)
        return torch.from_numpy(np.stack(patches)), torch.tensor(targets, dtype=torch.float32)


def draw_patch(picture: Image.Image, side: int, rng: np.random.Generator) -> Image.Image:
    """Cut a square and do to it what the web does; `side` pixels a side."""
    short = min(picture.size)
    factor = float(rng.uniform(0.5, 1.15)) if rng.random() < 0.6 else 1.0
    factor = max(factor, side / short)
    window = min(short, math.ceil(side / factor) + 2)
    left = int(rng.integers(picture.width - window + 1))
    top = int(rng.integers(picture.height - window + 1))
    patch = picture.crop((left, top, left + window, top + window))
    if factor != 1.0:
        patch = rescale(patch, max(factor, side / window), rng)
    if rng.random() < 0.15:
        patch = sharpen_or_blur(patch, rng)
    left, top = (int(rng.integers(length - side + 1)) for length in patch.size)
    patch = patch.crop((left, top, left + side, top + side))
    for _ in range(int(rng.integers(3))):
        patch = codec(patch, rng)
    if rng.random() < 0.5:
        patch = patch.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    if rng.random() < 0.3:
        patch = ImageEnhance.Brightness(patch).enhance(float(rng.uniform(0.8, 1.2)))
        patch = ImageEnhance.Contrast(patch).enhance(float(rng.uniform(0.8, 1.2)))
    return patch


def fine_tune(
    network: StageNetwork,
    rows: Sequence[Row],
    recipe: TrunkRecipe,
    spec: Preprocessing,
    folder: Path,
    *,
    weights: npt.NDArray[np.float64] | None = None,
    seed: int = 0,
    progress: Progress = lambda done, total, text: None,
) -> StageNetwork:
    """Return the network fine-tuned on some rows, starting from its trunk and its heads.

    `weights` (n,) say how often each row is drawn within its class. The result lies in `folder`
    as `trunk.safetensors`; where it is there already it is read, and an interrupted run goes on
    at its last save.
    """
    folder.mkdir(parents=True, exist_ok=True)
    finished = folder / "trunk.safetensors"
    if not finished.exists():
        patches = partial(Patches, rows, recipe, spec, seed, weights=weights)
        _Tuning(network, patches, recipe, folder, seed, progress).go(finished)
    load_checkpoint(network, finished)
    network.eval()
    return network


class _Tuning:
    """The state of a fine-tuning between its steps."""

    def __init__(
        self,
        network: StageNetwork,
        patches: Callable[[int], Patches],
        recipe: TrunkRecipe,
        folder: Path,
        seed: int,
        progress: Progress,
    ) -> None:
        self.patches, self.recipe, self.seed = patches, recipe, seed
        self.last, self.progress = folder / "trunk-last.pt", progress
        self.device = inference_device()
        self.bf16 = self.device.type == "cuda" or this_processor().has_fast_bf16
        torch.manual_seed(seed)
        self.network = network.to(self.device, memory_format=torch.channels_last)
        self.network.train()
        self.network.freeze_batch_norm()
        self.average = copy.deepcopy(network).requires_grad_(False)
        self.trunk = [
            (p, p.detach().clone())
            for n, p in network.named_parameters()
            if not n.startswith(HEADS) and p.requires_grad
        ]
        heads = [p for n, p in network.named_parameters() if n.startswith(HEADS)]
        self.optimiser = torch.optim.AdamW(
            [
                {"params": [p for p, _ in self.trunk], "lr": recipe.lr, "weight_decay": 0.0},
                {"params": heads, "lr": recipe.head_lr, "weight_decay": recipe.head_decay},
            ]
        )
        self.schedule = torch.optim.lr_scheduler.LambdaLR(self.optimiser, self._rate)
        self.step, self.loss = 0, math.log(2)
        self._resume()

    def _rate(self, step: int) -> float:
        """One cycle: a linear warm-up, then a half cosine to nothing."""
        warm = self.recipe.warm_up * self.recipe.steps
        if step < warm:
            return (step + 1) / warm
        return 0.5 * (1 + math.cos(math.pi * (step - warm) / (self.recipe.steps - warm)))

    def go(self, finished: Path) -> None:
        loader = DataLoader(
            self.patches(self.step), batch_size=None, num_workers=this_processor().cores
        )
        for images, targets in loader:
            loss = self._learn(images, targets)
            self.loss += 0.02 * (loss - self.loss)
            self.step += 1
            self.progress(self.step, self.recipe.steps, f"trunk, loss {self.loss:.3f}")
            if self.step % _SAVE_EVERY == 0:
                self._save()
        save_checkpoint(self.average, finished)
        self.last.unlink(missing_ok=True)

    def _learn(self, images: Tensor, targets: Tensor) -> float:
        # What drops out depends on the step alone, so that a run goes on as if never interrupted.
        torch.manual_seed(self.seed * 1_000_003 + self.step)
        images = images.to(self.device, memory_format=torch.channels_last)
        smooth = targets.to(self.device) * (1 - 2 * self.recipe.smoothing) + self.recipe.smoothing
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.bf16):
            logits = self.network(images)
        loss = functional.binary_cross_entropy_with_logits(logits.float(), smooth)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        self.optimiser.step()
        rate = self.schedule.get_last_lr()[0] / self.recipe.lr
        self.schedule.step()
        with torch.no_grad():
            for parameter, start in self.trunk:
                parameter.lerp_(start, self.recipe.pull * rate)
            for mean, parameter in zip(
                self.average.parameters(), self.network.parameters(), strict=True
            ):
                mean.lerp_(parameter, 1 - self.recipe.averaging)
        return float(loss.detach())

    def _save(self) -> None:
        state: dict[str, Any] = {
            "network": self.network.state_dict(),
            "average": self.average.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "schedule": self.schedule.state_dict(),
            "step": self.step,
            "loss": self.loss,
        }
        fresh = self.last.with_suffix(".new")
        torch.save(state, fresh)
        fresh.replace(self.last)

    def _resume(self) -> None:
        if not self.last.exists():
            return
        state = torch.load(self.last, map_location=self.device, weights_only=True)
        for name in ("network", "average", "optimiser", "schedule"):
            getattr(self, name).load_state_dict(state[name])
        self.step, self.loss = state["step"], state["loss"]
