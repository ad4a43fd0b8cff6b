"""Generators' own parameters are recognised in every container that can hold them."""

from __future__ import annotations

import pytest

from backend.domain import EvidenceStatus, Label
from tests.imaging.provenance.written import (
    ENLARGEMENT,
    EXIF_CONTAINERS,
    GENERATORS,
    PROMPT,
    hide,
    read,
    write,
)
from tests.pictures import draw, encode

CASES = [
    (name, container)
    for name, (_, texts, _) in GENERATORS.items()
    for container in (("PNG",) if texts else EXIF_CONTAINERS)
]


@pytest.mark.parametrize(("name", "container"), CASES)
def test_each_generator_in_each_container(name: str, container: str) -> None:
    """The row names the tool, is declared, speaks for AI, and gives the prompt where there is."""
    tool, texts, exif = GENERATORS[name]
    found = read(write(container, texts=texts, exif=exif))["generator"]
    assert found.status is EvidenceStatus.DECLARED
    assert found.label is Label.AI_GENERATED
    assert tool in found.detail
    if "grok" not in name and "drawn" not in name:
        assert (found.prompt or "").startswith(PROMPT)
    assert PROMPT not in found.detail


def test_a_workflow_that_generates_nothing_speaks_for_nothing() -> None:
    """A graph that enlarges a loaded picture is shown, and has no label."""
    found = read(write(texts={"prompt": ENLARGEMENT}))["generator"]
    assert (found.status, found.label) == (EvidenceStatus.DECLARED, None)
    assert "edits" in found.detail


@pytest.mark.parametrize("form", ["pnginfo", "pngcomp", "rgbinfo", "rgbcomp"])
def test_parameters_hidden_in_pixels(form: str) -> None:
    """NovelAI's copy in the lowest bits is found, plain or packed, in alpha or in the colours."""
    found = read(encode(hide(draw(mode="RGBA"), form), "PNG"))["generator"]
    assert found.label is Label.AI_GENERATED
    assert "NovelAI" in found.detail
    assert "hidden" in found.detail
    assert found.prompt == PROMPT


def test_no_parameters_is_absent() -> None:
    """A picture without parameters has a row that says so, and that it means nothing."""
    for container in (*EXIF_CONTAINERS, "GIF"):
        found = read(write(container))["generator"]
        assert (found.status, found.label) == (EvidenceStatus.ABSENT, None)
        assert "says nothing" in found.detail
