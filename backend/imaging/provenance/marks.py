"""Marks that a generator leaves in the picture: the five squares of DALL·E 2."""

from __future__ import annotations

import numpy as np
from PIL import Image

from backend.domain import Evidence, Label
from backend.imaging.provenance.original import Original
from backend.imaging.provenance.rows import declared

KIND = "mark"
SQUARES = ((255, 255, 102), (66, 255, 255), (81, 218, 76), (255, 110, 60), (60, 70, 255))
"""From left to right, in the lower right corner, each a 64th of the picture's width."""
MAX_DIFFERENCE = 30
"""In any channel of a square's middle, on the mean; a JPEG of quality 75 stays under 12."""
MAX_SPREAD = 14.0
"""Standard deviation within a square's middle: they are flat fills."""
_SIDES_PER_WIDTH = 64
_MIN_WIDTH_PX = 256


class MarkReader:
    """Looks for the squares, whose place and colours are fixed."""

    kind = KIND
    about = "The picture's lower right corner"

    def read(self, original: Original) -> list[Evidence]:
        """Return a row where all five squares are there; none otherwise."""
        if not has_squares(original.image):
            return []
        detail = (
            "The five coloured squares of DALL·E 2 are in the lower right corner. They can be "
            "painted over, or into any picture."
        )
        return [declared(KIND, detail, Label.AI_GENERATED)]


def has_squares(image: Image.Image) -> bool:
    """Say whether an RGB picture carries the squares; DALL·E 2 made square pictures alone."""
    width, height = image.size
    if width != height or width < _MIN_WIDTH_PX:
        return False
    side = width / _SIDES_PER_WIDTH
    for number, colour in enumerate(SQUARES):
        left, top = width - (len(SQUARES) - number) * side, height - side
        near, far = side / 4, 3 * side / 4  # of each square its middle alone: edges blur
        middle = (round(left + near), round(top + near), round(left + far), round(top + far))
        pixels = np.asarray(image.crop(middle), dtype=np.float32)
        away = np.abs(pixels.mean(axis=(0, 1)) - colour).max()
        if away > MAX_DIFFERENCE or pixels.std(axis=(0, 1)).max() > MAX_SPREAD:
            return False
    return True
