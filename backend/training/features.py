"""Cached statistics of a fixed trunk over a manifest: what ideas are screened on in minutes."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

from backend.model.architectures import trunk_sha256
from backend.model.preprocess import FloatArray, Preprocessing, to_tensor
from backend.model.stage_network import StageNetwork
from backend.training.compiled import Look, looking, precision_here
from backend.training.degrade import seeded_web_copy
from backend.training.manifest import Row, open_picture
from backend.training.parallel import ALONE, Team
from backend.training.train import Progress
from backend.training.views import loader_workers

_CHUNK = 512


@dataclass(frozen=True, slots=True)
class Variant:
    """Which copy of each picture is looked at.

    `degraded` numbers the seeded web copy, 0 being the picture itself.
    """

    degraded: int = 0


class VariantViews(Dataset[tuple[torch.Tensor, int]]):
    """A copy of each picture as serving shows it to the network, and its number."""

    def __init__(self, rows: tuple[Row, ...], variant: Variant, spec: Preprocessing) -> None:
        self._rows, self._variant, self._spec = rows, variant, spec

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        row = self._rows[index]
        picture = open_picture(row)
        if self._variant.degraded:
            picture = seeded_web_copy(picture, self._variant.degraded, row.sha256)
        return torch.from_numpy(to_tensor(picture, self._spec)), index


def extract(
    look: Look, rows: tuple[Row, ...], variant: Variant, spec: Preprocessing
) -> np.ndarray[Any, np.dtype[np.float16]]:
    """Return the statistics of every row's picture: float16 of shape (n, d)."""
    loader = DataLoader(
        VariantViews(rows, variant, spec), batch_size=32, num_workers=loader_workers(len(rows))
    )
    return np.concatenate([look(images).astype(np.float16) for images, _ in loader])


def cached(
    folder: Path,
    network: StageNetwork,
    rows: tuple[Row, ...],
    variant: Variant,
    spec: Preprocessing,
    progress: Progress = lambda done, total, text: None,
    team: Team = ALONE,
    *,
    about: str = "",
) -> FloatArray:
    """Return what the trunk alone says, from the cache, or extract and keep it, chunk by chunk.

    The cache is keyed by the trunk's weights, pictures, variant, preprocessing and precision, each
    view of the originals apart, so that what needs one view alone shares it. `about` says what the
    weights do not: a trunk of another shape. An interrupted extraction goes on at its last
    whole chunk. Each process of a team extracts every so many-th chunk.
    """
    folder.mkdir(parents=True, exist_ok=True)
    asked = trunk_sha256(network), network.STANDS_STILL, about
    chunks = _chunks(rows)
    paths = []
    for index in chunks:
        digests = [rows[i].sha256 for i in index]
        key = repr((asked, digests, variant, spec, precision_here())).encode()
        paths.append(folder / f"{hashlib.sha256(key).hexdigest()[:24]}.npy")
    done, look = 0, None
    for path, index in team.share(list(zip(paths, chunks, strict=True))):
        if not path.exists():
            look = look or looking(network, network.STANDS_STILL, spec.crop_px, len(rows))
            _write(path, extract(look, tuple(rows[i] for i in index), variant, spec))
        done = min(done + len(index) * team.size, len(rows))
        progress(done, len(rows), f"features {variant}")
    team.wait()
    found = np.concatenate([np.load(path) for path in paths]).astype(np.float32)
    return found[np.argsort(np.concatenate(chunks))]


def _chunks(rows: Sequence[Row]) -> list[list[int]]:
    """Return the numbers of the rows, view by view, in parts that are kept as one file each."""
    parts = []
    for view in dict.fromkeys(row.view for row in rows):
        index = [i for i, row in enumerate(rows) if row.view == view]
        parts += [index[start : start + _CHUNK] for start in range(0, len(index), _CHUNK)]
    return parts


def _write(path: Path, statistics: np.ndarray[Any, np.dtype[np.float16]]) -> None:
    fresh = path.with_name(f"{path.name}.{os.getpid()}.new")  # other runs share the cache
    with fresh.open("wb") as file:
        np.save(file, statistics)
    fresh.replace(path)
