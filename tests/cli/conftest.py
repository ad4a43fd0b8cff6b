"""Fixtures: a home of its own for each test, and `brushmark` as a shell would call it."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from backend.cli import main
from tests.fakes import FakeJudge


@dataclass(frozen=True)
class Ran:
    code: int
    out: str
    err: str


Brushmark = Callable[..., Ran]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An environment with no setting but a home that does not exist yet."""
    for name in [n for n in os.environ if n.startswith("BRUSHMARK_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("BRUSHMARK_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def brushmark(capsys: pytest.CaptureFixture[str]) -> Brushmark:
    """Call the command line; return exit code, stdout and stderr."""

    def call(*arguments: str) -> Ran:
        capsys.readouterr()
        with pytest.raises(SystemExit) as exit_info:
            main([str(a) for a in arguments])
        out, err = capsys.readouterr()
        return Ran(int(exit_info.value.code or 0), out, err)

    return call


@pytest.fixture
def judge(monkeypatch: pytest.MonkeyPatch) -> FakeJudge:
    """Have the fake judge loaded in place of weights."""
    fake = FakeJudge()
    monkeypatch.setattr("backend.model.registry.load_judge", lambda *_: fake)
    return fake
