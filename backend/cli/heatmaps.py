"""Heat maps as files: the picture with the overlay, and a legend that says what it means."""

from __future__ import annotations

import threading
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from backend.domain import Activation
from backend.model.explain import TOWARDS_AI, TOWARDS_HUMAN, blend

_PAPER = (250, 249, 246)
_INK = (45, 48, 54)
_MIN_WIDTH_PX = 380
_LEGEND_PX = 34


class HeatmapFolder:
    """A folder that heat maps are written into, two pictures of one name kept apart."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._taken: set[str] = set()
        self._lock = threading.Lock()

    def write(self, stem: str, image: Image.Image, activation: Activation) -> Path:
        """Write NAME-heatmap.png (NAME-2-heatmap.png …) and return its path."""
        path = self._folder / self._name(stem)
        with_legend(blend(image, activation)).save(path, "PNG")
        return path

    def _name(self, stem: str) -> str:
        with self._lock:
            name, number = f"{stem}-heatmap.png", 1
            while name.casefold() in self._taken:
                number += 1
                name = f"{stem}-{number}-heatmap.png"
            self._taken.add(name.casefold())
            return name


def with_legend(picture: Image.Image) -> Image.Image:
    """Put a strip below a picture that says which colour speaks for what."""
    width = max(picture.width, _MIN_WIDTH_PX)
    sheet = Image.new("RGB", (width, picture.height + _LEGEND_PX), _PAPER)
    sheet.paste(picture, ((width - picture.width) // 2, 0))
    pen = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(13)
    middle = picture.height + _LEGEND_PX // 2
    entries = ((TOWARDS_AI, "speaks for AI-generated"), (TOWARDS_HUMAN, "for human-made"))
    left = 12
    for colour, words in entries:
        pen.rectangle((left, middle - 6, left + 12, middle + 6), fill=colour)
        pen.text((left + 20, middle), words, fill=_INK, font=font, anchor="lm")
        left += 44 + round(pen.textlength(words, font=font))
    return sheet
