"""Any mode of a decoded picture to 8-bit sRGB on white."""

from __future__ import annotations

import io
import logging

import numpy as np
from PIL import Image, ImageChops, ImageCms

log = logging.getLogger(__name__)

_SPACES = {"GRAY": "L", "RGB ": "RGB", "CMYK": "CMYK"}
# Small sRGB profiles of cameras, browsers, GIMP and social networks.
_SRGB_NAMES = frozenset({"sRGB", "sRGB built-in", "c2", "sRGB2014"})
_MAX_PROFILE_BYTES = 4 * 1024 * 1024


def to_srgb(image: Image.Image, icc: bytes | None) -> Image.Image:
    """Return a decoded picture in mode RGB, as a browser would show it on a white page.

    Transparent parts show white through them. 16-bit samples keep their upper byte (never
    clipped). A readable colour profile that fits the picture's kind of colour is followed,
    unless it is sRGB itself; others are ignored.
    """
    flat = _flatten(image)
    converted = _through_profile(flat, icc) if icc else None
    if converted is not None:
        return converted
    return flat if flat.mode == "RGB" else flat.convert("RGB")


def _flatten(image: Image.Image) -> Image.Image:
    """Reduce to L, RGB or CMYK: 8 bits a sample, no alpha, no palette."""
    if image.mode in ("RGB", "L", "CMYK") and "transparency" not in image.info:
        return image
    if image.mode.startswith("I"):
        return _eight_bits(image)
    if image.mode in ("LA", "PA", "RGBA", "La", "RGBa") or "transparency" in image.info:
        return _on_white(image)
    return image.convert("L" if image.mode == "1" else "RGB")


def _eight_bits(image: Image.Image) -> Image.Image:
    samples = np.asarray(image)
    grey = (samples >> 8).astype(np.uint8)
    transparent = image.info.get("transparency")
    if isinstance(transparent, int):
        grey[samples == transparent] = 255
    return Image.fromarray(grey)


def _on_white(image: Image.Image) -> Image.Image:
    mode = "L" if image.mode in ("1", "L", "LA", "La") else "RGB"
    layered = image if image.mode == mode + "A" else image.convert(mode + "A")
    alpha = layered.getchannel("A")
    colours = layered.convert(mode)
    if alpha.getextrema() != (255, 255):
        colours.paste("white", mask=ImageChops.invert(alpha))
    return colours


def _through_profile(image: Image.Image, icc: bytes) -> Image.Image | None:
    """Convert by the profile, or return None where that says nothing or cannot be done."""
    if len(icc) > _MAX_PROFILE_BYTES:
        return None
    try:
        profile = ImageCms.ImageCmsProfile(io.BytesIO(icc))
        fits = _SPACES.get(profile.profile.xcolor_space) == image.mode
        if not fits or _is_srgb(profile):
            return None
        return ImageCms.profileToProfile(
            image, profile, ImageCms.createProfile("sRGB"), outputMode="RGB"
        )
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError) as error:
        log.debug("colour profile ignored", extra={"reason": str(error)})
        return None


def _is_srgb(profile: ImageCms.ImageCmsProfile) -> bool:
    # Converting from sRGB to sRGB costs more than decoding and changes rounding alone.
    name = profile.profile.profile_description or ""
    return name in _SRGB_NAMES or name.startswith("sRGB IEC61966")
