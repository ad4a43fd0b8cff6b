"""The only definition of what a picture looks like to the network.

Training-side evaluation, calibration, release and serving all call `to_tensor`; a test holds
both paths to equal tensors.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from backend.errors import WeightsDamaged

FloatArray = npt.NDArray[np.float32]

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
_KERNELS = {
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}


@dataclass(frozen=True, slots=True)
class Preprocessing:
    """How a picture becomes a tensor; travels in the model card.

    The global view: the short side is resized to `resize_short_side_px` (antialiased) and the
    centre square of `crop_px` cut out. Pictures whose short side reaches
    `native_from_short_side_px` give a native view too: the most detailed of four squares of
    `crop_px`, not resized, because resizing wipes out the finest traces; 0 for never. Values
    are scaled to [0, 1] and normalised by channel.
    """

    resize_short_side_px: int = 256
    crop_px: int = 224
    interpolation: str = "bilinear"
    mean: tuple[float, float, float] = IMAGENET_MEAN
    std: tuple[float, float, float] = IMAGENET_STD
    native_from_short_side_px: int = 0

    def __post_init__(self) -> None:
        if self.interpolation not in _KERNELS:
            raise ValueError(f"interpolation is one of {', '.join(_KERNELS)}")
        if not 0 < self.crop_px <= self.resize_short_side_px:
            raise ValueError("crop_px must lie in (0, resize_short_side_px]")
        if self.native_from_short_side_px and self.native_from_short_side_px < self.crop_px:
            raise ValueError("native_from_short_side_px is 0 or at least crop_px")
        if len(self.mean) != 3 or len(self.std) != 3 or min(self.std) <= 0:
            raise ValueError("mean and std have three channels, std above 0")

    @property
    def kernel(self) -> Image.Resampling:
        """Pillow's name of the interpolation."""
        return _KERNELS[self.interpolation]

    def to_json(self) -> dict[str, Any]:
        """Turn into what the card holds."""
        return asdict(self)

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Preprocessing:
        """Read from a card. Raises `WeightsDamaged` on anything unknown or missing."""
        try:
            values = dict(document)
            values["mean"], values["std"] = tuple(values["mean"]), tuple(values["std"])
            return cls(**values)
        except (KeyError, TypeError, ValueError) as error:
            raise WeightsDamaged(
                f"The card's preprocessing cannot be followed: {error}."
            ) from error


def resized_size(width: int, height: int, short_side_px: int) -> tuple[int, int]:
    """Return the size after the short side was resized, as torchvision's `Resize` does.

    >>> resized_size(640, 480, 256)
    (341, 256)
    """
    if width <= height:
        return short_side_px, int(short_side_px * height / width)
    return int(short_side_px * width / height), short_side_px


def crop_origin(width: int, height: int, crop_px: int) -> tuple[int, int]:
    """Return left and top of the centre crop, as torchvision's `CenterCrop` does."""
    return round((width - crop_px) / 2.0), round((height - crop_px) / 2.0)


def view(image: Image.Image, spec: Preprocessing) -> Image.Image:
    """Cut the global view: short side resized, centre square; RGB, `crop_px` a side.

    Only what the square shows is resized: the same samples as resizing all of it and cutting
    then, at most one grey level apart in rounding, at half the price for a wide picture.
    """
    width, height = resized_size(image.width, image.height, spec.resize_short_side_px)
    left, top = crop_origin(width, height, spec.crop_px)
    box = (left, top, left + spec.crop_px, top + spec.crop_px)
    if (width, height) == image.size:
        return image.crop(box)
    x, y = image.width / width, image.height / height
    return image.resize(
        (spec.crop_px, spec.crop_px), spec.kernel, (box[0] * x, box[1] * y, box[2] * x, box[3] * y)
    )


def normalise(square: Image.Image, spec: Preprocessing) -> FloatArray:
    """Turn an RGB picture into a normalised tensor.

    Returns:
        float32 of shape (3, height, width), contiguous.
    """
    scale = np.float32(1.0) / (np.float32(255.0) * np.asarray(spec.std, np.float32))
    shift = np.asarray(spec.mean, np.float32) / np.asarray(spec.std, np.float32)
    # Planes are laid out as bytes, before they are four times as large.
    pixels = np.ascontiguousarray(np.asarray(square, np.uint8).transpose(2, 0, 1))
    tensor = pixels * scale[:, None, None]
    tensor -= shift[:, None, None]
    return tensor


def to_tensor(image: Image.Image, spec: Preprocessing) -> FloatArray:
    """Turn an upright RGB picture into the network's input.

    Returns:
        float32 of shape (3, crop_px, crop_px).
    """
    return normalise(view(image, spec), spec)


def native_view(image: Image.Image, spec: Preprocessing) -> Image.Image | None:
    """Cut the most detailed of four squares at native resolution, or None for small pictures.

    The squares are centred in the quadrants; detail is the mean absolute difference of
    neighbouring pixels' lightness.
    """
    if not spec.native_from_short_side_px or min(image.size) < spec.native_from_short_side_px:
        return None
    squares = [image.crop(box) for box in _quadrant_boxes(*image.size, spec.crop_px)]
    return max(squares, key=_detail)


def _quadrant_boxes(width: int, height: int, side: int) -> list[tuple[int, int, int, int]]:
    boxes = []
    for y in (height // 4, height - height // 4):
        for x in (width // 4, width - width // 4):
            left = min(max(0, x - side // 2), width - side)
            top = min(max(0, y - side // 2), height - side)
            boxes.append((left, top, left + side, top + side))
    return boxes


def _detail(square: Image.Image) -> float:
    light = np.asarray(square.convert("L"), np.int16)
    across = np.abs(np.diff(light, axis=1)).mean()
    return float(across + np.abs(np.diff(light, axis=0)).mean())


def view_region(width: int, height: int, spec: Preprocessing) -> tuple[float, float, float, float]:
    """Return the part of a picture that the view covers.

    Returns:
        left, top, right, bottom as fractions of `width` and `height`.
    """
    w, h = resized_size(width, height, spec.resize_short_side_px)
    left, top = crop_origin(w, h, spec.crop_px)
    return (
        left / w,
        top / h,
        min(1.0, (left + spec.crop_px) / w),
        min(1.0, (top + spec.crop_px) / h),
    )
