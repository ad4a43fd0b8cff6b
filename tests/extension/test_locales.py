"""Every language says everything that English says."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.extension.browser import EXTENSION

LOCALES = sorted(path.parent for path in EXTENSION.glob("_locales/*/messages.json"))


def messages(locale: Path) -> dict[str, str]:
    document = json.loads((locale / "messages.json").read_text("utf-8"))
    return {key: entry["message"] for key, entry in document.items()}


@pytest.mark.parametrize("locale", LOCALES, ids=lambda path: path.name)
def test_keys_and_placeholders_are_those_of_english(locale: Path) -> None:
    """A language has the same keys as English, and the same values go into each sentence."""
    english, here = messages(EXTENSION / "_locales" / "en"), messages(locale)
    assert here.keys() == english.keys()
    for key, text in here.items():
        assert text.strip(), key
        assert sorted(re.findall(r"\$\d", text)) == sorted(re.findall(r"\$\d", english[key])), key
