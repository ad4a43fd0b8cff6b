"""GIF: CompuServe's Graphics Interchange Format, version 89a."""

from __future__ import annotations

import struct

from backend.errors import UndecodableImage
from backend.imaging.containers.container import Container

MAX_BLOCKS = 200_000
"""Data blocks that are walked: 20 MB in blocks of the usual 255 bytes are 82,000."""

_EXTENSION, _IMAGE = 0x21, 0x2C


def matches(data: bytes) -> bool:
    """Say whether these are the first bytes of a GIF file."""
    return data.startswith((b"GIF87a", b"GIF89a"))


def read(data: bytes) -> Container:
    """Check that the first frame is whole and count the frames after it.

    `size` is the screen, grown to the first frame where that is larger, as Pillow does.
    `frames` counts whole frames within the first `MAX_BLOCKS` data blocks, so that a very long
    animation is counted as at least that.

    Raises:
        UndecodableImage: no frame, or one cut into too many blocks.
        IndexError, ValueError: cut short within the first frame.
    """
    walker = _Walker(data)
    size = walker.next_frame()
    if size is None:
        raise UndecodableImage("This GIF file holds no picture.")
    width, height = struct.unpack_from("<HH", data, 6)
    return Container(
        "GIF", data, (max(width, size[0]), max(height, size[1])), 1 + walker.further_frames()
    )


class _Walker:
    def __init__(self, data: bytes) -> None:
        self._data = data
        self._blocks = 0
        self._position = 13 + _palette_bytes(data[10])

    def next_frame(self) -> tuple[int, int] | None:
        """Walk over one frame; return its right and lower edge, or None at the end."""
        data = self._data
        while True:
            kind = data[self._position]
            if kind == _EXTENSION:
                self._position += 2
                self._skip_blocks()
            elif kind == _IMAGE:
                x, y, width, height, flags = struct.unpack(
                    "<HHHHB", data[self._position + 1 : self._position + 10].ljust(9, b"\0")
                )
                self._position += 11 + _palette_bytes(flags)
                self._skip_blocks()
                return x + width, y + height
            else:
                # The trailer, or bytes that no viewer reads on from.
                return None

    def further_frames(self) -> int:
        frames = 0
        try:
            while self.next_frame():
                frames += 1
        except (IndexError, UndecodableImage):
            pass
        return frames

    def _skip_blocks(self) -> None:
        data, position, blocks = self._data, self._position, self._blocks
        length = -1
        while length:
            blocks += 1
            if blocks > MAX_BLOCKS:
                raise UndecodableImage("This GIF file is cut into too many pieces to decode.")
            length = data[position]
            position += length + 1
        self._position, self._blocks = position, blocks


def _palette_bytes(flags: int) -> int:
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0
