"""`brushmark import`: from a zip or a folder into a home, whole or with one clear line."""

from __future__ import annotations

from pathlib import Path

from tests.cli.conftest import Brushmark
from tests.exporting.homes import drawn, open_home
from tests.fakes import FakeJudge


def test_a_round_trip_through_the_command_line(
    brushmark: Brushmark, home: Path, tmp_path: Path
) -> None:
    """Export, a new home, import, export: the same bytes, and no model was needed."""
    with open_home(home) as parts:
        parts.stock(4)
    assert brushmark("export", tmp_path / "a.zip").code == 0
    home.rename(tmp_path / "before")
    ran = brushmark("import", tmp_path / "a.zip")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out == "Imported 4 pictures and 4 labels (a Brushmark export).\n"
    assert brushmark("export", tmp_path / "b.zip").code == 0
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()


def test_a_folder_is_judged_and_what_will_not_do_is_told(
    brushmark: Brushmark, judge: FakeJudge, tmp_path: Path
) -> None:
    """Pictures of a folder are judged; each that cannot be read is named with the reason."""
    for name in ("ai", "human"):
        (tmp_path / "set" / name).mkdir(parents=True)
    (tmp_path / "set" / "ai" / "a.jpg").write_bytes(drawn(1))
    (tmp_path / "set" / "human" / "b.jpg").write_bytes(drawn(2))
    (tmp_path / "set" / "human" / "c.jpg").write_bytes(b"nonsense")
    ran = brushmark("import", tmp_path / "set")
    assert (ran.code, judge.calls) == (0, 2)
    assert "Imported 2 pictures and 2 labels (an image folder)." in ran.out
    assert "LEFT OUT human/c.jpg: " in ran.out
    assert "no file or folder" in brushmark("import", tmp_path / "nope").err
