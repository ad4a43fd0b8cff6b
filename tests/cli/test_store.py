"""`brushmark store`, end to end on a home with records."""

from __future__ import annotations

import json
from pathlib import Path

from tests.cli.conftest import Brushmark
from tests.fakes import FakeJudge
from tests.pictures import jpeg


def test_backup_and_restore_round_trip(
    brushmark: Brushmark, judge: FakeJudge, tmp_path: Path, home: Path
) -> None:
    """A backup restores into an empty home, which then verifies."""
    (tmp_path / "a.jpg").write_bytes(jpeg())
    assert brushmark("check", "--log", tmp_path / "a.jpg").code == 0
    made = brushmark("store", "backup", tmp_path / "backup")
    assert (made.code, made.err) == (0, "")
    assert "1 predictions" in made.out
    home.rename(tmp_path / "gone")
    assert brushmark("store", "restore", tmp_path / "backup").code == 0
    assert brushmark("store", "verify").code == 0
    assert brushmark("store", "compact").code == 0


def test_damage_fails_the_verification(
    brushmark: Brushmark, judge: FakeJudge, tmp_path: Path, home: Path
) -> None:
    """A store whose file was overwritten is reported and gives exit code 1."""
    (tmp_path / "a.jpg").write_bytes(jpeg())
    brushmark("check", "--log", tmp_path / "a.jpg")
    for path in home.glob("store.sqlite3*"):
        path.write_bytes(b"\xff" * path.stat().st_size)
    ran = brushmark("store", "verify")
    assert ran.code == 1
    assert ran.out + ran.err != ""


def test_what_is_not_there_is_one_line(brushmark: Brushmark, tmp_path: Path) -> None:
    """Without a store, or without a file to import, each command gives one line."""
    for arguments in (
        ("verify",),
        ("compact",),
        ("backup", tmp_path / "x"),
        ("restore", tmp_path / "y"),
        ("import", tmp_path / "z.json"),
    ):
        ran = brushmark("store", *arguments)
        assert (ran.code, ran.out) == (1, "")
        assert ran.err.startswith("brushmark: ")
        assert ran.err.count("\n") == 1


def test_a_plain_tinydb_file_is_imported(
    brushmark: Brushmark, judge: FakeJudge, tmp_path: Path
) -> None:
    """Documents of a TinyDB JSON file join the log; those that are none of ours are reported."""
    (tmp_path / "a.jpg").write_bytes(jpeg())
    record = json.loads(brushmark("check", "--json", tmp_path / "a.jpg").out)
    (tmp_path / "old.json").write_text(
        json.dumps({"predictions": {"1": record, "2": {"what": "?"}}}), encoding="utf-8"
    )
    ran = brushmark("store", "import", tmp_path / "old.json")
    assert ran.code == 1  # the second is no record
    assert "1" in ran.out
    assert brushmark("store", "verify").code == 0
