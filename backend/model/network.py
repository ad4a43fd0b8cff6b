"""ResNet-18 with a linear head, as trained and as served. Needs torch."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torchvision.models import resnet18

ARCHITECTURE = "resnet18-linear"
FEATURE_SIZE = 512
CLASSES = 2
_STAGES = ("layer1", "layer2", "layer3", "layer4")


class Served(NamedTuple):
    """What one pass of the served graph gives, for a batch of n."""

    logit: Tensor
    """(n,): log-odds of ai_generated against human_made, before calibration."""
    features: Tensor
    """(n, 512): the last stage's mean over space."""
    activation: Tensor
    """(n, h, w): each position's contribution; its mean plus the bias is the logit."""


class Network(nn.Module):
    """torchvision's ResNet-18 (He et al. 2016, arXiv 1512.03385) with two classes.

    Parameter names are torchvision's, so that its checkpoints load.
    """

    def __init__(self) -> None:
        super().__init__()
        trunk = resnet18(weights=None)
        for name, module in trunk.named_children():
            self.add_module(name, module)
        self.fc = nn.Linear(FEATURE_SIZE, CLASSES)

    def stages(self, x: Tensor) -> Tensor:
        """Return the last stage's feature map: (n, 512, h / 32, w / 32)."""
        for name in ("conv1", "bn1", "relu", "maxpool", *_STAGES):
            x = self.get_submodule(name)(x)
        return x

    def pooled(self, x: Tensor) -> Tensor:
        """Return the pooled feature vector: (n, 512)."""
        return self.stages(x).mean(dim=(2, 3))

    def forward(self, x: Tensor) -> Tensor:
        """Return logits of human_made and ai_generated: (n, 2)."""
        logits: Tensor = self.fc(self.pooled(x))
        return logits

    def freeze_trunk(self) -> None:
        """Train the head alone."""
        for name, parameter in self.named_parameters():
            parameter.requires_grad_(name.startswith("fc."))

    def unfreeze(self) -> None:
        """Train every layer."""
        for parameter in self.parameters():
            parameter.requires_grad_(True)


class ServedNetwork(nn.Module):
    """The graph that is exported: logit, features and exact activation map in one pass."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return the fields of `Served`."""
        head = self.network.fc
        weight = head.weight[1] - head.weight[0]
        bias = head.bias[1] - head.bias[0]
        maps = self.network.stages(x)
        features = maps.mean(dim=(2, 3))
        logit = features @ weight + bias
        activation = (maps * weight[None, :, None, None]).sum(dim=1)
        return Served(logit, features, activation)


def inference_device() -> torch.device:
    """Return CUDA where there is a GPU, else the processor."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")
