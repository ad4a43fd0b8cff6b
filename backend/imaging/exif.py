"""The one field of EXIF that pixels need: which way up the picture is."""

from __future__ import annotations

import struct

_ORIENTATION, _SHORT = 0x0112, 3


def orientation(block: bytes | None) -> int:
    """Return the orientation (1 to 8) in the first directory of a TIFF-structured EXIF block.

    Pillow's parser reads every field of every kind to find this one and reports what it dislikes
    as warnings of the whole process; this reads one. A damaged block is none: 1, upright.
    Source: CIPA DC-008 (Exif 3.0), 4.6.2 and 4.6.4.
    """
    block = (block or b"").removeprefix(b"Exif\0\0")
    if block[:4] not in (b"II*\0", b"MM\0*"):
        return 1
    order = "<" if block.startswith(b"I") else ">"
    try:
        (directory,) = struct.unpack_from(order + "I", block, 4)
        (entries,) = struct.unpack_from(order + "H", block, directory)
        for start in range(directory + 2, directory + 2 + 12 * entries, 12):
            tag, kind, count, value = struct.unpack_from(order + "HHIH", block, start)
            if tag == _ORIENTATION:
                return value if kind == _SHORT and count == 1 and 1 <= value <= 8 else 1
    except struct.error:
        pass
    return 1
