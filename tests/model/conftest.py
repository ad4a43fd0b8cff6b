"""The shipped weights, and real pictures where this checkout has them."""

import io
import shutil
from pathlib import Path

import pytest
from PIL import Image

from backend.model.card import Card
from backend.model.registry import SHIPPED, find_card
from backend.settings import Settings
from tests.pictures import SHARED, draw


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home")


@pytest.fixture
def card(settings: Settings) -> Card:
    return find_card(settings)


@pytest.fixture
def copied_weights(tmp_path: Path, card: Card) -> Path:
    """A copy of the shipped weights that a test may damage."""
    assert card.folder.is_relative_to(SHIPPED)
    return Path(shutil.copytree(card.folder, tmp_path / "copy"))


@pytest.fixture(scope="session")
def pictures() -> list[Image.Image]:
    """Twenty pictures: of the validation split where it is there, else drawn."""
    files = sorted((SHARED / "data" / "images" / "val").glob("*/*-whole.jpg"))[::37][:20]
    if not files:
        return [draw(400 - 7 * i, 280 + 5 * i, seed=i) for i in range(20)]
    return [Image.open(io.BytesIO(file.read_bytes())).convert("RGB") for file in files]
