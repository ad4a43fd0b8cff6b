"""Declarations, cameras and marks: shown as what they are, in every container."""

from __future__ import annotations

import json

import pytest
from PIL import Image, ImageDraw

from backend.domain import EvidenceStatus, Label
from backend.imaging.provenance.marks import SQUARES
from tests.imaging.provenance.written import (
    EXIF_CONTAINERS,
    XMP_CONTAINERS,
    packet,
    read,
    write,
)
from tests.pictures import draw, encode

IPTC_AI = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
DECLARED, UNREADABLE = EvidenceStatus.DECLARED, EvidenceStatus.UNREADABLE
AIGC = json.dumps({"Label": "1", "ContentProducer": "someone", "ProduceID": "7"})


@pytest.mark.parametrize("container", XMP_CONTAINERS)
@pytest.mark.parametrize(
    ("xmp", "words"),
    [
        (packet({"Iptc4xmpExt:DigitalSourceType": IPTC_AI}), "trained model"),
        (packet(elements={"Iptc4xmpExt:DigitalSourceType": IPTC_AI}), "trained model"),
        (packet({"xmp:CreatorTool": "Adobe Firefly 1.0"}), "Adobe Firefly"),
        (packet(elements={"TC260:AIGC": AIGC}), "AIGC label"),
        (packet({"Iptc4xmpExt:AISystemUsed": "Paintbot 3"}), "Paintbot 3"),
        (packet({"photoshop:Credit": "Made with Google AI"}), "Made with Google AI"),
    ],
    ids=["attribute", "element", "tool", "aigc", "system", "credit"],
)
def test_xmp_declarations(container: str, xmp: str, words: str) -> None:
    """Each declaration is found by its place in the packet, and speaks for AI unsigned."""
    found = read(write(container, xmp=xmp))["declaration"]
    assert (found.status, found.label) == (DECLARED, Label.AI_GENERATED)
    assert words in found.detail


@pytest.mark.parametrize("container", EXIF_CONTAINERS)
@pytest.mark.parametrize(
    "exif", [{"Software": "Midjourney"}, {"Make": "Ideogram AI"}, {"UserComment": AIGC}], ids=str
)
def test_exif_declarations(container: str, exif: dict[str, str | bytes]) -> None:
    """A generator's name as the whole name of the program, and AIGC labels, are declarations."""
    found = read(write(container, exif=exif))["declaration"]
    assert (found.status, found.label) == (DECLARED, Label.AI_GENERATED)


@pytest.mark.parametrize(
    "name",
    [
        "compositeWithTrainedAlgorithmicMedia",
        "compositeSynthetic",
        "algorithmicMedia",
        "digitalCapture",
        "digitalCreation",
        "negativeFilm",
        "something-new",
    ],
)
def test_other_source_types_have_no_label(name: str) -> None:
    """Pictures that AI had a part in, or none, are told apart from those made by it."""
    found = read(write("JPEG", xmp=packet({"Iptc4xmpExt:DigitalSourceType": name})))["declaration"]
    assert (found.status, found.label) == (DECLARED, None)


def test_prompt_in_iptc_properties() -> None:
    """IPTC's property for prompts gives the prompt, apart from the sentence."""
    xmp = packet({"Iptc4xmpExt:AIPromptInformation": "a lighthouse"})
    found = read(write("PNG", xmp=xmp))["declaration"]
    assert found.prompt == "a lighthouse"
    assert "lighthouse" not in found.detail


@pytest.mark.parametrize("container", EXIF_CONTAINERS)
def test_camera_is_shown_and_proves_nothing(container: str) -> None:
    """Make, model, lens and maker notes are shown, with no label, in words that say as much."""
    exif: dict[str, str | bytes] = {
        "Make": "Canon",
        "Model": "Canon EOS R5",
        "LensModel": "RF24-70mm F2.8 L IS USM",
        "MakerNote": bytes(64),
        "Software": "Digital Photo Professional",
    }
    found = read(write(container, exif=exif))["camera"]
    assert (found.status, found.label) == (DECLARED, None)
    for words in ("device Canon EOS R5", "RF24-70mm", "maker notes", "proves nothing"):
        assert words in found.detail


def test_damaged_blocks_are_said_to_be_unreadable() -> None:
    """A damaged packet or EXIF block has a row of its own and takes no other finding along."""
    xmp = packet({"Iptc4xmpExt:DigitalSourceType": IPTC_AI}).replace("</rdf:RDF>", "<")
    broken = read(write("JPEG", xmp=xmp, exif={"Make": "Canon", "Software": "Midjourney"}))
    assert broken["camera"].status is DECLARED
    assert "Midjourney" in broken["declaration"].detail
    data = write("JPEG", exif={"Make": "Canon"}, xmp=packet({"xmp:CreatorTool": "Midjourney"}))
    found = read(data.replace(b"Exif\0\0MM\0*", b"Exif\0\0MM\0*"[:9] + b"!"))
    assert found["camera"].status is UNREADABLE
    assert found["declaration"].status is DECLARED


def with_squares(side_px: int = 1024) -> Image.Image:
    """Return a drawn picture with DALL·E 2's squares in its corner."""
    picture = draw(side_px, side_px)
    pen, square = ImageDraw.Draw(picture), side_px // 64
    for number, colour in enumerate(SQUARES):
        left = side_px - (5 - number) * square
        pen.rectangle((left, side_px - square, left + square - 1, side_px - 1), fill=colour)
    return picture


def test_squares_are_found_also_in_copies() -> None:
    """DALL·E 2's squares are found as they were, smaller, and after JPEG."""
    picture = with_squares()
    copies = [
        encode(picture, "PNG"),
        encode(picture, "JPEG", quality=75),
        encode(picture.resize((512, 512), Image.Resampling.LANCZOS), "JPEG", quality=85),
    ]
    for data in copies:
        found = read(data)["mark"]
        assert (found.status, found.label) == (DECLARED, Label.AI_GENERATED)


def test_squares_elsewhere_or_in_another_order_are_none() -> None:
    """Cropped, turned or mirrored squares are not what DALL·E 2 left."""
    picture = with_squares()
    for changed in (
        picture.crop((0, 0, 1000, 1000)),
        picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
        picture.crop((0, 200, 1024, 1024)),
    ):
        assert "mark" not in read(encode(changed, "PNG"))
