"""The perceptual hashes of reviewed pictures, kept in memory: every check asks among them."""

from __future__ import annotations

import json
import sqlite3
import threading

import numpy as np
from numpy.typing import NDArray

_ALL = (1 << 64) - 1
_EVERY = (
    "SELECT doc_id, phash FROM predictions INDEXED BY predictions_phash"
    " WHERE phash IS NOT NULL AND label IS NOT NULL"
)
_SINCE = (
    "SELECT p.doc_id, p.phash FROM predictions p WHERE p.phash IS NOT NULL"
    " AND p.sha256 IN (SELECT sha256 FROM reviews WHERE doc_id > ?)"
)
_STANDING = (
    "SELECT doc_id, phash FROM predictions WHERE label IS NOT NULL AND phash IS NOT NULL"
    " AND doc_id IN (SELECT value FROM json_each(?))"
)
_NEWEST = "SELECT doc_id, id FROM reviews ORDER BY doc_id DESC LIMIT 1"


class ReviewedHashes:
    """Grows with the reviews of the file, whichever process writes them.

    What is undone or forgotten stays in memory until the next start and is left out of every
    answer: each is held against the file first. A picture is found by the records that it had
    when it was reviewed, not by those that come after.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._newest = (0, "")
        self._doc_ids: NDArray[np.int64] = np.zeros(0, np.int64)
        self._hashes: NDArray[np.uint64] = np.zeros(0, np.uint64)

    def near(self, connection: sqlite3.Connection, phash: int, bits: int) -> list[tuple[int, int]]:
        """Return distance in bits and doc_id of reviewed pictures like one, in no order.

        Args:
            connection: one to the log's file.
            phash: 64 bits, unsigned.
            bits: how many of them may differ.
        """
        with self._lock:
            self._catch_up(connection)
            doc_ids, hashes = self._doc_ids, self._hashes
        apart = np.bitwise_count(hashes ^ np.uint64(phash & _ALL))
        wanted = json.dumps(np.unique(doc_ids[apart <= bits]).tolist())
        found = (
            (((stored ^ phash) & _ALL).bit_count(), int(doc_id))
            for doc_id, stored in connection.execute(_STANDING, (wanted,)).fetchall()
        )
        return [(distance, doc_id) for distance, doc_id in found if distance <= bits]

    def _catch_up(self, connection: sqlite3.Connection) -> None:
        newest = connection.execute(_NEWEST).fetchone() or (0, "")
        if newest == self._newest:
            return
        seen, seen_id = self._newest
        still = connection.execute("SELECT id FROM reviews WHERE doc_id = ?", (seen,)).fetchone()
        if still != (seen_id,):  # the first time, or what was seen last was forgotten since
            self._doc_ids, self._hashes = _columns(connection.execute(_EVERY).fetchall())
        else:
            doc_ids, hashes = _columns(connection.execute(_SINCE, (seen,)).fetchall())
            self._doc_ids = np.concatenate([self._doc_ids, doc_ids])
            self._hashes = np.concatenate([self._hashes, hashes])
        self._newest = newest


def _columns(rows: list[tuple[int, int]]) -> tuple[NDArray[np.int64], NDArray[np.uint64]]:
    doc_ids, stored = np.array(rows, np.int64).reshape(-1, 2).T
    return doc_ids.copy(), stored.copy().view(np.uint64)
