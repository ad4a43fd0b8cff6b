"""The loop as a team goes through it: check, label, export, learn, compare, serve, go back."""

from __future__ import annotations

import pytest

from tests.loop.rehearsal import Rehearsal, rehearse


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Rehearsal:
    """300 pictures, a real backend with the released weights, and the command line beside it."""
    home = tmp_path_factory.mktemp("loop") / "home"
    return rehearse(home, 300, 40)


def test_a_planted_domain_is_learnt_from_an_export_and_served(found: Rehearsal) -> None:
    """Its held-out error falls by half or more; the evaluation set loses no more than a point."""
    assert (found.logged, found.reviewed, found.exported) == (300, 300, 300)
    assert found.before is not None
    assert found.after is not None
    assert found.before.wrong >= 0.25
    assert found.after.wrong <= found.before.wrong / 2
    old, new = found.evaluation("balanced_accuracy")
    assert new >= old - 0.01
    assert f"Made {found.candidate} from" in found.trained
    assert found.after.versions == {found.candidate}


def test_the_way_back_is_whole(found: Rehearsal) -> None:
    """After the roll-back every held-out picture has the very score that it had before."""
    assert found.back is not None
    assert found.before is not None
    assert found.back.scores == found.before.scores
    assert found.back.versions == found.before.versions == {found.champion}
