"""A folder of kept pictures, named by the SHA-256 of their bytes. Interface to be filled in."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path


class ImageStore:
    """Original bytes under their hash: written whole or not at all, never overwritten.

    Layout: `<root>/ab/abcdef….<ext>` with folders of mode 0700 and files of mode 0600.
    """

    def __init__(self, root: Path) -> None:
        self._root = root

    def put(self, sha256: str, data: bytes) -> None:
        """Keep bytes under their hash; durable when it returns. Raises `OutOfSpace`."""
        raise NotImplementedError

    def get(self, sha256: str) -> bytes | None:
        """Return the bytes, or None where they are not kept; checks the hash (`StoreDamaged`)."""
        raise NotImplementedError

    def has(self, sha256: str) -> bool:
        """Say whether these bytes are kept."""
        raise NotImplementedError

    def delete(self, sha256: str) -> None:
        """Remove the bytes; nothing happens where they are not kept."""
        raise NotImplementedError

    def hashes(self) -> Iterator[str]:
        """Yield the hash of every kept picture."""
        raise NotImplementedError
