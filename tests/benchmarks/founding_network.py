"""The founding project's network: torchvision's ResNet-18, two classes, eager torch, fp32."""

from __future__ import annotations

import torch
from PIL import Image
from safetensors.torch import load_file
from torch import nn
from torchvision import models, transforms

CLASSES = ("human_made", "ai_generated")

_preprocess = transforms.Compose(
    [
        transforms.Resize(256),
        transforms.CenterCrop(224),
        transforms.ToTensor(),
        transforms.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),
    ]
)


def load_network(checkpoint: str) -> nn.Module:
    """Load a released checkpoint; a head that ResNet-18 does not have is left out."""
    network = models.resnet18(weights=None)
    network.fc = nn.Linear(network.fc.in_features, len(CLASSES))
    network.load_state_dict({n: t.float() for n, t in load_file(checkpoint).items()}, strict=False)
    return network.eval()


def predict(network: nn.Module, picture: Image.Image) -> dict[str, float]:
    """Return the probability of each class."""
    with torch.inference_mode():
        logits = network(_preprocess(picture.convert("RGB")).unsqueeze(0))
        return dict(zip(CLASSES, torch.softmax(logits[0], dim=0).tolist(), strict=True))
