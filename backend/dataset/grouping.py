"""Which pictures belong together: near-duplicates by hash and by embedding, transitively."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator, Sequence
from itertools import combinations

import numpy as np
import numpy.typing as npt

Hashes = npt.NDArray[np.uint64]
Vectors = npt.NDArray[np.float32]
Pairs = npt.NDArray[np.int64]
"""Of shape (n, 2); the first index is below the second."""

NEAR_BITS = 8
"""Re-encoded and resized copies stay within it; see `imaging.fingerprint.distance`."""
NEAR_COSINE = 0.95

_BANDS, _BAND_BITS = 4, 16
_EXACT_ROWS = 4096
_TABLES = 32
_ROWS_A_BUCKET = 48
_AT_ONCE = 4_000_000


class Forest:
    """A union-find over 0 … n - 1 with path halving: nearly constant time for each join."""

    def __init__(self, size: int) -> None:
        self._parent = list(range(size))

    def root(self, item: int) -> int:
        """Return the one that stands for the item's group."""
        parent = self._parent
        while parent[item] != item:
            parent[item] = parent[parent[item]]
            item = parent[item]
        return item

    def join(self, first: int, second: int) -> None:
        """Put two items, and all that is tied to either, into one group."""
        a, b = self.root(first), self.root(second)
        if a != b:
            self._parent[max(a, b)] = min(a, b)

    def join_all(self, pairs: Iterable[Pairs]) -> None:
        """Join every pair of every piece."""
        for piece in pairs:
            for first, second in piece.tolist():
                self.join(first, second)

    def roots(self) -> list[int]:
        """Return for each item the least index of its group."""
        return [self.root(item) for item in range(len(self._parent))]


def near_hashes(hashes: Hashes, most_bits: int = NEAR_BITS) -> Pairs:
    """Return every pair of 64-bit hashes that differ in at most `most_bits` bits, once each.

    Exact, and far from looking at every pair: of four bands of 16 bits one differs in at most
    a quarter of the bits, so only pairs that nearly agree in a band are compared (multi-index
    hashing, Norouzi, Punjani and Fleet 2012).
    """
    distinct, owner = np.unique(hashes, return_inverse=True)
    found = [_copies(owner)]
    for pairs in _candidates(distinct, most_bits // _BANDS):
        bits = _popcount(distinct[pairs[:, 0]] ^ distinct[pairs[:, 1]])
        found.append(_spread(pairs[bits <= most_bits], owner))
    return np.unique(np.concatenate(found), axis=0)


def alike(hashes: Sequence[int | None], told: Sequence[str | None]) -> list[int]:
    """Return for each picture the least index of its group.

    Grouped are near-duplicates by hash, transitively, and pictures that were told to belong
    together. A picture without a hash stands alone unless told otherwise.
    """
    forest = Forest(len(hashes))
    seen, values = _known(hashes)
    for first, second in near_hashes(values).tolist() if seen else ():
        forest.join(seen[first], seen[second])
    named: dict[str, int] = {}
    for i, name in enumerate(told):
        if name is not None:
            forest.join(named.setdefault(name, i), i)
    return forest.roots()


def contradicted(hashes: Sequence[int | None], labels: Sequence[Hashable]) -> list[bool]:
    """Say for each picture whether one that looks alike has another label.

    Which of the two is right, only a curator can say; a model that learned from both would
    learn nothing, and one that was tested on both would be wrong once whatever it said.
    """
    found: dict[int, set[Hashable]] = defaultdict(set)
    for value, label in zip(hashes, labels, strict=True):
        if value is not None:
            found[value].add(label)
    values = sorted(found)
    around = {value: set(some) for value, some in found.items()}
    for first, second in near_hashes(np.array(values, np.uint64)).tolist() if values else ():
        around[values[first]] |= found[values[second]]
        around[values[second]] |= found[values[first]]
    return [value is not None and len(around[value]) > 1 for value in hashes]


def _known(hashes: Sequence[int | None]) -> tuple[list[int], Hashes]:
    seen = [i for i, value in enumerate(hashes) if value is not None]
    return seen, np.array([hashes[i] for i in seen], np.uint64)


def _candidates(distinct: Hashes, band_bits: int) -> Iterator[Pairs]:
    masks = [
        sum(1 << bit for bit in chosen)
        for flipped in range(band_bits + 1)
        for chosen in combinations(range(_BAND_BITS), flipped)
    ]
    for band in range(_BANDS):
        shifted = distinct >> np.uint64(band * _BAND_BITS)
        values = (shifted & np.uint64(0xFFFF)).astype(np.int64)
        order = np.argsort(values, kind="stable")
        ordered = values[order]
        for mask in masks:
            first = np.searchsorted(ordered, values ^ mask, "left")
            count = np.searchsorted(ordered, values ^ mask, "right") - first
            yield from _pairs_of(first, count, order)


def _pairs_of(first: Pairs, count: Pairs, order: Pairs) -> Iterator[Pairs]:
    """Expand ranges of `order` into pairs (i, j) with i < j, a bounded number at a time."""
    ends = np.cumsum(count)
    start = 0
    while start < len(count):
        taken = int(ends[start - 1]) if start else 0
        stop = max(start + 1, int(np.searchsorted(ends, taken + _AT_ONCE, "right")))
        some = count[start:stop]
        left = np.repeat(np.arange(start, stop), some)
        offset = np.arange(int(some.sum())) - np.repeat(np.cumsum(some) - some, some)
        right = order[np.repeat(first[start:stop], some) + offset]
        keep = left < right
        yield np.column_stack([left[keep], right[keep]])
        start = stop


def _copies(owner: Pairs) -> Pairs:
    """Tie each item to the first of the same hash: all pairs of a thousand copies help nobody."""
    _, first = np.unique(owner, return_index=True)
    leader = first[owner]
    items = np.arange(len(owner))
    return _ordered(np.column_stack([leader, items])[leader != items])


def _spread(pairs: Pairs, owner: Pairs) -> Pairs:
    """Turn pairs of distinct hashes into pairs of the first items that have them."""
    _, first = np.unique(owner, return_index=True)
    ends = first[pairs]
    return _ordered(ends)


def _popcount(values: Hashes) -> npt.NDArray[np.uint8]:
    as_bytes = np.ascontiguousarray(values).view(np.uint8).reshape(-1, 8)
    counts: npt.NDArray[np.uint8] = _BITS[as_bytes].sum(axis=1, dtype=np.uint8)
    return counts


def _ordered(pairs: npt.NDArray[np.int64]) -> Pairs:
    return np.sort(pairs.reshape(-1, 2), axis=1)


_BITS = np.array([value.bit_count() for value in range(256)], np.uint8)


def near_vectors(
    vectors: Vectors, least_cosine: float = NEAR_COSINE, seed: int = 0
) -> Iterator[Pairs]:
    """Yield pairs of rows whose cosine is at least `least_cosine`; a pair may come twice.

    Exact up to 4,096 rows. Beyond, rows are compared within buckets of random hyperplanes
    through the mean (Charikar 2002): 32 tables miss about one pair in a thousand at the
    threshold itself and fewer above it, at a cost that grows little faster than n.
    """
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit = np.divide(vectors, norms, out=np.zeros_like(vectors), where=norms > 0)
    everything = np.arange(len(unit))
    if len(unit) <= _EXACT_ROWS:
        yield from _close_rows(unit, everything, least_cosine)
        return
    rng = np.random.default_rng(seed)
    bits = max(1, round(np.log2(len(unit) / _ROWS_A_BUCKET)))
    centred = unit - unit.mean(axis=0)
    for _ in range(_TABLES):
        planes = rng.standard_normal((unit.shape[1], bits)).astype(np.float32)
        keys = (centred @ planes > 0) @ (1 << np.arange(bits))
        order = np.argsort(keys, kind="stable")
        borders = np.flatnonzero(np.diff(keys[order])) + 1
        for bucket in np.split(order, borders):
            if len(bucket) > 1:
                yield from _close_rows(unit, bucket, least_cosine)


def _close_rows(unit: Vectors, rows: Pairs, least_cosine: float) -> Iterator[Pairs]:
    some = unit[rows]
    for start in range(0, len(rows), 1024):
        cosines = some[start : start + 1024] @ some[start:].T
        left, right = np.nonzero(cosines >= least_cosine)
        keep = left < right
        if keep.any():
            pairs = np.column_stack([rows[start + left[keep]], rows[start + right[keep]]])
            yield np.sort(pairs, axis=1)
