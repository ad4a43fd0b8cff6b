"""The pages that describe command line and settings say what is so."""

from __future__ import annotations

import re
from enum import StrEnum
from pathlib import Path

from backend.cli.reference import reference
from backend.cli.streamlit_program import dashboard_environment
from backend.settings import NAMES, PREFIX, Settings

DOCS = Path(__file__).parents[2] / "docs"
ROW = re.compile(r"^\| `(BRUSHMARK_\w+)` \| `?([^|`]+)`? \| (.+) \|$", re.MULTILINE)


def settings_page() -> str:
    return (DOCS / "settings.md").read_text(encoding="utf-8")


def as_text(value: object) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, StrEnum):
        return value.value
    return "none" if value is None or value == () else str(value)


def test_the_reference_is_what_help_says() -> None:
    """docs/cli.md is the help of today; `make docs` writes it anew."""
    assert (DOCS / "cli.md").read_text(encoding="utf-8") == reference()


def test_every_setting_is_described_with_its_default() -> None:
    """docs/settings.md names every setting, no other, each with the default in force."""
    rows = {name: default.strip() for name, default, _ in ROW.findall(settings_page())}
    assert list(rows) == list(NAMES)
    defaults = Settings.from_env({})
    for name, default in rows.items():
        if name != "BRUSHMARK_HOME":
            assert default == as_text(getattr(defaults, name.removeprefix(PREFIX).lower())), name


def test_what_the_dashboard_is_told_is_described() -> None:
    """The variables that the dashboard is started with are on the page too."""
    page = settings_page()
    for name in dashboard_environment(Settings.from_env({})):
        assert f"`{name}`" in page


def test_no_setting_in_the_documents_is_unknown() -> None:
    """No page speaks of a BRUSHMARK_ name that does not exist."""
    known = {*NAMES, *dashboard_environment(Settings.from_env({}))}
    pages = [*DOCS.glob("*.md"), DOCS.parent / "README.md"]
    for page in pages:
        named = set(re.findall(r"\bBRUSHMARK_[A-Z_]+[A-Z]\b", page.read_text(encoding="utf-8")))
        assert named <= known, (page.name, sorted(named - known))
