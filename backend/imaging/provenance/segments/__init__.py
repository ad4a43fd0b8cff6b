"""Where each container keeps what is said about the picture.

The walkers follow the structure of the file (chunks, segments, boxes) and never search its bytes:
a name in a caption or behind the end of the file is no finding. They are bounded in steps and in
bytes, and forgiving: of a file that is cut short they return what came before.
"""

from __future__ import annotations

from backend.imaging.containers import avif as avif_file
from backend.imaging.containers import gif as gif_file
from backend.imaging.containers import jpeg as jpeg_file
from backend.imaging.containers import png as png_file
from backend.imaging.containers import webp as webp_file
from backend.imaging.provenance.segments import avif, gif, jpeg, png, webp
from backend.imaging.provenance.segments.metadata import Metadata

_WALKERS = (
    (jpeg_file.matches, jpeg.walk),
    (png_file.matches, png.walk),
    (webp_file.matches, webp.walk),
    (gif_file.matches, gif.walk),
    (avif_file.matches, avif.walk),
)


def read_metadata(data: bytes) -> Metadata:
    """Return the metadata blocks of a file of one of the five formats; of others, none."""
    for matches, walk in _WALKERS:
        if matches(data):
            return walk(data)
    return Metadata("")
