"""A kill -9 at any moment loses nothing that was acknowledged."""

from __future__ import annotations

from pathlib import Path

from tests.storage.crash import KINDS, run


def test_kill9(tmp_path: Path) -> None:
    """After kills while inserting, reviewing, backing up, migrating: all is there and verifies."""
    totals = run(16, tmp_path, seed=1)
    assert totals.lost == []
    assert totals.unreadable == []
    assert set(totals.points) == set(KINDS)
    assert totals.acknowledged["insert"] > 50
