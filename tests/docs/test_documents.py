"""The documents hold together, and say nothing that belongs elsewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.docs.markdown import ROOT, anchors, broken, documents, links, prose

DOCUMENTS = documents()
# Put together from halves: the names must not stand in the project, this file included.
REGISTRIES = [
    "".join(halves)
    for halves in (
        ("pypi", ".org"),
        ("python", "hosted.org"),
        ("registry.", "npmjs"),
        ("npmjs", ".com"),
        ("yarnpkg", ".com"),
        ("proxy.", "golang"),
        ("crates", ".io"),
        ("conda.", "anaconda"),
    )
]
PERSONAL_PATH = re.compile(
    r"/home/[A-Za-z_]|/Users/[A-Za-z_]|[A-Za-z]:\\+Users\\|/root/|/work/|/tmp/bash_jobs"
)
ISSUE_NUMBER = re.compile(
    r"(?<![\w&/])#\d+\b|\bissues?\s+(?:number\s+|no\.?\s*|#)?\d|/issues/\d|\bGH-\d", re.IGNORECASE
)
EXPECTED = [
    "README.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "docs/architecture.md",
    "docs/background.md",
    "docs/privacy.md",
    "docs/security.md",
    "docs/verdicts.md",
]


def every_document(test):
    return pytest.mark.parametrize(
        "document", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix()
    )(test)


@pytest.mark.parametrize("name", EXPECTED)
def test_document_exists(name: str) -> None:
    """Each document that readers are sent to is there, and is not empty."""
    assert (ROOT / name).read_text("utf-8").strip()


@every_document
def test_relative_links_resolve(document: Path) -> None:
    """Every relative link leads to a file of the project, and its fragment to a heading."""
    text = document.read_text("utf-8")
    assert [why for target in links(text) if (why := broken(document, target))] == []


@every_document
def test_names_no_personal_path(document: Path) -> None:
    """No document names a folder of somebody's machine."""
    assert PERSONAL_PATH.findall(document.read_text("utf-8")) == []


@every_document
def test_names_no_package_registry(document: Path) -> None:
    """No document names a package registry's host: an install follows the reader's own setup."""
    text = document.read_text("utf-8").lower()
    assert [host for host in REGISTRIES if host in text] == []


@every_document
def test_names_no_issue_number(document: Path) -> None:
    """No document sends its reader to an issue number: it explains itself."""
    assert ISSUE_NUMBER.findall(prose(document.read_text("utf-8"))) == []


def test_broken_links_are_found() -> None:
    """A missing file, a missing heading and a way out of the project are each reported."""
    document = ROOT / "README.md"
    assert broken(document, "docs/no-such.md") == "docs/no-such.md does not exist"
    assert broken(document, "docs/background.md#no-such") is not None
    assert broken(document, "../elsewhere.md") is not None
    assert broken(document, "docs/background.md#credits") is None
    assert broken(document, "https://example.org/nowhere") is None


def test_links_in_code_are_not_links() -> None:
    """What looks like a link inside code is left alone; outside, every form is seen."""
    text = (
        '`[a](code.md)` [b](one.md) ![c](two.png "title")\n'
        '```text\n[d](fenced.md)\n```\n[e]: three.md\n<img src="four.png">\n'
    )
    assert list(links(text)) == ["one.md", "two.png", "three.md", "four.png"]


def test_anchors_are_written_as_github_writes_them() -> None:
    """Headings become lower-case fragments without punctuation, and repeated ones are numbered."""
    text = "# An honest “uncertain”\n## `make run`, twice\n## Twice\n## Twice\n"
    assert anchors(text) == {"an-honest-uncertain", "make-run-twice", "twice", "twice-1"}


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        (PERSONAL_PATH, "see /home/" + "ada/pictures"),
        (PERSONAL_PATH, "see C:\\Users\\" + "ada"),
        (ISSUE_NUMBER, "fixed in #" + "12"),
        (ISSUE_NUMBER, "see issue " + "9"),
    ],
)
def test_what_must_not_stand_is_found(pattern: re.Pattern[str], text: str) -> None:
    """The patterns find what they are there to find."""
    assert pattern.search(text)
