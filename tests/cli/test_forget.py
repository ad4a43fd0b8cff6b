"""`brushmark forget`: asks, erases, and names what is out of reach."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest

from backend.storage.repository import PredictionFilter
from tests.cli.conftest import Brushmark
from tests.exporting.homes import open_home


def test_forget_erases_and_reports(brushmark: Brushmark, home: Path, tmp_path: Path) -> None:
    """A site goes with its pictures, and an export that holds it is named as out of reach."""
    with open_home(home) as parts:
        parts.stock(6)
    assert brushmark("export", tmp_path / "a.zip").code == 0
    ran = brushmark("forget", "--site", "gallery.example", "--yes")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.startswith("Forgot 2 predictions, 2 pictures, 2 reviews.")
    assert "OUT OF REACH: the export" in ran.out
    with open_home(home) as parts:
        assert parts.repository.count_predictions(PredictionFilter()) == 4


@pytest.mark.parametrize("answer", ["n\n", "\n", ""])
def test_forget_asks_first(
    brushmark: Brushmark, home: Path, monkeypatch: pytest.MonkeyPatch, answer: str
) -> None:
    """Without --yes and an answer nothing is erased; without just one thing it is refused."""
    with open_home(home) as parts:
        parts.stock(2)
    monkeypatch.setattr(sys, "stdin", io.StringIO(answer))
    ran = brushmark("forget", "--before", "2100-01-01")
    assert ran.code == 1
    assert ran.err.endswith("brushmark: Nothing was erased. --yes does not ask.\n")
    assert brushmark("forget", "--yes").code == 1
    assert "just one" in brushmark("forget", "--site", "a", "--client", "b", "--yes").err
    with open_home(home) as parts:
        assert parts.repository.count_predictions(PredictionFilter()) == 2
