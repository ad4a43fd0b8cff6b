"""Is this a picture that the model can be asked about at all?"""

from __future__ import annotations

import numpy as np
from PIL import Image

MAX_ASPECT = 20.0
"""Long side over short side; beyond it a square view holds next to nothing of the picture."""

_CELLS = 24
"""Short side of the thumbnail; each cell averages the noise of its pixels away."""
_STEP = 3.0
"""Grey levels by which a cell must differ from its neighbours' mean to hold any detail."""
LEAST_DETAIL = 0.01
"""Share of cells that must hold detail; see `detail`."""


def refusal(image: Image.Image, *, min_short_side_px: int) -> str | None:
    """Return why a decoded picture is not assessed, as a sentence, or None where it is.

    Refused are pictures under `min_short_side_px`, strips longer than `MAX_ASPECT`, and
    pictures with hardly any detail: single colours, blank pages, smooth gradients, noise on
    them included.

    Of the 4,450 whole views of the training split it refuses none (0.00 %): the emptiest has
    detail in 4.3 times as many cells as the limit asks. `make gate` prints these figures.
    """
    width, height = image.size
    if min(width, height) < min_short_side_px:
        return (
            f"This picture is {width} x {height} pixels; below {min_short_side_px} on the short "
            "side there is too little to judge by. Look for a larger copy."
        )
    if max(width, height) > MAX_ASPECT * min(width, height):
        return (
            f"This picture is a strip of {width} x {height} pixels. "
            "Cut out the part that matters and check that."
        )
    if detail(image) < LEAST_DETAIL:
        return (
            "This picture is nearly empty: one colour, a blank page or a smooth gradient. "
            "There is nothing in it to judge by."
        )
    return None


def detail(image: Image.Image) -> float:
    """Return the share of a thumbnail's cells, 0 to 1, that stand out from their neighbours.

    A cell stands out where any channel of the discrete Laplacian (its value less the mean of
    its four neighbours) exceeds a few grey levels. Even a steep gradient has none of that.
    """
    thumbnail = image.reduce(max(1, min(image.size) // _CELLS))
    cells = np.asarray(thumbnail, dtype=np.float32)
    if min(cells.shape[:2]) < 3:
        return 1.0
    around = cells[:-2, 1:-1] + cells[2:, 1:-1] + cells[1:-1, :-2] + cells[1:-1, 2:]
    stands_out = np.abs(cells[1:-1, 1:-1] - around / 4) > _STEP
    return float(stands_out.any(axis=-1).mean())
