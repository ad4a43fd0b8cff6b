"""The network of `stage_network`, advised by a second head that reads richer texture.

The second head, the adviser, reads the texture of the early stages, 6,048 numbers. Its log-odds,
the opinion, join the 2,048 statistics that the first head reads as one more number. So the vector
that the log keeps and a release carries is hardly longer, and whatever fits a head on vectors goes
on as it does. Needs torch.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from backend.model.stage_network import (
    CHANNELS,
    FEATURE_SIZE,
    StageHead,
    StageNetwork,
    brought_together,
    moment_shares,
)
from backend.model.texture import Texture

ARCHITECTURE = "resnet18-textures"
STEPS = (2, 2, 1)
"""Of the stem and the two stages after it, whose texture is read: a quarter of the positions of the
two finer maps tells as much as all. Other steps would be another architecture."""
VECTOR_SIZE = FEATURE_SIZE + 1


class TextureNetwork(StageNetwork):
    """torchvision's trunk under torchvision's names, a `StageHead`, and one that advises it."""

    STANDS_STILL = "details"

    def __init__(self, hidden: int = 128, adviser_hidden: int = 128) -> None:
        super().__init__(hidden, inputs=VECTOR_SIZE)
        self.textures = nn.ModuleList(
            Texture(width, step) for width, step in zip(CHANNELS, STEPS, strict=False)
        )
        size = sum(texture.size for texture in self._textures())
        self.adviser = StageHead(adviser_hidden, inputs=size)

    def details(self, x: Tensor) -> Tensor:
        """Return what both heads read, moments and texture: (n, 3, h, w) -> (n, 8096)."""
        stages = list(self.maps(x))
        return torch.cat([super().summary(stages), self.texture(stages)], dim=1)

    def summary(self, stages: Sequence[Tensor]) -> Tensor:
        """Return log1p of mean and deviation of every stage's map, and the opinion: (n, 2049)."""
        moments = super().summary(stages)
        opinion = self.adviser(self.texture(stages))
        return torch.cat([moments, opinion[:, None]], dim=1)

    def texture_shares(self, stages: Sequence[Tensor], gradient: Tensor) -> list[Tensor]:
        """Return each position's share in gradient times texture, for each early stage's map."""
        parts = gradient.split([texture.size for texture in self._textures()], dim=1)
        return [
            texture.shares(maps, part)
            for texture, maps, part in zip(self._textures(), stages, parts, strict=False)
        ]

    def texture(self, stages: Sequence[Tensor]) -> Tensor:
        """Return the texture of the early stages: (n, 6048)."""
        pairs = zip(self._textures(), stages, strict=False)
        return torch.cat([texture(maps) for texture, maps in pairs], dim=1)

    def _textures(self) -> list[Texture]:
        return [module for module in self.textures if isinstance(module, Texture)]


class ServedTextures(nn.Module):
    """The exported graph: logit, statistics with the opinion, first-order contributions.

    As in `ServedStages`; what the opinion counts for is shared out in its turn.
    """

    def __init__(self, network: TextureNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return logit (n,), features (n, 2049), activation (n, side / 16, side / 16)."""
        network, stages = self.network, list(self.network.maps(x))
        moments = StageNetwork.summary(network, stages)
        texture = network.texture(stages)
        features = torch.cat([moments, network.adviser(texture)[:, None]], dim=1)
        gradient = network.head.gradient(features)
        shares = moment_shares(stages, gradient[:, :FEATURE_SIZE])
        by_texture = network.adviser.gradient(texture) * gradient[:, FEATURE_SIZE:]
        shares += network.texture_shares(stages, by_texture)
        return network.head(features), features, brought_together(shares)
