"""A picture's original file, as the readers of the ledger see it."""

from __future__ import annotations

from functools import cached_property

from PIL import Image

from backend.imaging.provenance.exif_fields import ExifFields, read_exif
from backend.imaging.provenance.segments import read_metadata
from backend.imaging.provenance.segments.metadata import Metadata
from backend.imaging.provenance.xmp import Properties, read_xmp


class Original:
    """The bytes as they came, what stands in them, and the picture that they decode to.

    Each part is read when a reader first asks for it. A part that cannot be read raises for every
    reader that asks, and for no other.
    """

    def __init__(self, data: bytes, image: Image.Image) -> None:
        self.data = data
        self.image = image

    @cached_property
    def metadata(self) -> Metadata:
        """The metadata blocks of the container."""
        return read_metadata(self.data)

    @cached_property
    def exif(self) -> ExifFields:
        """The EXIF fields. Raises `ValueError` where the block is damaged."""
        return read_exif(self.metadata.exif)

    @cached_property
    def xmp(self) -> Properties:
        """The properties of all XMP packets. Raises `ValueError` where one is damaged."""
        found: Properties = {}
        for packet in self.metadata.xmp:
            for name, values in read_xmp(packet).items():
                found.setdefault(name, []).extend(values)
        return found
