"""Blocks that do nothing are left out of graphs: the same numbers for fewer multiplications."""

from __future__ import annotations

import copy

import torch
from torch import nn
from torchvision.models.resnet import BasicBlock


def without_idle_blocks(module: nn.Module) -> nn.Module:
    """Return a copy in which residual blocks that add nothing are gone; outputs stay the same.

    A block whose last batch norm has neither scale nor shift returns its input, which comes out
    of a ReLU. An initialisation may hold such a block, and what learns with batch norm standing
    still keeps it so.
    """
    found = copy.deepcopy(module)
    for parent in found.modules():
        if isinstance(parent, nn.Sequential):
            for name, child in parent.named_children():
                if _is_idle(child):
                    parent.register_module(name, nn.Identity())
    return found


def _is_idle(block: nn.Module) -> bool:
    return (
        isinstance(block, BasicBlock)
        and block.downsample is None
        and not bool(torch.any(block.bn2.weight))
        and not bool(torch.any(block.bn2.bias))
    )
