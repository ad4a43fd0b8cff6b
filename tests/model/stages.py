"""Networks over all stages, for tests: pretrained where the initialisation is at hand."""

from __future__ import annotations

import torch

from backend.model.architectures import load_initialisation
from backend.model.preprocess import Preprocessing, to_tensor
from backend.model.stage_network import FEATURE_SIZE, StageHead, StageNetwork
from backend.model.texture_network import TextureNetwork
from tests.pictures import SHARED, draw

INIT = SHARED / "data" / "init" / "resnet18-imagenet-partial.safetensors"


def stage_network() -> StageNetwork:
    """Return a trunk under a random head."""
    torch.manual_seed(3)
    network = StageNetwork(hidden=32)
    if INIT.exists():
        load_initialisation(network, INIT)
    with torch.inference_mode():
        statistics = network.eval().statistics(batch(range(6)))
    _standardise(network.head, statistics)
    network.eval().requires_grad_(False)
    return network


def advised_network() -> TextureNetwork:
    """Return a trunk under two random heads, whose adviser speaks up."""
    torch.manual_seed(3)
    network = TextureNetwork(hidden=32, adviser_hidden=16)
    if INIT.exists():
        load_initialisation(network, INIT)
    network.eval().requires_grad_(False)
    network.head.hidden.weight[:, FEATURE_SIZE] *= 50
    moments, texture = network.details(batch(range(6))).tensor_split([FEATURE_SIZE], dim=1)
    _standardise(network.adviser, texture)
    _standardise(network.head, torch.cat([moments, network.adviser(texture)[:, None]], dim=1))
    return network


def _standardise(head: StageHead, numbers: torch.Tensor) -> None:
    head.mean.copy_(numbers.mean(dim=0))
    head.scale.copy_(1 / (numbers.std(dim=0) + 0.1))


def batch(seeds: range, size: int = 128) -> torch.Tensor:
    """Return drawn pictures as a network is shown them: (n, 3, size, size)."""
    spec = Preprocessing(size, size)
    return torch.stack([torch.from_numpy(to_tensor(draw(300, 260, s), spec)) for s in seeds])
