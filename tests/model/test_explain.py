"""Heat maps show where the reasons lie, and nothing else."""

import io

import numpy as np
from PIL import Image

from backend.domain import Activation
from backend.model.explain import blend, overlay, render_overlay
from tests.pictures import draw

ONE_HOT = tuple(
    tuple(3.0 if (y, x) == (1, 5) else -1.0 if (y, x) == (5, 1) else 0.0 for x in range(7))
    for y in range(7)
)


def test_the_strongest_position_is_drawn_where_it_lies() -> None:
    """A reason for AI is warm at its place in the region, one for human-made cool at its own."""
    layer = np.asarray(overlay(Activation(ONE_HOT, (0.25, 0.0, 0.75, 1.0)), 600, 300))
    assert layer.shape == (300, 600, 4)
    y, x = np.unravel_index(int(np.argmax(layer[..., 3])), layer.shape[:2])
    assert abs(x - (150 + 300 * 5.5 / 7)) < 15
    assert abs(y - 300 * 1.5 / 7) < 15
    assert layer[y, x, 0] > layer[y, x, 2]
    cool = layer[int(300 * 5.5 / 7), int(150 + 300 * 1.5 / 7)]
    assert cool[2] > cool[0]
    assert 0 < cool[3] < layer[y, x, 3]


def test_what_the_network_did_not_see_stays_clear() -> None:
    """Outside the region the layer is fully transparent."""
    layer = np.asarray(overlay(Activation(ONE_HOT, (0.25, 0.0, 0.75, 1.0)), 600, 300))
    assert layer[:, :149, 3].max() == 0
    assert layer[:, 451:, 3].max() == 0


def test_large_pictures_get_a_layer_of_bounded_size() -> None:
    """The layer keeps the picture's shape with a long side of at most 640 pixels."""
    layer = Image.open(io.BytesIO(render_overlay(Activation(ONE_HOT, (0, 0, 1, 1)), 8000, 4000)))
    assert layer.size == (640, 320)
    assert layer.mode == "RGBA"


def test_a_map_of_nothing_is_clear() -> None:
    """A map of zeros divides by nothing and hides nothing."""
    flat = Activation(((0.0, 0.0), (0.0, 0.0)), (0, 0, 1, 1))
    assert np.asarray(overlay(flat, 50, 40))[..., 3].max() == 0


def test_the_blend_keeps_the_picture_recognisable() -> None:
    """Laid over a picture, the map leaves its shape and most of its structure."""
    picture = draw(500, 400, seed=3)
    mixed = blend(picture, Activation(ONE_HOT, (0, 0, 1, 1)))
    assert mixed.mode == "RGB"
    assert mixed.size == picture.size
    one = np.asarray(picture.convert("L"), np.float32).ravel()
    two = np.asarray(mixed.convert("L"), np.float32).ravel()
    assert np.corrcoef(one, two)[0, 1] > 0.7
