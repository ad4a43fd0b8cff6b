"""AVIF: AV1 Image File Format v1.1.0 in ISO base media boxes (ISO/IEC 14496-12)."""

from __future__ import annotations

import re

from backend.imaging.containers.container import Container

_BRANDS = frozenset({b"avif", b"avis"})
# An item info entry (`infe`, version 2 or 3) that names an item of type Exif.
_EXIF_ITEM = re.compile(rb"(infe\x02.{7}|infe\x03.{9})Exif", re.DOTALL)


def matches(data: bytes) -> bool:
    """Say whether one of the brands in the first box is AVIF's."""
    if data[4:8] != b"ftyp":
        return False
    end = min(int.from_bytes(data[:4]), 256)
    brands = {data[8:12], *(data[start : start + 4] for start in range(16, end, 4))}
    return not _BRANDS.isdisjoint(brands)


def read(data: bytes) -> Container:
    """Hide the EXIF item, and leave the rest to the decoder.

    Turns and mirrors of an AVIF picture are boxes of its own (`irot`, `imir`); its EXIF block
    has no say in them, and Pillow would parse it on opening. What is coded inside may be larger
    than the boxes declare; libavif bounds it at 16,384 x 16,384 pixels and scales it down.
    """
    return Container("AVIF", _EXIF_ITEM.sub(rb"\1skip", data), None, None)
