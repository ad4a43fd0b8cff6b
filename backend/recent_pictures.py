"""Pictures checked lately, in memory, should an appeal or a review ask for them to be kept."""

from __future__ import annotations

import threading
from collections import OrderedDict

RECENT_BYTES = 128 * 1024 * 1024


class RecentPictures:
    """Original bytes by their SHA-256, the latest `max_bytes` of them."""

    def __init__(self, max_bytes: int = RECENT_BYTES) -> None:
        self._max_bytes = max_bytes
        self._held: OrderedDict[str, bytes] = OrderedDict()
        self._size = 0
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._held)

    def put(self, sha256: str, data: bytes) -> None:
        """Hold a picture; those longest unused make room."""
        with self._lock:
            if sha256 not in self._held:
                self._held[sha256] = data
                self._size += len(data)
            self._held.move_to_end(sha256)
            while self._size > self._max_bytes:
                _, dropped = self._held.popitem(last=False)
                self._size -= len(dropped)

    def get(self, sha256: str) -> bytes | None:
        """Return a picture that is still held."""
        with self._lock:
            return self._held.get(sha256)

    def forget(self, sha256: str) -> None:
        """Let go of a picture."""
        with self._lock:
            self._size -= len(self._held.pop(sha256, b""))
