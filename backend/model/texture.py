"""Which channels of a stage's maps go together, wherever in the picture: its texture.

The correlations of Gatys et al. 2015 (arXiv 1505.07376), of the maps less their means. `shares`
tells what each position adds to them. Needs torch.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

MIXED = 64
"""Channels that a wider map is mixed down to first, by a fixed orthonormal draw."""
_EPSILON = 1e-6


class Texture(nn.Module):
    """The correlations of one stage's maps (n, channels, h, w), `size` of them.

    They are taken at every `step`-th position of every `step`-th row.
    """

    mix: Tensor | None
    pairs: Tensor
    place: Tensor

    def __init__(self, channels: int, step: int = 1) -> None:
        super().__init__()
        self.step, self.mixed = step, min(channels, MIXED)
        draw = torch.Generator().manual_seed(0)
        square = torch.randn(channels, channels, generator=draw)
        mix = torch.linalg.qr(square)[0][:MIXED] if channels > MIXED else None
        self.register_buffer("mix", mix)
        first, second = torch.triu_indices(self.mixed, self.mixed, 1)
        self.register_buffer("pairs", first * self.mixed + second, persistent=False)
        self.size = len(first)
        # Where each pair of channels has its correlation; the last place stands for none.
        place = torch.full((self.mixed, self.mixed), self.size)
        place[first, second] = place[second, first] = torch.arange(self.size)
        self.register_buffer("place", place.flatten(), persistent=False)

    def forward(self, maps: Tensor) -> Tensor:
        """Return each pair of channels' correlation over space: (n, c, h, w) -> (n, size)."""
        alike = self._standardised(maps)
        square = alike @ alike.transpose(1, 2) / alike.shape[2]
        return square.flatten(1)[:, self.pairs]

    def shares(self, maps: Tensor, gradient: Tensor) -> Tensor:
        """Return each position's share in gradient times correlations; their mean is its sum.

        Args:
            maps: (n, c, h, w).
            gradient: d logit / d correlations, (n, size).

        Returns:
            (n, 1, h / step, w / step).
        """
        alike = self._standardised(maps)
        square = functional.pad(0.5 * gradient, (0, 1))[:, self.place]
        square = square.reshape(-1, self.mixed, self.mixed)
        share = (alike * (square @ alike)).sum(dim=1, keepdim=True)
        return share.reshape(-1, 1, *maps[:, :, :: self.step, :: self.step].shape[2:])

    def _standardised(self, maps: Tensor) -> Tensor:
        """Return the channels, or their mixtures, less their means, at deviation 1: (n, k, h w)."""
        flat = maps[:, :, :: self.step, :: self.step].float().flatten(2)
        if self.mix is not None:
            flat = self.mix @ flat
        flat = flat - flat.mean(dim=2, keepdim=True)
        return flat * torch.rsqrt((flat * flat).mean(dim=2, keepdim=True) + _EPSILON)
