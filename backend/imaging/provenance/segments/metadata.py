"""What the walkers of all containers hand on."""

from __future__ import annotations

from dataclasses import dataclass, field

MAX_BLOCK_BYTES = 1024 * 1024
"""An EXIF block, an XMP packet, a text. The largest workflows of ComfyUI are half of that."""
MAX_TEXT_BYTES = 4 * MAX_BLOCK_BYTES
"""All texts of a file together."""
MAX_BLOCKS = 64
"""Texts, packets and comments of a file, of each kind."""


@dataclass(slots=True)
class Metadata:
    """The blocks of a file that speak about the picture, as they stand in it.

    `format` is Pillow's name, or empty. `texts` are PNG's keyword texts, `comments` those of JPEG
    and GIF. `too_much` says that blocks were left out because they are damaged, or larger or more
    than anybody writes.
    """

    format: str
    texts: list[tuple[str, str]] = field(default_factory=list)
    comments: list[str] = field(default_factory=list)
    xmp: list[bytes] = field(default_factory=list)
    exif: bytes | None = None
    has_credentials: bool = False
    too_much: bool = False
    text_bytes: int = 0

    def add_text(self, keyword: str, text: str) -> None:
        """Take a text in, within the limits."""
        self.text_bytes += len(text)
        if len(self.texts) < MAX_BLOCKS and self.text_bytes <= MAX_TEXT_BYTES:
            self.texts.append((keyword, text))
        else:
            self.too_much = True

    def add_xmp(self, packet: bytes) -> None:
        """Take an XMP packet in, within the limits."""
        if len(self.xmp) < MAX_BLOCKS and len(packet) <= MAX_BLOCK_BYTES:
            self.xmp.append(packet)
        else:
            self.too_much = True

    def add_exif(self, block: bytes) -> None:
        """Take the first EXIF block in, within the limits."""
        if len(block) > MAX_BLOCK_BYTES:
            self.too_much = True
        elif self.exif is None:
            self.exif = block.removeprefix(b"Exif\0\0")

    def add_comment(self, comment: bytes) -> None:
        """Take a comment in, within the limits."""
        if len(self.comments) < MAX_BLOCKS and len(comment) <= MAX_BLOCK_BYTES:
            self.comments.append(comment.decode("utf-8", "replace"))
        else:
            self.too_much = True
