"""The network with an adviser: its correlations, its vector, its map."""

import numpy as np
import pytest
import torch

from backend.model.stage_network import FEATURE_SIZE
from backend.model.texture import MIXED, Texture
from backend.model.texture_network import ServedTextures, TextureNetwork
from tests.model.stages import advised_network, batch


@pytest.fixture(scope="module")
def network() -> TextureNetwork:
    """A trunk, pretrained where the initialisation is at hand, under two random heads."""
    return advised_network()


@pytest.mark.parametrize("step", [1, 2])
def test_texture_is_the_correlation_of_channels(step: int) -> None:
    """Each number is numpy's correlation of two channels over the positions that are looked at."""
    maps = torch.randn(2, 5, 8, 6)
    maps[:, 1] = 0.7 * maps[:, 0] + maps[:, 1] + 3
    found = Texture(5, step)(maps)
    for number, picture in enumerate(maps[:, :, ::step, ::step].numpy()):
        wanted = np.corrcoef(picture.reshape(5, -1))[np.triu_indices(5, 1)]
        np.testing.assert_allclose(found[number].numpy(), wanted, atol=1e-5)


def test_a_wider_map_is_mixed_down_always_alike() -> None:
    """Of 128 channels 64 mixtures are compared, of unit length, the same in every network."""
    one, other = Texture(2 * MIXED), Texture(2 * MIXED)
    assert one.mix is not None
    assert other.mix is not None
    torch.testing.assert_close(one.mix, other.mix, atol=0, rtol=0)
    torch.testing.assert_close(one.mix @ one.mix.T, torch.eye(MIXED), atol=1e-5, rtol=0)
    maps = torch.randn(1, 2 * MIXED, 6, 6)
    mixed = torch.einsum("kc,ncp->nkp", one.mix, maps.flatten(2))[0].numpy()
    wanted = np.corrcoef(mixed)[np.triu_indices(MIXED, 1)]
    np.testing.assert_allclose(one(maps)[0].numpy(), wanted, atol=1e-4)


@pytest.mark.parametrize(("channels", "step"), [(5, 1), (64, 2), (128, 1)])
def test_shares_add_up_to_gradient_times_texture(channels: int, step: int) -> None:
    """What all positions add to the correlations is the correlations."""
    texture = Texture(channels, step)
    maps, gradient = torch.randn(3, channels, 8, 8), torch.randn(3, texture.size)
    shares = texture.shares(maps, gradient)
    assert shares.shape == (3, 1, 8 // step, 8 // step)
    wanted = (texture(maps) * gradient).sum(dim=1)
    torch.testing.assert_close(shares.mean(dim=(1, 2, 3)), wanted, atol=1e-4, rtol=1e-4)


def test_the_vector_ends_with_the_advisers_opinion(network: TextureNetwork) -> None:
    """The head reads the statistics and, last, the log-odds that the adviser gives."""
    images = batch(range(3))
    with torch.inference_mode():
        details, vector = network.details(images), network.statistics(images)
        torch.testing.assert_close(vector[:, :FEATURE_SIZE], details[:, :FEATURE_SIZE])
        opinion = network.adviser(details[:, FEATURE_SIZE:])
        torch.testing.assert_close(vector[:, FEATURE_SIZE], opinion)
        torch.testing.assert_close(network(images), network.head(vector))


def test_the_map_shares_out_what_both_heads_say(network: TextureNetwork) -> None:
    """Averaged over space, the map is the gradient of the logit times all that was read."""
    images = batch(range(3))
    with torch.inference_mode():
        _, features, activation = ServedTextures(network)(images)
        texture = network.details(images)[:, FEATURE_SIZE:]
        gradient = network.head.gradient(features)
        raw = torch.expm1(features[:, :FEATURE_SIZE])
        by_moments = (gradient[:, :FEATURE_SIZE] * raw / (1 + raw)).sum(dim=1)
        by_opinion = (network.adviser.gradient(texture) * texture).sum(dim=1) * gradient[:, -1]
    assert float(by_opinion.abs().min()) > 0.1
    assert activation.shape == (3, 8, 8)
    wanted = by_moments + by_opinion
    torch.testing.assert_close(activation.mean(dim=(1, 2)), wanted, atol=2e-2, rtol=2e-2)
