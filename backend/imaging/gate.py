"""Is this a picture that the model can be asked about at all?"""

from __future__ import annotations

from PIL import Image


def refusal(image: Image.Image, *, min_short_side_px: int) -> str | None:
    """Return why a decoded picture is not assessed, as a sentence, or None where it is.

    Interface (to be filled in).
    """
    raise NotImplementedError
