"""The pure modules, by Node's own test runner."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.extension.browser import EXTENSION
from tests.extension.nodes import node

LIB = Path(__file__).parent / "lib"
SCRIPTS = sorted(p for p in EXTENSION.rglob("*.js"))


def test_the_units_pass() -> None:
    """Every unit test beside this file passes under Node's test runner."""
    ran = node("--test", *sorted(LIB.glob("*.test.mjs")), cwd=LIB)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "# fail 0" in ran.stdout or "ℹ fail 0" in ran.stdout, ran.stdout


def test_every_script_is_valid() -> None:
    """Every script parses, those that only a browser runs as well."""
    checks = [node("--check", path, cwd=EXTENSION) for path in SCRIPTS]
    assert [each.stderr for each in checks if each.returncode] == []


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda p: p.relative_to(EXTENSION).as_posix())
def test_no_markup_is_ever_read_from_data(path: Path) -> None:
    """No script writes markup, makes code from text, or runs a page's words."""
    text = path.read_text("utf-8")
    for word in (
        "innerHTML",
        "outerHTML",
        "insertAdjacentHTML",
        "eval(",
        "new Function",
        "document.write",
    ):
        assert word not in text, word
