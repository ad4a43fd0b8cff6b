"""Pooled vectors of a trunk that stands still: each view passes it once, for all recipes.

While the trunk is frozen, a view's vector depends on the trunk and the view alone. The founding
recipes draw the same views from the same seed, so they share the vectors in a cache; a frozen
epoch that is there already takes seconds. Needs torch.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Subset

from backend.model.network import FEATURE_SIZE
from backend.training.compiled import Look
from backend.training.manifest import Row
from backend.training.parallel import Team
from backend.training.views import loader_workers

_BATCH = 32


class FrozenVectors:
    """The cache of one run.

    `about` says what the views depend on beside the pictures; `start` makes the look that
    gives pooled vectors (n, 512) of images (n, 3, h, w), and is asked when one is needed.
    """

    def __init__(
        self,
        folder: Path,
        rows: Sequence[Row],
        about: Sequence[Any],
        start: Callable[[], Look],
        team: Team,
    ) -> None:
        self._folder, self._start, self._team = folder, start, team
        self._look: Look | None = None
        self._key = repr(([r.sha256 for r in rows], list(about)))

    def of(
        self, views: Dataset[Any], size: int, number: int, progress: Callable[[int, int], None]
    ) -> Tensor:
        """Return the vectors (size, 512) of views; `number` tells draws of the same views apart.

        Every process looks at its share; the leader writes. They are kept in 16 bits.
        """
        digest = hashlib.sha256(f"{self._key} {number}".encode()).hexdigest()[:24]
        path = self._folder / f"frozen-{digest}.npy"
        if not path.exists():
            self._look_at(views, size, path, progress)
        self._team.wait()
        return torch.from_numpy(np.load(path).astype(np.float32))

    def _look_at(
        self, views: Dataset[Any], size: int, path: Path, progress: Callable[[int, int], None]
    ) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        mine = self._team.share(range(size))
        part = path.with_suffix(f".part{self._team.rank}")
        _write(part, self._pass(Subset(views, mine), len(mine), progress))
        self._team.wait()
        if not self._team.leads:
            return
        parts = [path.with_suffix(f".part{rank}") for rank in range(self._team.size)]
        whole = np.empty((size, FEATURE_SIZE), np.float16)
        for rank, each in enumerate(parts):
            whole[rank :: self._team.size] = np.load(each)
        _write(path, whole)
        for each in parts:
            each.unlink(missing_ok=True)

    def _pass(
        self, views: Dataset[Any], size: int, progress: Callable[[int, int], None]
    ) -> np.ndarray[Any, np.dtype[np.float16]]:
        found = np.empty((size, FEATURE_SIZE), np.float16)
        done = 0
        for images, _ in DataLoader(views, batch_size=_BATCH, num_workers=loader_workers(size)):
            self._look = self._look or self._start()
            vectors = self._look(images)
            found[done : done + len(vectors)] = vectors
            done += len(vectors)
            progress(done, size)
        return found


def _write(path: Path, array: np.ndarray[Any, Any]) -> None:
    """Write an array: whole or not at all."""
    fresh = path.with_name(f"{path.name}.{os.getpid()}.new")  # other runs share the cache
    with fresh.open("wb") as file:
        np.save(file, array)
    fresh.replace(path)
