"""Put near-duplicates together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from dashboard.client import Json

NEAR_BITS = 8
"""Perceptual hashes that differ in no more bits are of copies, re-encoded or resized."""


def together(records: Sequence[Json], likeness: Mapping[str, str]) -> list[list[Json]]:
    """Group records whose pictures look alike, each group where its first record stood.

    Args:
        records: of one page, in its order.
        likeness: id to perceptual hash in hex; a record without one stands alone.
    """
    groups: list[list[Json]] = []
    heads: list[tuple[int | None, str]] = []
    for record in records:
        phash = int(likeness[record["id"]], 16) if record["id"] in likeness else None
        digest = record["image"]["sha256"]
        for group, (head, head_digest) in zip(groups, heads, strict=True):
            near = phash is not None and head is not None and (phash ^ head).bit_count()
            if digest == head_digest or (near is not False and near <= NEAR_BITS):
                group.append(record)
                break
        else:
            groups.append([record])
            heads.append((phash, digest))
    return groups
