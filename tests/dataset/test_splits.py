"""Splits cut no group, are spread over sources, and stay as they were."""

from __future__ import annotations

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from backend.dataset.splits import Item, draw_splits
from backend.domain import Label

SHARES = {"train": 0.7, "val": 0.1, "test": 0.2}
AI, HUMAN = Label.AI_GENERATED, Label.HUMAN_MADE

items = st.lists(
    st.builds(
        Item,
        label=st.sampled_from(Label),
        source=st.sampled_from("abc"),
        group=st.sampled_from([f"g{n}" for n in range(40)]),
        before=st.sampled_from([None, None, "train", "val", "test"]),
    ),
    min_size=1,
    max_size=80,
)


@given(items, st.integers(0, 3))
@settings(max_examples=60, deadline=None)
def test_whatever_comes(drawn: list[Item], seed: int) -> None:
    """Every group gets one split, the same for the same seed, whatever the order of pictures."""
    splits = draw_splits(drawn, SHARES, seed)
    assert set(splits) == {item.group for item in drawn}
    assert set(splits.values()) <= set(SHARES)
    assert draw_splits(drawn[::-1], SHARES, seed) == splits


def test_every_source_is_spread() -> None:
    """Each source of a hundred gives each split its share, and each class too."""
    many = [
        Item(label, f"{label}-{source}", f"{label}-{source}-{n}")
        for label in Label
        for source in range(5)
        for n in range(100)
    ]
    splits = draw_splits(many, SHARES, 0)
    by_source = Counter((item.source, splits[item.group]) for item in many)
    for source in {item.source for item in many}:
        assert abs(by_source[source, "train"] - 70) <= 2
        assert abs(by_source[source, "val"] - 10) <= 2
        assert abs(by_source[source, "test"] - 20) <= 2


def test_sources_of_one_picture_reach_every_split() -> None:
    """A hundred sources of one picture each are spread as well."""
    lone = [Item(AI, f"s{n:03}", f"g{n}") for n in range(100)]
    assert Counter(draw_splits(lone, SHARES, 0).values()) == {"train": 70, "val": 10, "test": 20}


def test_seeds_differ() -> None:
    """Another seed draws other splits."""
    many = [Item(AI, "s", f"g{n}") for n in range(60)]
    assert draw_splits(many, SHARES, 0) != draw_splits(many, SHARES, 1)


def test_what_has_a_split_keeps_it() -> None:
    """A picture stays in its split when others come, and they fill up the rest."""
    old = [Item(HUMAN, "s", f"g{n}", "test") for n in range(10)]
    new = [Item(HUMAN, "s", f"h{n}") for n in range(40)]
    splits = draw_splits([*old, *new], SHARES, 0)
    assert {splits[item.group] for item in old} == {"test"}
    assert Counter(splits[item.group] for item in new) == {"train": 35, "val": 5}


def test_a_group_that_bridges_splits_is_trained_on() -> None:
    """Where a new picture ties a test picture to a train one, none of them tests any more."""
    bridge = [Item(AI, "s", "g", "test"), Item(AI, "s", "g", "train"), Item(AI, "s", "g")]
    assert draw_splits(bridge, SHARES, 0) == {"g": "train"}


def test_a_split_without_a_share_gets_nothing() -> None:
    """No share, no pictures, not even those that were there before."""
    some = [Item(AI, "s", f"g{n}", "val" if n < 3 else None) for n in range(20)]
    splits = draw_splits(some, {"train": 0.8, "val": 0.0, "test": 0.2}, 0)
    assert "val" not in splits.values()
