"""`brushmark export`: from a home to a zip, with every refusal in one line."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from backend.settings import Settings
from backend.storage import open_repository
from tests.cli.conftest import Brushmark
from tests.exporting.homes import UNSURE, document, drawn, manifest, open_home


@pytest.fixture
def stocked(home: Path) -> Path:
    with open_home(home) as parts:
        parts.stock(12)
        parts.log(drawn(50))
        parts.log(drawn(51), UNSURE)
    return home


def test_export_writes_a_zip_and_says_what_is_in_it(
    brushmark: Brushmark, stocked: Path, tmp_path: Path
) -> None:
    """It prints the splits and what was left out, and enters the export into the history."""
    target = tmp_path / "reviewed.zip"
    ran = brushmark("export", target, "--split", "50/25/25", "--site", "paintings.example")
    assert (ran.code, ran.err) == (0, "")
    assert "train: 1 AI-generated, 1 human-made" in ran.out
    assert "4 pictures in 4 groups." in ran.out
    assert document(target)["request"]["filter"] == {"site": "paintings.example"}
    assert len(manifest(target)) == 4
    ran = brushmark("export", tmp_path / "all.zip", "--split", "none", "--format", "csv")
    assert "2 left out: nobody" not in ran.out
    assert "1 left out: nobody reviewed them." in ran.out
    assert "1 left out: a curator cannot tell." in ran.out
    assert {row["split"] for row in manifest(tmp_path / "all.zip")} == {"train"}
    repository = open_repository(Settings(home=stocked))
    assert [(j.kind, j.state) for j in repository.list_jobs()] == [("export", "done")] * 2
    assert [event.action for event in repository.list_events()] == ["export"] * 2
    repository.close()


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["--site", "nowhere.example"], 1, "There is nothing to export"),
        (["--split", "80/80/10"], 1, "add up to 1.7"),
        (["--split", "most"], 1, "is no split"),
        (["--since", "yesterday"], 2, "is no moment"),
        (["--format", "parquet"], 2, "parquet"),
    ],
)
def test_what_will_not_do_is_refused(
    brushmark: Brushmark,
    stocked: Path,
    tmp_path: Path,
    arguments: list[str],
    code: int,
    words: str,
) -> None:
    """A wrong option or an empty export is told in a sentence, and no file is written."""
    ran = brushmark("export", tmp_path / "a.zip", *arguments)
    assert ran.code == code
    assert words in ran.err
    assert not (tmp_path / "a.zip").exists()


def test_a_file_that_is_there_is_not_replaced(
    brushmark: Brushmark, stocked: Path, tmp_path: Path
) -> None:
    """An existing file stays unless --force is said, and a folder that is missing is told."""
    target = tmp_path / "a.zip"
    target.write_bytes(b"mine")
    ran = brushmark("export", target)
    assert (ran.code, target.read_bytes()) == (1, b"mine")
    assert "--force" in ran.err
    assert brushmark("export", target, "--force").code == 0
    assert zipfile.is_zipfile(target)
    assert "no folder" in brushmark("export", tmp_path / "missing" / "a.zip").err
