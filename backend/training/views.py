"""What training shows the network: seeded views of a manifest's pictures. Needs torch."""

from __future__ import annotations

import torch
from torch.utils.data import Dataset
from torchvision.transforms import v2

from backend.model.preprocess import Preprocessing, normalise, to_tensor
from backend.model.processor import this_processor
from backend.training.manifest import Row, open_picture
from backend.training.recipes import Recipe

_FEW = 256


def loader_workers(pictures: int) -> int:
    """Return how many processes should decode: none for a few pictures, else one a core."""
    return 0 if pictures <= _FEW else this_processor().cores


class EvaluationViews(Dataset[tuple[torch.Tensor, int]]):
    """Pictures exactly as serving shows them to the network."""

    def __init__(self, rows: tuple[Row, ...], spec: Preprocessing) -> None:
        self._rows, self._spec = rows, spec

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        row = self._rows[index]
        return torch.from_numpy(to_tensor(open_picture(row), self._spec)), row.target


class SeedViews(Dataset[tuple[torch.Tensor, int]]):
    """The founding project's training views: random resized crop, flip, rotation.

    Each picture's view is drawn from (seed, epoch, index) alone, so that an interrupted run
    goes on as if it had not been interrupted, whatever the number of workers.
    """

    def __init__(self, rows: tuple[Row, ...], recipe: Recipe, spec: Preprocessing, seed: int):
        self._rows, self._spec, self._seed, self.epoch = rows, spec, seed, 0
        self._draw = v2.Compose(
            [
                v2.RandomResizedCrop(recipe.crop_px, antialias=True),
                v2.RandomHorizontalFlip(),
                v2.RandomRotation(recipe.rotation_degrees),
            ]
        )

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        row = self._rows[index]
        picture = open_picture(row)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed((self._seed * 1_000_003 + self.epoch) * 1_000_003 + index)
            drawn = self._draw(picture)
        return torch.from_numpy(normalise(drawn, self._spec)), row.target
