"""Pictures for the page: small upright copies with the heat map laid over them."""

from __future__ import annotations

import io

from PIL import Image, ImageOps

MAX_SIDE_PX = 1000
"""Long side of what the page shows."""
_MAX_PIXELS = 50_000_000
"""As the backend takes; also below the size at which Pillow begins to warn."""
_FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "AVIF")


def preview(data: bytes) -> Image.Image | None:
    """Return a small upright RGB copy of a picture; None where it cannot be shown."""
    try:
        with Image.open(io.BytesIO(data), formats=_FORMATS) as image:
            if image.width * image.height > _MAX_PIXELS:
                return None
            image.draft("RGB", (MAX_SIDE_PX, MAX_SIDE_PX))
            upright = ImageOps.exif_transpose(image)
            upright.thumbnail((MAX_SIDE_PX, MAX_SIDE_PX))
            return _on_paper(upright)
    except (OSError, ValueError, SyntaxError, Warning, Image.DecompressionBombError):
        return None


def web_copy(data: bytes) -> bytes | None:
    """Return what `preview` shows as the bytes of a JPEG; None where it cannot be shown."""
    image = preview(data)
    return None if image is None else as_jpeg(image)


def as_jpeg(image: Image.Image) -> bytes:
    """Encode a picture for the page."""
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=88)
    return buffer.getvalue()


def _on_paper(image: Image.Image) -> Image.Image:
    if image.mode in {"RGBA", "LA", "PA"} or "transparency" in image.info:
        layer = image.convert("RGBA")
        paper = Image.new("RGBA", layer.size, (255, 255, 255, 255))
        return Image.alpha_composite(paper, layer).convert("RGB")
    return image.convert("RGB")


def with_heatmap(picture: Image.Image, overlay: bytes, strength: float) -> Image.Image:
    """Lay a transparent PNG over a picture.

    Args:
        picture: what `preview` returned.
        overlay: the heat map of the whole picture, as the backend draws it.
        strength: 0 leaves the picture as it is, 1 shows the map in full.
    """
    with Image.open(io.BytesIO(overlay), formats=("PNG",)) as image:
        layer = image.convert("RGBA").resize(picture.size, Image.Resampling.BICUBIC)
    layer.putalpha(layer.getchannel("A").point(lambda alpha: alpha * strength))
    return Image.alpha_composite(picture.convert("RGBA"), layer).convert("RGB")
