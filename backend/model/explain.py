"""Draw where the network found its reasons.

For global average pooling and one linear layer the map is the class activation map (Zhou et al.
2016, arXiv 1512.04150): each position's contribution to the logit is exact, and their mean plus
the bias is the logit. For a head over all stages it is of first order: see `stage_network`. Warm
colours speak for AI-generated, cool ones for human-made.
"""

from __future__ import annotations

import io

import numpy as np
import numpy.typing as npt
from PIL import Image

from backend.domain import Activation

TOWARDS_AI = (226, 88, 34)
TOWARDS_HUMAN = (30, 110, 190)
MAX_OVERLAY_PX = 640
_STRONGEST_ALPHA = 175.0


def overlay(activation: Activation, width: int, height: int) -> Image.Image:
    """Draw a map as a transparent layer of a picture's shape.

    Args:
        activation: contributions and the region of the picture they cover.
        width, height: size of the picture in pixels; the layer's long side is at most 640.

    Returns:
        An RGBA image; fully transparent outside the region and where the contribution is nil.
    """
    shrink = min(1.0, MAX_OVERLAY_PX / max(width, height))
    size = max(1, round(width * shrink)), max(1, round(height * shrink))
    left, top, right, bottom = activation.region
    box = (
        round(left * size[0]),
        round(top * size[1]),
        max(round(left * size[0]) + 1, round(right * size[0])),
        max(round(top * size[1]) + 1, round(bottom * size[1])),
    )
    values = np.asarray(activation.values, np.float32)
    layer = Image.new("RGBA", size, (0, 0, 0, 0))
    layer.paste(_coloured(values, (box[2] - box[0], box[3] - box[1])), box[:2])
    return layer


def _coloured(values: npt.NDArray[np.float32], size: tuple[int, int]) -> Image.Image:
    smooth = np.asarray(Image.fromarray(values).resize(size, Image.Resampling.BICUBIC), np.float32)
    strongest = float(np.abs(values).max()) or 1.0
    strength = np.clip(np.abs(smooth) / strongest, 0.0, 1.0)
    pixels = np.empty((*smooth.shape, 4), np.uint8)
    pixels[..., :3] = np.where(
        (smooth > 0)[..., None], np.array(TOWARDS_AI), np.array(TOWARDS_HUMAN)
    )
    pixels[..., 3] = (strength * _STRONGEST_ALPHA).astype(np.uint8)
    return Image.fromarray(pixels, "RGBA")


def render_overlay(activation: Activation, width: int, height: int) -> bytes:
    """Draw a map as `overlay` does and return it as the bytes of a PNG file."""
    buffer = io.BytesIO()
    overlay(activation, width, height).save(buffer, "PNG", compress_level=3)
    return buffer.getvalue()


def blend(image: Image.Image, activation: Activation) -> Image.Image:
    """Lay the map over a picture; returns RGB, long side at most 640 pixels."""
    layer = overlay(activation, image.width, image.height)
    base = image.convert("RGBA").resize(layer.size, Image.Resampling.LANCZOS)
    # A paler picture under the colours keeps both readable.
    pale = Image.blend(base, Image.new("RGBA", base.size, (255, 255, 255, 255)), 0.25)
    return Image.alpha_composite(pale, layer).convert("RGB")
