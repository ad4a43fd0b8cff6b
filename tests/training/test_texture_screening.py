"""Texture statistics against numpy's, and that a head can read any choice of them."""

import numpy as np
import pytest
import torch

from backend.model.stage_network import StageNetwork
from backend.training.texture_screening import (
    PARTS,
    Textures,
    neighbours,
    only,
    skewness,
)


@pytest.fixture(scope="module")
def maps() -> torch.Tensor:
    """Two pictures' centred maps of three channels, the third like the first."""
    rng = np.random.default_rng(0)
    x = rng.exponential(size=(2, 3, 12, 9))
    x[:, 2] = x[:, 0] + 0.1 * rng.normal(size=(2, 12, 9))
    return torch.from_numpy(x - x.mean(axis=(2, 3), keepdims=True))


def test_skewness_is_the_third_standardised_moment(maps: torch.Tensor) -> None:
    """Exponential values lean to the right, by as much as the textbook's formula says."""
    x = maps.numpy()
    expected = (x**3).mean(axis=(2, 3)) / x.std(axis=(2, 3)) ** 3
    assert (expected > 0.5).all()
    np.testing.assert_allclose(skewness(maps).numpy(), expected, rtol=1e-4)


def test_neighbours_tell_stripes_from_noise() -> None:
    """Upright stripes of one pixel are alike from top to bottom and opposite from left to right."""
    stripes = torch.tensor([1.0, -1.0]).repeat(8).expand(1, 1, 16, 16)
    right, below, both = neighbours(stripes)[0]
    assert float(right) == pytest.approx(-1, abs=1e-4)
    assert float(below) == pytest.approx(1, abs=1e-4)
    assert float(both) == pytest.approx(-1, abs=1e-4)


def test_the_parts_stand_in_their_order() -> None:
    """The first part is what the served head reads, and every part has its stated width."""
    network = Textures().eval()
    pictures = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        every = network.statistics(pictures).numpy()
        stages = list(network.maps(pictures))
        moments = StageNetwork.summary(network, stages).numpy()
        texture = network.texture(stages).numpy()
    assert every.shape == (2, sum(PARTS.values()))
    np.testing.assert_array_equal(only(every, ("moments",)), moments)
    widths = {name: only(every, (name,)).shape[1] for name in PARTS}
    assert widths == PARTS
    np.testing.assert_array_equal(only(every, ("channels",)), texture)
