"""The degradation grid: complete, deterministic, blind to the class."""

import hashlib

import numpy as np
import pytest
from PIL import Image

from backend.training.evaluation.grid import CLEAN, GRID, Cell, degrade
from tests.pictures import draw

SHA = hashlib.sha256(b"a picture").hexdigest()
OTHER = hashlib.sha256(b"another").hexdigest()
BY_NAME = {cell.name: cell for cell in GRID}


def _pixels(image: Image.Image) -> np.ndarray:  # type: ignore[type-arg]
    return np.asarray(image)


def test_the_grid_holds_every_copy_of_the_protocol() -> None:
    """Five JPEG, three WebP, four sizes, thumbnail, screenshot and chains of three; once each."""
    assert len(BY_NAME) == len(GRID)
    assert {
        *(f"jpeg-{q}" for q in (95, 85, 75, 60, 50)),
        *(f"webp-{q}" for q in (90, 75, 50)),
        *(f"resize-{f}" for f in ("0.25", "0.5", "0.75", "1.5")),
        "clean",
        "thumbnail-256",
        "screenshot",
    } < set(BY_NAME)
    chains = [cell for cell in GRID if cell.family == "chain of three"]
    assert chains
    assert {len(cell.steps) for cell in chains} == {3}


@pytest.mark.parametrize("cell", GRID, ids=lambda cell: cell.name)
def test_a_cell_does_the_same_to_a_picture_every_time(cell: Cell) -> None:
    """Equal cell, picture and hash give equal pixels: an interrupted grid may go on any time."""
    image = draw(300, 256, seed=3)
    first, again = (_pixels(degrade(cell, image, SHA)) for _ in range(2))
    np.testing.assert_array_equal(first, again)
    assert np.array_equal(first, _pixels(image)) == (cell is CLEAN)


def test_chance_hangs_on_cell_and_picture() -> None:
    """What is drawn differs from picture to picture: a screenshot's size is not one for all."""
    image = draw(300, 256, seed=3)
    sizes = {degrade(BY_NAME["screenshot"], image, sha).size for sha in (SHA, OTHER)}
    assert len(sizes) == 2


@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("resize-0.25", (75, 64)),
        ("resize-0.5", (150, 128)),
        ("resize-1.5", (450, 384)),
        ("thumbnail-256", (256, 218)),
        ("jpeg-50", (300, 256)),
    ],
)
def test_copies_have_the_size_that_their_name_says(name: str, size: tuple[int, int]) -> None:
    """Factors scale both sides, a thumbnail's long side is 256, codecs leave the size alone."""
    assert degrade(BY_NAME[name], draw(300, 256), SHA).size == size


def test_a_thumbnail_is_never_enlarged() -> None:
    """A picture smaller than a thumbnail keeps its size."""
    assert degrade(BY_NAME["thumbnail-256"], draw(200, 150), SHA).size == (200, 150)


def test_lower_quality_loses_more() -> None:
    """From JPEG 95 to 50 the copy moves away from the picture, step by step."""
    image = draw(300, 256, seed=3)
    lost = [
        float(
            np.abs(_pixels(degrade(BY_NAME[f"jpeg-{q}"], image, SHA)) - 1.0 * _pixels(image)).mean()
        )
        for q in (95, 75, 50)
    ]
    assert lost == sorted(lost)
    assert lost[0] < lost[-1]
