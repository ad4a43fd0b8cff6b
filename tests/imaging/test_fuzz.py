"""A short run of the fuzzing that `make fuzz` does at length."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.imaging import fuzz


@pytest.mark.parametrize("name", fuzz.seeds())
def test_the_originals_decode(name):
    """Every file that mutants are made of decodes, so that mutants reach the parsers' depths."""
    assert fuzz.check(fuzz.seeds()[name]) == "decoded"


def test_mutants_decode_or_are_refused():
    """Two thousand mutants of a fixed seed raise nothing but our own refusals, and none hangs."""
    report = fuzz.run(2026, range(2_000))
    assert report.failures == []
    assert report.outcomes["decoded"] > 100
    assert report.outcomes["undecodable_image"] > 100


def test_mutants_are_reproducible():
    """A mutant's number gives the same bytes again."""
    assert fuzz.mutant(5, 77) == fuzz.mutant(5, 77) != fuzz.mutant(6, 77)


HEADS = st.sampled_from(
    [
        b"\xff\xd8\xff",
        fuzz.files.SIGNATURE,
        b"GIF89a",
        b"RIFF\xff\0\0\0WEBPVP8X",
        b"\0\0\0\x1cftypavif",
    ]
)


@settings(max_examples=300, deadline=None)
@given(HEADS, st.binary(max_size=400))
def test_any_bytes_after_a_right_beginning(head, rest):
    """Whatever follows the first bytes of a format, the answer is a refusal or a picture."""
    fuzz.check(head + rest)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(sorted(fuzz.seeds())), st.data())
def test_any_small_change(name, data):
    """A byte put anywhere into a good file leads to a picture or a refusal, nothing else."""
    original = fuzz.seeds()[name]
    at = data.draw(st.integers(0, len(original) - 1))
    piece = data.draw(st.binary(min_size=1, max_size=8))
    fuzz.check(original[:at] + piece + original[at + data.draw(st.integers(0, 8)) :])
