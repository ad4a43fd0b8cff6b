"""Near-duplicates are found as looking at every pair would find them, and tied transitively."""

from __future__ import annotations

import numpy as np
import pytest

from backend.dataset import grouping
from backend.dataset.build import group_pictures
from backend.dataset.grouping import Forest, alike, contradicted, near_hashes, near_vectors
from backend.dataset.picture_facts import PictureFacts, look_at
from tests.pictures import draw, encode


def flip(value: int, bits: list[int]) -> int:
    for bit in bits:
        value ^= 1 << bit
    return value


def test_hashes_as_every_pair_would_tell() -> None:
    """Every pair within 8 bits is found and no other, wherever the bits lie."""
    rng = np.random.default_rng(1)
    values = [int(v) for v in rng.integers(0, 2**63, 150, dtype=np.uint64)]
    for count in range(13):
        for base in range(12):
            bits = rng.choice(64, count, replace=False).tolist()
            values.append(flip(values[base], bits))
    hashes = np.array(values, np.uint64)
    distinct = {int(h): i for i, h in reversed(list(enumerate(values)))}
    expected = {
        (i, j)
        for i, a in enumerate(values)
        for j, b in enumerate(values)
        if i < j and (a ^ b).bit_count() <= 8 and distinct[a] == i and (distinct[b] == j or a == b)
    }
    assert {tuple(pair) for pair in near_hashes(hashes).tolist()} == expected


def test_thousands_of_copies_cost_one_pair_each() -> None:
    """A folder full of one picture does not make a pair of every two."""
    assert len(near_hashes(np.full(20_000, 77, np.uint64))) == 19_999


def test_no_pictures_and_one() -> None:
    """Nothing has no pairs."""
    assert near_hashes(np.array([], np.uint64)).shape == (0, 2)
    assert near_hashes(np.array([5], np.uint64)).shape == (0, 2)


@pytest.mark.parametrize("exact_rows", [10_000, 100])
def test_vectors(exact_rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows at a cosine of .95 are found, those at .90 are not, by every pair or by buckets."""
    monkeypatch.setattr(grouping, "_EXACT_ROWS", exact_rows)
    rng = np.random.default_rng(2)
    vectors = np.maximum(rng.standard_normal((900, 64)) + 0.5, 0).astype(np.float32)
    norms = np.linalg.norm(vectors, axis=1)
    for n in range(30):
        aside = rng.standard_normal(64)
        aside -= aside @ vectors[n] / norms[n] ** 2 * vectors[n]
        aside *= norms[n] / np.linalg.norm(aside)
        for row, cosine in ((300 + n, 0.96), (600 + n, 0.90)):
            vectors[row] = cosine * vectors[n] + np.sqrt(1 - cosine**2) * aside
    found = {tuple(pair) for piece in near_vectors(vectors) for pair in piece.tolist()}
    assert {(n, 300 + n) for n in range(30)} <= found
    assert not {(n, 600 + n) for n in range(30)} & found


def test_empty_vectors_are_near_nothing() -> None:
    """A vector of zeros has no direction and is tied to nothing."""
    assert list(near_vectors(np.zeros((3, 4), np.float32))) == []


def test_groups_are_transitive() -> None:
    """Of three in a chain the first and the last share a group, though they are far apart."""
    forest = Forest(5)
    forest.join_all([np.array([[0, 3]]), np.array([[3, 4]])])
    assert forest.roots() == [0, 1, 2, 0, 0]


def picture(name: str, hash: int, embedding: list[float] | None = None) -> PictureFacts:
    data = None if embedding is None else np.array(embedding, "<f2").tobytes()
    return PictureFacts(name * 64, hash, "JPEG", 10, 10, 10, data)


def test_hash_and_embedding_tie_together() -> None:
    """A chain may lead through both; its name comes from the least SHA-256, whatever the order."""
    pictures = [
        picture("c", 0, [1, 0]),
        picture("b", 0xFF, [0, 1]),
        picture("a", 0xFFFFFFFF0000, [0.1, 1]),
        picture("d", 0xFFFF000000000000, [-1, 0]),
    ]
    names = group_pictures(pictures)
    assert names[0] == names[1] == names[2] == "g" + "a" * 12
    assert names[3] != names[0]
    assert group_pictures(pictures[::-1]) == names[::-1]


def test_resized_copies_are_near() -> None:
    """The same picture, smaller and in another format, lies within 8 bits."""
    first = look_at(encode(draw(seed=3), "JPEG", quality=60))
    second = look_at(encode(draw(seed=3).resize((160, 130)), "PNG"))
    other = look_at(encode(draw(seed=4), "PNG"))
    hashes = np.array([first.hash, second.hash, other.hash], np.uint64)
    assert near_hashes(hashes).tolist() == [[0, 1]]


def test_what_looks_alike_is_one_group() -> None:
    """Near-duplicates are tied transitively, told series too; a picture without a hash is alone."""
    hashes = [0b0, 0b1111_1111, 0xFFFF, None, None, 1 << 63 | 0xFFF << 40]
    told = [None, None, None, "series", None, "series"]
    assert alike(hashes, told) == [0, 0, 0, 3, 4, 3]
    assert alike([], []) == []


def test_pictures_alike_with_two_labels_are_told() -> None:
    """Every picture beside one of the other label is named, and no other."""
    assert contradicted([0, 0b1, 0xFFFF << 30, None], "ABAB") == [True, True, False, False]
    assert contradicted([None], "A") == [False]
