"""What people's pictures carry, and what is written to mislead, gets no AI verdict from a file."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import pytest

from backend.domain import Basis, Evidence, Outcome, Prediction
from backend.imaging.decode import decode
from backend.imaging.provenance.ledger import Ledger, shipped_ledger
from backend.imaging.provenance.trust_list import TrustList
from backend.verdict import Weight, decide, weight
from tests.fakes import FakeJudge
from tests.imaging.files import chunk
from tests.imaging.provenance.signing import CAPTURE, authority, sign
from tests.imaging.provenance.written import (
    COMFY_PROMPT,
    ENLARGEMENT,
    INFOTEXT,
    MIDJOURNEY,
    XMP_CONTAINERS,
    packet,
    write,
)
from tests.pictures import draw, encode

CAMERA: dict[str, str | bytes] = {
    "Make": "NIKON CORPORATION",
    "Model": "NIKON Z 8",
    "LensModel": "NIKKOR Z 24-120mm f/4 S",
    "MakerNote": b"Nikon\0" + bytes(90),
    "UserComment": "Steps to the harbour, seed of an idea, size: large",
}
EDITOR: dict[str, str | bytes] = {
    "Software": "Adobe Photoshop 26.1 (Windows)",
    "Artist": "Someone",
    "ImageDescription": "Prompt: painted over a sketch, 20 steps, 512x512",
}
SCANNER: dict[str, str | bytes] = {
    "Make": "EPSON",
    "Model": "Perfection V850",
    "Software": "SilverFast",
}
PHONE: dict[str, str | bytes] = {"Make": "Google", "Model": "Pixel 10", "Software": "HDR+ 1.0"}
STOCK = packet(
    {
        "photoshop:Credit": "Stock Agency / Midjourney Images Ltd",
        "photoshop:Headline": "AI-generated look, made by hand; DALL-E, Stable Diffusion style",
        "xmp:CreatorTool": "Adobe Photoshop Lightroom Classic 14.1",
        "Iptc4xmpExt:DigitalSourceType": (
            "http://cv.iptc.org/newscodes/digitalsourcetype/digitalCapture"
        ),
        "plus:DataMining": "http://ns.useplus.org/ldf/vocab/DMI-PROHIBITED-AIMLTRAINING",
    },
    {"dc:description": "Made with Midjourney? No: oil on canvas. Job ID: none"},
)
PAINTED = packet(
    {
        "xmp:CreatorTool": "Krita 5.2",
        "Iptc4xmpExt:DigitalSourceType": (
            "http://cv.iptc.org/newscodes/digitalsourcetype/digitalCreation"
        ),
    }
)
SCANNED = packet(
    {
        "Iptc4xmpExt:DigitalSourceType": (
            "http://cv.iptc.org/newscodes/digitalsourcetype/negativeFilm"
        )
    }
)
TEXTS = {
    "Software": "GIMP 3.0",
    "Comment": "Created with GIMP, not NovelAI",
    "Description": "A ComfyUI-like still life, prompt and workflow by hand",
    "Title": "Stable Diffusion of ink",
    "prompt": "paint a lighthouse",
    "parameters": "brush 4, opacity 80",
    "workflow": "sketch, ink, colour",
}
ENLARGED = {"prompt": ENLARGEMENT}


def peoples_pictures() -> Iterator[tuple[str, bytes]]:
    """Yield drawn pictures with what cameras, editors, agencies and scanners write, by name."""
    for container in XMP_CONTAINERS:
        for name, exif in (
            ("camera", CAMERA), ("editor", EDITOR), ("scanner", SCANNER), ("phone", PHONE),
        ):  # fmt: skip
            if container != "GIF":
                yield f"{name} in {container}", write(container, exif=exif)
                yield f"{name} and agency in {container}", write(container, exif=exif, xmp=STOCK)
        for name, xmp in (("agency", STOCK), ("painter", PAINTED), ("scan", SCANNED)):
            yield f"{name} in {container}", write(container, xmp=xmp)
        media = f"image/{container.lower()}"
        picture = encode(draw(96, 80), container)
        yield f"signed capture in {container}", sign(picture, media, source_type=CAPTURE)
    yield "texts in PNG", write("PNG", texts=TEXTS)
    yield "enlarged in PNG", write("PNG", texts=ENLARGED)


PEOPLES = dict(peoples_pictures())


def rows_of(data: bytes, ledger: Ledger | None = None) -> tuple[Evidence, ...]:
    return (ledger or shipped_ledger()).read(data, decode(data).image)


@pytest.mark.parametrize("trusted", [False, True])
def test_no_persons_picture_gets_an_ai_verdict_from_its_file(trusted: bool) -> None:
    """Camera, editor, agency and scanner metadata weigh nothing for AI, in every container."""
    ledger = Ledger(TrustList(authority().pem)) if trusted else shipped_ledger()
    policy, ref = FakeJudge().policy, FakeJudge().ref
    for name, data in PEOPLES.items():
        rows = rows_of(data, ledger)
        assert max(map(weight, rows)) is Weight.NONE, (name, rows)
        for score in (0.05, 0.4, 0.6):
            verdict = decide(Prediction(score, ref), rows, policy)
            assert verdict.basis is Basis.MODEL, name
            assert verdict.outcome is not Outcome.AI_GENERATED, name
            assert not verdict.conflict, name


BRAND_NAMES = (
    b"AUTOMATIC1111 ComfyUI Midjourney NovelAI DALL-E c2pa jumb trainedAlgorithmicMedia "
    b"parameters Steps: 20, Sampler: Euler, CFG scale: 7, Seed: 1, Size: 512x512"
)


@pytest.mark.parametrize("container", XMP_CONTAINERS)
def test_bytes_behind_the_end_are_not_read(container: str) -> None:
    """A trailer behind the end of the file changes no finding, whatever it says."""
    data = encode(draw(96, 80), container)
    told = write("PNG", texts={"parameters": INFOTEXT, "prompt": COMFY_PROMPT})
    for trailer in (BRAND_NAMES, told, sign(encode(draw(96, 80), "JPEG"))):
        assert rows_of(data + trailer) == rows_of(data)


def test_chunks_behind_the_end_are_not_read() -> None:
    """Chunks that are whole, and stand behind the end of a PNG or WebP file, are not the file's."""
    text = chunk(b"tEXt", b"parameters\0" + INFOTEXT.encode())
    xmp = packet({"xmp:CreatorTool": "Midjourney"}).encode()
    more = b"XMP " + len(xmp).to_bytes(4, "little") + xmp
    for data, behind in ((encode(draw(96, 80), "PNG"), text), (write("WEBP", exif=CAMERA), more)):
        assert rows_of(data + behind) == rows_of(data)


def test_brand_names_in_captions_are_none() -> None:
    """Names of generators in captions, titles and comments are no findings."""
    words = BRAND_NAMES.decode()
    files = [
        write("PNG", texts={"parameters": "Steps: 12, Seed: 40 carrots, soil: loose"}),
        write("JPEG", exif={"UserComment": "My Steps: 12, Sampler: none, Seed: 3, Size: large"}),
        write("JPEG", exif={"Software": "By hand, not Midjourney", "Make": "No DALL-E"}),
        write("JPEG", xmp=packet({"xmp:CreatorTool": "Krita, never Adobe Firefly"})),
        write("PNG", texts={"Comment": words, "Title": words, "Description": words}),
        write("JPEG", exif={"ImageDescription": words, "Artist": "Midjourney"}),
        write("JPEG", xmp=packet(elements={"dc:description": words})),
        encode(draw(96, 80), "JPEG", comment=BRAND_NAMES),
        encode(draw(96, 80), "GIF", comment=BRAND_NAMES),
    ]
    for data in files:
        assert max(map(weight, rows_of(data))) is Weight.NONE


def test_the_marker_of_another_document_is_not_this_pictures() -> None:
    """A source type within a description of an ingredient in XMP says nothing of the whole."""
    inner = packet({"Iptc4xmpExt:DigitalSourceType": "trainedAlgorithmicMedia"})
    body = inner[inner.index("<rdf:Description") : inner.index("</rdf:RDF>")]
    nested = packet().replace("></rdf:Description>", f"><xmp:Ingredients>{body}</xmp:Ingredients>"
                              "</rdf:Description>")  # fmt: skip
    assert nested != packet()
    assert max(map(weight, rows_of(write("JPEG", xmp=nested)))) is Weight.NONE


@pytest.mark.parametrize("texts", [{"parameters": INFOTEXT}, {"Description": MIDJOURNEY}], ids=str)
def test_parameters_pasted_into_a_photograph_do_not_decide(texts: dict[str, str]) -> None:
    """A photo that keeps its camera's EXIF beside pasted parameters is a conflict, no AI verdict.

    Where the camera's fields were removed the paste cannot be told from the real thing: then the
    file's account decides, and it is in conflict if the model sees a person's work.
    """
    policy, ref = FakeJudge().policy, FakeJudge().ref
    photo = write("PNG", exif=CAMERA, texts=texts)
    for score in (0.05, 0.5):
        verdict = decide(Prediction(score, ref), rows_of(photo), policy)
        assert verdict.outcome is Outcome.UNCERTAIN
        assert verdict.conflict
    bare = decide(Prediction(0.05, ref), rows_of(write("PNG", texts=texts)), policy)
    assert (bare.outcome, bare.basis) == (Outcome.AI_GENERATED, Basis.PROVENANCE)
    assert bare.conflict


def test_reading_changes_nothing() -> None:
    """The same bytes give the same rows, and stay the same bytes."""
    data = PEOPLES["camera and agency in JPEG"]
    before = hashlib.sha256(data).digest()
    assert rows_of(data) == rows_of(data)
    assert hashlib.sha256(data).digest() == before
