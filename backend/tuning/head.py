"""The head of a release in plain numpy: read it, run it, tell which trunk it sits on."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError, safe_open

from backend.errors import BadRun, WeightsDamaged
from backend.model.card import CHECKPOINT, Card, verify_files

Floats = npt.NDArray[np.float32]
ARCHITECTURES = ("resnet18-stages", "resnet18-textures")
"""Those whose head this module knows: standardise, one hidden layer, one logit."""
TENSORS = {
    "mean": "head.mean",
    "scale": "head.scale",
    "hidden_weight": "head.hidden.weight",
    "hidden_bias": "head.hidden.bias",
    "out_weight": "head.out.weight",
    "out_bias": "head.out.bias",
}
"""Fields of `Head` and their names in a checkpoint."""
LEARNT = ("hidden_weight", "hidden_bias", "out_weight")
"""What fine-tuning moves. The output's bias stays: calibration has an intercept of its own."""
_CHUNK = 4096


@dataclass(frozen=True, slots=True)
class Head:
    """mean, scale (d,); hidden_weight (h, d); hidden_bias (h,); out_weight (1, h); out_bias (1,).

    d is the size of the feature vector, h the number of hidden units.
    """

    mean: Floats
    scale: Floats
    hidden_weight: Floats
    hidden_bias: Floats
    out_weight: Floats
    out_bias: Floats

    def standardise(self, features: npt.NDArray[Any]) -> Floats:
        """Return what the hidden layer is shown: (n, d) -> (n, d)."""
        return np.asarray((features.astype(np.float32) - self.mean) * self.scale, np.float32)

    def logits(self, features: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
        """Return log-odds of ai_generated before calibration: (n, d) -> (n,)."""
        parts = [
            self.logits_of(self.standardise(features[start : start + _CHUNK]))
            for start in range(0, len(features), _CHUNK)
        ]
        return np.concatenate(parts) if parts else np.empty(0, np.float64)

    def logits_of(self, standardised: Floats) -> npt.NDArray[np.float64]:
        """Return log-odds of vectors that were standardised already."""
        hidden = gelu(standardised @ self.hidden_weight.T + self.hidden_bias)[0]
        return np.asarray(hidden @ self.out_weight[0] + self.out_bias[0], np.float64)

    def halved(self) -> Head:
        """Return the head as a release stores it: every number rounded to 16 bits."""
        return replace(
            self,
            **{name: getattr(self, name).astype(np.float16).astype(np.float32) for name in TENSORS},
        )


def gelu(z: Floats) -> tuple[Floats, Floats]:
    """Return GELU(z) = z Phi(z) and its slope Phi(z) + z phi(z) (Hendrycks & Gimpel 2016)."""
    cumulative = 0.5 * (1 + _erf(z / np.float32(2**0.5)))
    slope = cumulative + z * np.exp(-0.5 * z * z) * np.float32(0.3989422804)
    return z * cumulative, slope


def _erf(x: Floats) -> Floats:
    """Return the error function within 1.5e-7 (Abramowitz & Stegun 1964, formula 7.1.26)."""
    size = np.abs(x)
    t = 1 / (1 + np.float32(0.3275911) * size)
    tail = np.full_like(t, 1.061405429)
    for coefficient in (-1.453152027, 1.421413741, -0.284496736, 0.254829592):
        tail = tail * t + np.float32(coefficient)
    return np.asarray(np.sign(x) * (1 - tail * t * np.exp(-size * size)), np.float32)


def read_head(card: Card) -> Head:
    """Read a release's head out of its checkpoint.

    Raises:
        BadRun: it has a head of another make.
        WeightsDamaged: the checkpoint cannot be read.
    """
    if card.architecture not in ARCHITECTURES:
        raise BadRun(
            f"{card.ref.version} is a {card.architecture}; fine-tuning the head on vectors "
            f"knows {' and '.join(ARCHITECTURES)} alone. Use --full with pictures."
        )
    verify_files(card, [CHECKPOINT])
    try:
        with safe_open(card.folder / CHECKPOINT, "numpy") as file:
            found = {
                field: file.get_tensor(name).astype(np.float32) for field, name in TENSORS.items()
            }
    except (OSError, SafetensorError) as error:
        raise WeightsDamaged(f"The checkpoint of {card.ref.version} has no head: {error}.") from (
            error
        )
    return Head(**found)


def trunk_digest(card: Card) -> str:
    """Return a hash of everything that shapes a feature vector: trunk and preprocessing.

    Releases with the same digest give the same vector of a picture, up to rounding.
    """
    verify_files(card, [CHECKPOINT])
    digest = hashlib.sha256(json.dumps(card.document["preprocessing"], sort_keys=True).encode())
    try:
        with safe_open(card.folder / CHECKPOINT, "numpy") as file:
            for name in sorted(file.keys()):
                if not name.startswith(("head.", "fc.")):
                    digest.update(name.encode())
                    digest.update(file.get_tensor(name).tobytes())
    except (OSError, SafetensorError) as error:
        raise WeightsDamaged(f"The checkpoint of {card.ref.version} is damaged: {error}.") from (
            error
        )
    return digest.hexdigest()
