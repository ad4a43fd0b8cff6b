"""ResNet-18 whose head sees every stage: mean and deviation over space, one hidden layer.

Early stages hold the fine texture that generators leave; the last stage holds what is shown.
The head reads both. Needs torch.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional
from torchvision.models import resnet18

ARCHITECTURE = "resnet18-stages"
CHANNELS = (64, 64, 128, 256, 512)
"""Of the stem and the four stages."""
FEATURE_SIZE = 2 * sum(CHANNELS)
MAP_STAGE = 3
"""The stage whose positions the served heat map has; every other's own map is brought to them."""
_EPSILON = 1e-6


def spread(maps: Tensor, mean: Tensor) -> Tensor:
    """Return the standard deviation over space: (n, c, h, w), (n, c) -> (n, c)."""
    variance = ((maps - mean[:, :, None, None]) ** 2).mean(dim=(2, 3))
    return torch.sqrt(variance + _EPSILON)


class StageHead(nn.Module):
    """Standardise d numbers, 2,048 by default, then one hidden layer and one logit."""

    mean: Tensor
    scale: Tensor

    def __init__(
        self,
        hidden: int = 128,
        drop_in: float = 0.2,
        drop_hidden: float = 0.5,
        *,
        inputs: int = FEATURE_SIZE,
    ) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(inputs))
        self.register_buffer("scale", torch.ones(inputs))
        self.drop_in, self.drop_hidden = nn.Dropout(drop_in), nn.Dropout(drop_hidden)
        self.hidden = nn.Linear(inputs, hidden)
        self.out = nn.Linear(hidden, 1)

    def forward(self, statistics: Tensor) -> Tensor:
        """Return log-odds of ai_generated: (n, d) -> (n,)."""
        logit: Tensor = self.out(self.hidden_units(statistics))[:, 0]
        return logit

    def hidden_units(self, statistics: Tensor) -> Tensor:
        """Return what the last layer reads: (n, d) -> (n, hidden)."""
        x = self.drop_in((statistics - self.mean) * self.scale)
        units: Tensor = self.drop_hidden(functional.gelu(self.hidden(x)))
        return units

    def gradient(self, statistics: Tensor) -> Tensor:
        """Return d logit / d statistics in closed form, without autograd: (n, d).

        GELU(z) = z Phi(z), so its slope is Phi(z) + z phi(z) (Hendrycks & Gimpel 2016).
        """
        z = self.hidden((statistics - self.mean) * self.scale)
        slope = 0.5 * (1 + torch.erf(z / 2**0.5)) + z * torch.exp(-0.5 * z * z) * 0.3989422804
        return (slope * self.out.weight[0]) @ self.hidden.weight * self.scale


class StageNetwork(nn.Module):
    """torchvision's trunk under torchvision's names, and a `StageHead`."""

    STANDS_STILL = "statistics"
    """The method that returns all that heads read and no head has touched: what may be cached."""

    def __init__(self, hidden: int = 128, *, inputs: int = FEATURE_SIZE) -> None:
        super().__init__()
        for name, module in resnet18(weights=None).named_children():
            if name != "fc":
                self.add_module(name, module)
        self.head = StageHead(hidden, inputs=inputs)

    def maps(self, x: Tensor) -> Iterator[Tensor]:
        """Yield the stem's and the four stages' feature maps: (n, c, h, w) each."""
        for name in ("conv1", "bn1", "relu", "maxpool"):
            x = self.get_submodule(name)(x)
        yield x
        for name in ("layer1", "layer2", "layer3", "layer4"):
            x = self.get_submodule(name)(x)
            yield x

    def statistics(self, x: Tensor) -> Tensor:
        """Return what the head reads: (n, 3, h, w) -> (n, 2048)."""
        return self.summary(list(self.maps(x)))

    def summary(self, stages: Sequence[Tensor]) -> Tensor:
        """Return log1p of mean and deviation of every stage's map: (n, 2048)."""
        moments = [_moments(maps) for maps in stages]
        return torch.cat([torch.log1p(part) for pair in moments for part in pair], dim=1)

    def forward(self, x: Tensor) -> Tensor:
        """Return log-odds of ai_generated: (n,)."""
        logit: Tensor = self.head(self.statistics(x))
        return logit

    def freeze_batch_norm(self) -> None:
        """Keep batch-norm statistics and scales as they are, whatever the mode."""
        for module in self.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.eval()
                module.requires_grad_(False)


def _moments(maps: Tensor) -> tuple[Tensor, Tensor]:
    maps = maps.float()
    mean = maps.mean(dim=(2, 3))
    return mean, spread(maps, mean)


class ServedStages(nn.Module):
    """The exported graph: logit, statistics and first-order contributions in one pass.

    With a hidden layer the class activation map is no longer exact. Drawn is each position's
    share in gradient times statistic: for a mean its activation, for a deviation its squared
    distance from the mean. It has a position for every 16 pixels of the view.
    """

    def __init__(self, network: StageNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return logit (n,), features (n, 2048), activation (n, side / 16, side / 16)."""
        stages = list(self.network.maps(x))
        features = self.network.summary(stages)
        gradient = self.network.head.gradient(features)
        activation = brought_together(moment_shares(stages, gradient))
        return self.network.head(features), features, activation


def moment_shares(stages: Sequence[Tensor], gradient: Tensor) -> list[Tensor]:
    """Return each position's share in gradient (n, 2048) times moments, for each stage's map.

    (n, 1, h, w) each; the mean over the positions is their sum.
    """
    shares, start = [], 0
    for maps, width in zip(stages, CHANNELS, strict=True):
        mean, deviation = _moments(maps)
        by_mean = gradient[:, start : start + width] / (1 + mean)
        by_spread = gradient[:, start + width : start + 2 * width]
        by_spread = by_spread / ((1 + deviation) * deviation)
        centred = maps - mean[:, :, None, None]
        share = maps * by_mean[:, :, None, None] + centred**2 * by_spread[:, :, None, None]
        shares.append(share.sum(dim=1, keepdim=True))
        start += 2 * width
    return shares


def brought_together(shares: Sequence[Tensor]) -> Tensor:
    """Return the sum of all stages' shares (n, 1, h, w), on the positions of `MAP_STAGE`."""
    size = shares[MAP_STAGE].shape[-2:]
    return torch.stack([_brought_to(size, share)[:, 0] for share in shares]).sum(dim=0)


def _brought_to(size: torch.Size, share: Tensor) -> Tensor:
    """Average a finer map over squares, or interpolate a coarser one: (n, 1, h, w)."""
    if share.shape[-1] >= size[-1]:
        return functional.adaptive_avg_pool2d(share, size)
    return functional.interpolate(share, size=size, mode="bilinear")
