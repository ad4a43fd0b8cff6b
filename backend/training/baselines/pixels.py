"""Pictures as flat rows of 8-bit RGB on disk, read a block at a time so that memory stays bounded.

A file holds one task at one size: the picture squeezed to px x px, channels last, row by row.
It is read with plain reads and not mapped: pages of a map would count as the memory of whoever
looks at them, and memory is what is measured here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from backend.training.degrade import seeded_web_copy
from backend.training.manifest import Row, open_picture

Bytes = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]
Indices = npt.NDArray[np.int64]

Copy = tuple[Row, int]
"""A picture, and the number of its seeded web copy; 0 is the picture as it is."""
BLOCK_BYTES = 64 * 2**20
"""How much of the pictures is held as 32-bit floats at once by those that need but a part."""
MIDDLE = 127.5
"""Pixels are centred and scaled to [-1, 1]: sums of squares then keep their digits in 32 bits."""


@dataclass(frozen=True, slots=True)
class Pixels:
    """The pictures of a task at one size: `count` rows of px * px * 3 bytes in a file."""

    file: Path
    px: int
    count: int

    @property
    def features(self) -> int:
        """Numbers that describe one picture."""
        return features_of(self.px)

    def rows(self, indices: Sequence[int] | Indices) -> Bytes:
        """Read some pictures, shape (n, features)."""
        out = np.empty((len(indices), self.features), np.uint8)
        with self.file.open("rb") as file:
            for place, index in enumerate(indices):
                if not 0 <= index < self.count:
                    raise IndexError(f"there is no picture {index} among {self.count}")
                file.seek(int(index) * self.features)
                file.readinto(memoryview(out[place]))
        return out

    def floats(self, indices: Sequence[int] | Indices) -> Floats:
        """Read some pictures as floats in [-1, 1], shape (n, features), filled block by block."""
        out = np.empty((len(indices), self.features), np.float32)
        for part in blocks(len(indices), self.features):
            out[part] = self.rows(indices[part])
            out[part] -= MIDDLE
            out[part] /= MIDDLE
        return out


def features_of(px: int) -> int:
    """Return how many numbers describe a picture of px x px."""
    return px * px * 3


def blocks(count: int, features: int) -> Iterator[slice]:
    """Cut `count` rows into runs that take at most `BLOCK_BYTES` as 32-bit floats."""
    step = max(1, BLOCK_BYTES // (4 * features))
    for start in range(0, count, step):
        yield slice(start, min(start + step, count))


def flatten(image: Image.Image, px: int) -> bytes:
    """Squeeze a picture to px x px (bilinear over the whole area) and return its RGB bytes."""
    small = image.convert("RGB").resize((px, px), Image.Resampling.BILINEAR)
    return small.tobytes()


def cached_pixels(
    pictures: Sequence[Copy],
    sizes: Sequence[int],
    folder: Path,
    key: str,
    progress: Callable[[int, int, str], None],
) -> dict[int, Pixels]:
    """Return the pictures at each size; what is not in `folder` is made in one pass.

    Args:
        pictures: rows in their order, each as it is or as a web copy.
        sizes: edges in pixels.
        folder: where the files lie.
        key: names the pictures and their order; another key means another file.
        progress: told of pictures done, pictures in all, and a word.

    Raises:
        BadManifest: a picture cannot be read.
    """
    found = {px: Pixels(folder / f"{key}-{px}.rgb", px, len(pictures)) for px in sizes}
    wanted = [pixels for pixels in found.values() if not _whole(pixels)]
    if wanted:
        folder.mkdir(parents=True, exist_ok=True)
        _write(pictures, wanted, progress)
    return found


def _whole(pixels: Pixels) -> bool:
    size = pixels.count * pixels.features
    return pixels.file.exists() and pixels.file.stat().st_size == size


def _write(
    pictures: Sequence[Copy], wanted: Sequence[Pixels], progress: Callable[[int, int, str], None]
) -> None:
    fresh = [pixels.file.with_suffix(".new") for pixels in wanted]
    with ExitStack() as stack:
        files: list[Any] = [stack.enter_context(path.open("wb")) for path in fresh]
        for number, (row, copy) in enumerate(pictures, start=1):
            image = open_picture(row)
            if copy:
                image = seeded_web_copy(image, copy, row.sha256)
            for pixels, file in zip(wanted, files, strict=True):
                file.write(flatten(image, pixels.px))
            progress(number, len(pictures), "flattening pictures")
    for path, pixels in zip(fresh, wanted, strict=True):
        path.replace(pixels.file)
