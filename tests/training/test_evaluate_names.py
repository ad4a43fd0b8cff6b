"""Tables by name, parts of the originals, aims, the ledger and what is remembered."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from backend.domain import Label
from backend.errors import BadRun
from backend.training.evaluate import Scores
from backend.training.evaluation import aims, findings, openings
from backend.training.evaluation.memory import Remembered
from backend.training.evaluation.mistakes import worst
from backend.training.evaluation.scoring import limited
from backend.training.evaluation.tables import table
from backend.training.manifest import Row


def _row(number: int, label: Label, source: str, **more: str) -> Row:
    ai = label is Label.AI_GENERATED
    return Row(
        number=number,
        file=Path(f"{number}.jpg"),
        path=f"{number}-whole.jpg",
        label=label,
        generator="gen" if ai else "human",
        kind=more.pop("kind", "art"),
        source=source,
        group=f"g{number}",
        split="val",
        licence="drawn",
        sha256=f"{number:064x}",
        more=more,
    )


def _scores(rows: list[Row], scores: list[float]) -> Scores:
    return Scores(
        tuple(rows),
        np.zeros(len(rows)),
        np.array(scores),
        np.zeros((len(rows), 0), np.float16),
        np.array([r.target for r in rows]),
    )


def test_tables_are_worst_first_and_weigh_names_alike() -> None:
    """A large good source does not hide a small bad one, and tiny ones are not called worst."""
    human = Label.HUMAN_MADE
    rows = [_row(i, human, "large") for i in range(20)]
    rows += [_row(20 + i, human, "bad") for i in range(6)]
    rows += [_row(30, human, "tiny"), _row(31, Label.AI_GENERATED, "other")]
    found = table(
        _scores(rows, [0.1] * 20 + [0.9] * 3 + [0.45] * 3 + [0.9, 0.9]),
        "source",
        "Sources",
        human,
        low=0.4,
        high=0.6,
    )
    assert [line.name for line in found.lines] == ["tiny", "bad", "large"]
    assert found.macro.value == pytest.approx((0 + 0.5 + 1) / 3)
    assert found.worst is not None
    assert (found.worst.name, found.worst.wronged, found.worst.undecided) == ("bad", 0.5, 0.5)


def test_a_column_that_is_not_there_says_so() -> None:
    """Without a family column all generated pictures are of a family that is not stated."""
    rows = [_row(i, Label.AI_GENERATED, "s") for i in range(3)]
    found = table(_scores(rows, [0.9] * 3), "family", "F", Label.AI_GENERATED, low=0.4, high=0.6)
    assert [line.name for line in found.lines] == ["not stated"]


def test_parts_hold_originals_of_like_size_and_leave_graphics_out() -> None:
    """A part has figures where both classes have ten originals, and none is made of less."""
    rows, scores = [], []
    for i in range(40):
        label = Label.AI_GENERATED if i % 2 else Label.HUMAN_MADE
        side = "800" if i < 24 else "3000"
        kind = "graphic" if i in (38, 39) else "art"
        rows.append(_row(i, label, "s", original_width=side, original_height=side, kind=kind))
        scores.append(0.8 if i % 2 else 0.2)
    parts = findings.subsets(_scores(rows, scores), low=0.4, high=0.6)
    assert [part.n["ai_generated"] for part in parts] == [12, 19]
    assert parts[0].title.startswith("originals of like size")
    assert parts[1].title == "without graphics"
    assert parts[0].figures["auc"].value == 1.0


def test_aims_are_those_of_the_split() -> None:
    """Unseen sources have lower aims, error rates are met from below, train has none."""
    figures = {"auc": 0.93, "ece": 0.05}
    unseen = {aim.key: aim.met_by(value) for aim, value in aims.standing("unseen", figures)}
    assert unseen == {"auc": True, "ece": True}
    known = {aim.key: aim.met_by(value) for aim, value in aims.standing("val", figures)}
    assert known == {"auc": False, "ece": False}
    assert aims.standing("train", figures) == []


def test_worst_mistakes_are_wrong_and_in_order() -> None:
    """Right answers are no mistakes; the surest wrong one comes first."""
    rows = [_row(i, Label.HUMAN_MADE, "s") for i in range(4)]
    assert worst(_scores(rows, [0.6, 0.2, 0.95, 0.7]), Label.HUMAN_MADE, most=2) == [2, 3]


def test_a_quick_look_keeps_views_together_and_grows_into_a_longer_one() -> None:
    """Half of each class, every view of an original, and a part of any larger look."""
    rows = []
    for i in range(40):
        row = _row(i, Label.AI_GENERATED if i % 2 else Label.HUMAN_MADE, "s")
        rows += [row, replace(row, path=f"{i}-crop.jpg")]
    few, more = limited(rows, 6), limited(rows, 20)
    assert len(few) == 12
    assert sum(r.target for r in few) == 6
    assert {r.path for r in few} < {r.path for r in more}
    assert limited(rows, None) == tuple(rows)


def _opening(split: str, sha: str = "a") -> openings.Opening:
    return openings.Opening("2026-11-24T10:00:00", "v1", sha, split, "m", "brushmark evaluate")


def test_looks_at_sealed_splits_are_counted(tmp_path: Path) -> None:
    """Those of the release and those since are told apart; other weights and val do not count."""
    ledger = tmp_path / "runs" / "openings.jsonl"
    for opening in (_opening("test"), _opening("test"), _opening("val"), _opening("test", "b")):
        openings.record(ledger, opening)
    assert len(openings.read(ledger)) == 3
    assert openings.count(ledger, "a", {"data": {"openings": {"test": 1}}}) == {
        "test": {"by_the_release": 1, "by_evaluate": 2},
        "unseen": {"by_the_release": 0, "by_evaluate": 0},
    }


def test_a_damaged_ledger_is_refused(tmp_path: Path) -> None:
    """A line that cannot be read might be a look: it is never passed over."""
    ledger = tmp_path / "openings.jsonl"
    ledger.write_text('{"split": "test"\n', encoding="utf-8")
    with pytest.raises(BadRun, match="line 1"):
        openings.count(ledger, "a", {})


def test_what_is_remembered_outlives_a_crash(tmp_path: Path) -> None:
    """A line that was cut off is forgotten, the others are kept, the next begins its own."""
    path = tmp_path / "scores" / "clean.jsonl"
    with Remembered(path) as memory:
        memory.add("a", {"logit": 1.25})
    with path.open("a", encoding="utf-8") as file:
        file.write('{"sha256": "b", "log')
    with Remembered(path) as memory:
        assert memory.get("a") == {"logit": 1.25}
        assert memory.get("b") is None
        memory.add("c", {"logit": -0.1})
    assert Remembered(path).get("c") == {"logit": -0.1}
    with pytest.raises(ValueError, match="open it first"):
        Remembered(path).add("d", {})
