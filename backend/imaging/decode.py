"""Original bytes to an upright RGB picture, or a refusal in plain words."""

from __future__ import annotations

import hashlib
import io
import logging
import warnings
from dataclasses import dataclass

from PIL import AvifImagePlugin, Image, WebPImagePlugin

from backend.domain import ImageFacts
from backend.errors import BadInput, BrushmarkError, TooLarge
from backend.imaging.colour import to_srgb
from backend.imaging.containers import Container, damaged, read_container
from backend.imaging.exif import orientation

log = logging.getLogger(__name__)

MAX_BYTES = 20 * 1024 * 1024
MAX_PIXELS = 50_000_000

# Pillow knows JPEG, PNG and GIF from the start. Naming the other two here keeps it from loading
# every plugin it has on the first WebP or AVIF picture.
_PLUGINS = (AvifImagePlugin, WebPImagePlugin)

# Pillow warns of sizes between its own limit and twice that. As an error it stops at once; set
# for the process here, since switching filters for each call is not safe among threads.
warnings.filterwarnings("error", category=Image.DecompressionBombWarning)

_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


@dataclass(frozen=True, slots=True)
class Decoded:
    """An upright RGB picture (the first frame) and what is known of its file."""

    image: Image.Image
    facts: ImageFacts


def decode(data: bytes, *, max_bytes: int = MAX_BYTES, max_pixels: int = MAX_PIXELS) -> Decoded:
    """Decode a JPEG, PNG, WebP, GIF or AVIF file, whatever its name.

    The picture is turned upright by its EXIF orientation, in sRGB, and on white where it is
    transparent; `decode` never scales (`draft`), so that training and serving see the same
    pixels. `facts.format` is JPEG, PNG, WEBP, GIF or AVIF; a multi-picture JPEG (MPO) is a JPEG
    of one frame. `facts.frames` of a very long animation is a lower bound.

    Safe to call from several threads: nothing global is switched on the way.

    Raises:
        BadInput: no bytes at all.
        TooLarge: more than `max_bytes` or `max_pixels`; told from the header alone.
        UnsupportedType: none of those formats.
        UndecodableImage: truncated or damaged.
    """
    if not data:
        raise BadInput("The file is empty: there is no picture in it.")
    if len(data) > max_bytes:
        raise TooLarge(
            f"The file has {len(data) / 1024**2:.1f} MB; the most we take is "
            f"{max_bytes / 1024**2:.0f} MB."
        )
    container = read_container(data)
    if container.size:
        _check_pixels(container.size, max_pixels)
    image, frames = _pixels(container, max_pixels)
    facts = ImageFacts(
        sha256=hashlib.sha256(data).hexdigest(),
        format=container.format,
        width=image.width,
        height=image.height,
        bytes=len(data),
        frames=frames,
    )
    return Decoded(image, facts)


def _pixels(container: Container, max_pixels: int) -> tuple[Image.Image, int]:
    """Return the upright RGB picture and the number of frames."""
    try:
        opened = Image.open(io.BytesIO(container.pixels), formats=(container.format,))
        _check_pixels(opened.size, max_pixels)
        opened.load()
        frames = container.frames or int(getattr(opened, "n_frames", 1))
        icc, exif = container.icc, container.exif
        if container.format == "AVIF":
            icc, exif = opened.info.get("icc_profile"), opened.info.get("exif")
        image = to_srgb(opened, icc)
        turn = _UPRIGHT.get(orientation(exif))
        if turn is not None:
            image = image.transpose(turn)
        image.info.clear()
        return image, frames
    except BrushmarkError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise TooLarge(_too_many_pixels(max_pixels)) from error
    except MemoryError as error:
        raise TooLarge("There is not enough memory at the moment for this picture.") from error
    except Exception as error:
        # Pillow raises whatever its parsers stumble into: OSError, SyntaxError, ValueError,
        # struct.error, zlib.error and others. On foreign bytes they all mean the same.
        log.debug("undecodable", extra={"format": container.format, "reason": repr(error)})
        raise damaged(container.format) from error


def _check_pixels(size: tuple[int, int], max_pixels: int) -> None:
    width, height = size
    if width * height > max_pixels:
        raise TooLarge(_too_many_pixels(max_pixels, f"The picture has {width} x {height} pixels"))


def _too_many_pixels(max_pixels: int, found: str = "The picture has far too many pixels") -> str:
    return f"{found}; the most we take is {max_pixels / 1e6:.0f} megapixels. Scale it down first."
