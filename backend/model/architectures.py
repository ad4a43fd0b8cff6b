"""The networks that a card may name, and how their checkpoints are read and written.

Needs torch.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from backend.errors import WeightsDamaged
from backend.model import network, stage_network, texture_network


@dataclass(frozen=True, slots=True)
class Architecture:
    """A network by its name in the card."""

    name: str
    feature_size: int
    build: Callable[[Mapping[str, Any]], Any]
    """Make the network as trained, from the options that its card or run holds."""
    serve: Callable[[Any], nn.Module]
    """Wrap it into the graph as served: logit, features, activation."""


HEADS = ("fc.", "head.", "adviser.")
"""How the names of tensors begin that belong to no trunk."""

ARCHITECTURES = {
    a.name: a
    for a in (
        Architecture(
            network.ARCHITECTURE,
            network.FEATURE_SIZE,
            lambda options: network.Network(),
            network.ServedNetwork,
        ),
        Architecture(
            stage_network.ARCHITECTURE,
            stage_network.FEATURE_SIZE,
            lambda options: stage_network.StageNetwork(int(options["hidden"])),
            stage_network.ServedStages,
        ),
        Architecture(
            texture_network.ARCHITECTURE,
            texture_network.VECTOR_SIZE,
            lambda options: texture_network.TextureNetwork(
                int(options["hidden"]), int(options["adviser_hidden"])
            ),
            texture_network.ServedTextures,
        ),
    )
}


OF_STAGES = (stage_network.ARCHITECTURE, texture_network.ARCHITECTURE)
"""Those whose head reads every stage's statistics; such networks are `StageNetwork`s."""
WIDTHS = ("hidden", "adviser_hidden")
"""The options that networks are built from, as far as theirs need them."""


def find_architecture(name: str) -> Architecture:
    """Return an architecture by its name in the card. Raises `WeightsDamaged`."""
    if name not in ARCHITECTURES:
        known = ", ".join(ARCHITECTURES)
        raise WeightsDamaged(f"The card names a {name}; this version runs {known}.")
    return ARCHITECTURES[name]


def load_initialisation(module: nn.Module, path: Path) -> None:
    """Load a pretrained trunk under torchvision's names; heads and mixtures are left as they are.

    Raises:
        WeightsDamaged: the file is not a ResNet-18.
    """
    state = {k: v for k, v in _read(path).items() if not k.startswith("fc.")}
    own = {name for name in module.state_dict() if name.startswith((*HEADS, "textures."))}
    _load(module, state, path, allowed_missing=own)


def trunk_sha256(network: nn.Module) -> str:
    """Return a hash of all of a network but its heads: what `STANDS_STILL` depends on."""
    digest = hashlib.sha256()
    for name, tensor in network.state_dict().items():
        if not name.startswith(HEADS):
            digest.update(name.encode() + tensor.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


def load_checkpoint(module: nn.Module, path: Path) -> None:
    """Load a whole checkpoint of ours.

    Raises:
        WeightsDamaged: the file is damaged or of another network.
    """
    _load(module, _read(path), path, allowed_missing=())


def save_checkpoint(module: nn.Module, path: Path, *, half: bool = False) -> None:
    """Write a checkpoint: whole or not at all; in half precision for a release."""
    save_tensors(
        {
            name: tensor.half() if half and tensor.is_floating_point() else tensor
            for name, tensor in module.state_dict().items()
        },
        path,
    )


def save_tensors(state: Mapping[str, Tensor], path: Path) -> None:
    """Write tensors by name as safetensors: whole or not at all."""
    fresh = path.with_name(path.name + ".new")
    save_file({name: tensor.detach().cpu().contiguous() for name, tensor in state.items()}, fresh)
    fresh.replace(path)


def _read(path: Path) -> dict[str, Any]:
    try:
        state = load_file(path)
    except (OSError, SafetensorError) as error:
        raise WeightsDamaged(f"{path} cannot be read as safetensors: {error}.") from error
    return {k: v.float() if v.is_floating_point() else v for k, v in state.items()}


def _load(
    module: nn.Module, state: dict[str, Any], path: Path, allowed_missing: Collection[str]
) -> None:
    kind = type(module).__name__
    try:
        missing, unexpected = module.load_state_dict(state, strict=False)
    except RuntimeError as error:
        raise WeightsDamaged(f"{path} is not a checkpoint of a {kind}.") from error
    absent = set(missing) - set(allowed_missing)
    if unexpected or absent:
        raise WeightsDamaged(
            f"{path} is not a checkpoint of a {kind}: "
            f"{len(unexpected)} unknown and {len(absent)} missing tensors."
        )
