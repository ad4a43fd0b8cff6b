"""The head over all stages: its closed-form gradient, its map, its exported graph."""

import copy
from pathlib import Path

import numpy as np
import pytest
import torch
from torchvision.models.resnet import BasicBlock

from backend.errors import WeightsDamaged
from backend.model.architectures import (
    ARCHITECTURES,
    OF_STAGES,
    WIDTHS,
    find_architecture,
    load_checkpoint,
    save_checkpoint,
)
from backend.model.openvino_runtime import openvino_core
from backend.model.stage_network import ServedStages, StageHead, StageNetwork
from backend.model.texture_network import TextureNetwork
from backend.training.graph import export_graph
from backend.training.idle_blocks import without_idle_blocks
from tests.model.stages import advised_network, batch, stage_network


@pytest.fixture(scope="module")
def network() -> StageNetwork:
    """A trunk, pretrained where the initialisation is at hand, under a random head."""
    return stage_network()


@pytest.fixture(scope="module", params=OF_STAGES)
def either(request: pytest.FixtureRequest) -> StageNetwork:
    """That one, or one with an adviser."""
    return stage_network() if request.param == "resnet18-stages" else advised_network()


def _served(network: StageNetwork) -> torch.nn.Module:
    return find_architecture(_name(network)).serve(network)


def _name(network: StageNetwork) -> str:
    return "resnet18-textures" if isinstance(network, TextureNetwork) else "resnet18-stages"


def test_the_closed_form_gradient_is_autograds() -> None:
    """Two matrix products give what automatic differentiation gives."""
    torch.manual_seed(1)
    head = StageHead(hidden=16).eval()
    head.mean.normal_()
    head.scale.uniform_(0.5, 2)
    statistics = torch.randn(5, 2048, requires_grad=True)
    (wanted,) = torch.autograd.grad(head(statistics).sum(), statistics)
    torch.testing.assert_close(head.gradient(statistics.detach()), wanted, atol=1e-5, rtol=1e-4)


def test_the_map_is_gradient_times_statistic(network: StageNetwork) -> None:
    """Averaged over space, the map is the head's gradient times what each stage gives."""
    images = batch(range(3))
    with torch.inference_mode():
        _, features, activation = ServedStages(network)(images)
        gradient = network.head.gradient(features)
        raw = torch.expm1(features)
        wanted = (gradient * raw / (1 + raw)).sum(dim=1)
    assert activation.shape == (3, 8, 8)
    torch.testing.assert_close(activation.mean(dim=(1, 2)), wanted, atol=2e-2, rtol=2e-2)


def test_covering_a_warm_place_lowers_the_logit_more_than_a_cool_one(
    either: StageNetwork,
) -> None:
    """Occlusion agrees with the map: over many pictures the two rank places alike."""
    agreements = []
    for seed in range(12):
        image = batch(range(seed, seed + 1))
        with torch.inference_mode():
            logit, _, activation = _served(either)(image)
            drops, shares = [], []
            for y in range(0, 128, 32):
                for x in range(0, 128, 32):
                    covered = image.clone()
                    patch = covered[:, :, y : y + 32, x : x + 32]
                    patch.copy_(patch.mean(dim=(2, 3), keepdim=True).expand_as(patch))
                    drops.append(float(logit - either(covered)))
                    cell = activation[0, y // 16 : y // 16 + 2, x // 16 : x // 16 + 2]
                    shares.append(float(cell.mean()))
        agreements.append(np.corrcoef(drops, shares)[0, 1])
    assert float(np.mean(agreements)) > 0.2


def test_the_exported_graph_gives_what_torch_gives(either: StageNetwork, tmp_path: Path) -> None:
    """Logit, statistics and map of the served graph are torch's."""
    export_graph(find_architecture(_name(either)), either, tmp_path / "graph.xml", 128)
    core = openvino_core()
    compiled = core.compile_model(
        core.read_model(tmp_path / "graph.xml"), "CPU", {"INFERENCE_PRECISION_HINT": "f32"}
    )
    images = batch(range(4))
    with torch.inference_mode():
        wanted = _served(either)(images)
    for name, tensor in zip(("logit", "features", "activation"), wanted, strict=True):
        found = compiled({0: images.numpy()})[name]
        np.testing.assert_allclose(found, tensor.numpy(), atol=0.02, rtol=0.02)


def test_a_block_that_adds_nothing_is_left_out_of_the_graph(
    network: StageNetwork, tmp_path: Path
) -> None:
    """Where the last norm of a block has no scale and no shift, its convolutions are not served."""
    idle = copy.deepcopy(network)
    for tensor in (idle.layer4[1].bn2.weight, idle.layer4[1].bn2.bias):
        torch.nn.init.zeros_(tensor)
    images = batch(range(3))
    with torch.inference_mode():
        wanted = ServedStages(idle)(images)
        for found, tensor in zip(
            ServedStages(without_idle_blocks(idle))(images), wanted, strict=True
        ):
            torch.testing.assert_close(found, tensor, atol=0, rtol=0)
    export_graph(find_architecture("resnet18-stages"), idle, tmp_path / "graph.xml", 128)
    operations = openvino_core().read_model(tmp_path / "graph.xml").get_ops()
    assert sum(o.get_type_name() == "Convolution" for o in operations) == 18
    busy = copy.deepcopy(idle)
    torch.nn.init.ones_(busy.layer4[1].bn2.weight)
    left = without_idle_blocks(busy).modules()
    assert sum(isinstance(module, torch.nn.Conv2d) for module in left) == 20
    assert isinstance(idle.layer4[1], BasicBlock)  # the network itself is left whole


def test_an_unknown_architecture_is_refused() -> None:
    """A card that names a network of another version gets a sentence, not a guess."""
    with pytest.raises(WeightsDamaged, match="resnet18-linear"):
        find_architecture("resnet99")


@pytest.mark.parametrize("name", sorted(ARCHITECTURES))
def test_a_checkpoint_survives_half_precision(name: str, tmp_path: Path) -> None:
    """Written in 16 bits and read again, a network's tensors are the same to 16 bits."""
    torch.manual_seed(2)
    one, two = (ARCHITECTURES[name].build(dict.fromkeys(WIDTHS, 16)) for _ in range(2))
    save_checkpoint(one, tmp_path / "c.safetensors", half=True)
    load_checkpoint(two, tmp_path / "c.safetensors")
    for a, b in zip(one.state_dict().values(), two.state_dict().values(), strict=True):
        torch.testing.assert_close(a, b, atol=1e-3, rtol=1e-3)


def test_a_checkpoint_of_another_network_is_refused(tmp_path: Path) -> None:
    """Another network's checkpoint and a torn file are refused, each by its fault."""
    save_checkpoint(ARCHITECTURES["resnet18-linear"].build({}), tmp_path / "c.safetensors")
    with pytest.raises(WeightsDamaged, match="StageNetwork"):
        load_checkpoint(StageNetwork(), tmp_path / "c.safetensors")
    torn = tmp_path / "torn.safetensors"
    torn.write_bytes((tmp_path / "c.safetensors").read_bytes()[:1000])
    with pytest.raises(WeightsDamaged, match="cannot be read"):
        load_checkpoint(StageNetwork(), torn)
