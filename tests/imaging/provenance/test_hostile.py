"""Hostile files: no reader fails, grows or hangs, and none takes another's finding along."""

from __future__ import annotations

import struct
import zlib

import pytest

from backend.domain import Evidence, EvidenceStatus, Label
from backend.imaging.decode import decode
from backend.imaging.provenance.ledger import Ledger, shipped_ledger
from backend.imaging.provenance.original import Original
from backend.imaging.provenance.segments import read_metadata
from backend.imaging.provenance.segments.metadata import MAX_BLOCK_BYTES, MAX_TEXT_BYTES
from backend.imaging.provenance.trust_list import TrustList
from backend.imaging.provenance.wording import clean
from tests.imaging.provenance.fuzz import fuzz
from tests.imaging.provenance.signing import authority, sign
from tests.imaging.provenance.written import INFOTEXT, packet, read, write
from tests.pictures import draw, encode, jpeg

PNG = write("PNG")
BODY = PNG.index(b"IHDR") + 21


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def with_chunks(*chunks: bytes) -> bytes:
    return PNG[:BODY] + b"".join(chunks) + PNG[BODY:]


def test_compressed_bombs_in_text_chunks() -> None:
    """Text that would unpack to a gigabyte is left at a megabyte, and the row says unreadable."""
    bomb = zlib.compress(bytes(50 * 1024 * 1024))
    for body in (
        chunk(b"zTXt", b"parameters\0\0" + bomb),
        chunk(b"iTXt", b"parameters\0\1\0\0\0" + bomb),
    ):
        found = read(with_chunks(*[body] * 20))
        assert found["generator"].status is EvidenceStatus.UNREADABLE
        assert "larger than anybody writes" in found["generator"].detail


def test_a_bomb_does_not_hide_what_is_sound() -> None:
    """Parameters beside a bomb are read all the same."""
    bomb = chunk(b"zTXt", b"other\0\0" + zlib.compress(bytes(50 * 1024 * 1024)))
    sound = chunk(b"tEXt", b"parameters\0" + INFOTEXT.encode())
    assert read(with_chunks(bomb, sound))["generator"].label is Label.AI_GENERATED


def test_many_and_huge_texts() -> None:
    """Of texts without number, and of sizes nobody writes, a bounded part is taken."""
    many = with_chunks(*(chunk(b"tEXt", b"k%d\0" % i + bytes(100)) for i in range(5000)))
    huge = with_chunks(*(chunk(b"tEXt", b"k%d\0" % i + bytes(900_000)) for i in range(12)))
    for data in (many, huge, with_chunks(chunk(b"tEXt", b"k\0" + bytes(2 * MAX_BLOCK_BYTES)))):
        found = read_metadata(data)
        assert found.too_much
        assert sum(len(text) for _, text in found.texts) <= MAX_TEXT_BYTES
        assert len(found.texts) <= 64


@pytest.mark.parametrize(
    "xmp",
    [
        '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;">]><x>&b;&b;&b;</x>',
        '<!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/passwd">]><x>&f;</x>',
        "<x>" * 100_000,
        "<x>" * 100_000 + "</x>" * 100_000,
        "no xml at all",
        '<?xml version="1.0" encoding="no-such-encoding"?><x/>',
    ],
    ids=["entities", "file", "open", "deep", "text", "encoding"],
)
def test_hostile_xmp(xmp: str) -> None:
    """Entities, endless nesting and nonsense in XMP cost a row at most."""
    found = read(write("PNG", xmp=xmp, exif={"Make": "Canon"}))
    assert found["camera"].status is EvidenceStatus.DECLARED
    assert found.get("declaration", found["camera"]).label is None


def tiff(entries: list[tuple[int, int, int, int]], order: str = "<") -> bytes:
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "I", 8)
    body = b"".join(struct.pack(order + "HHII", *entry) for entry in entries)
    return head + struct.pack(order + "H", len(entries)) + body


@pytest.mark.parametrize(
    "block",
    [
        tiff([(0x8769, 4, 1, 8)]),  # the EXIF directory is the first directory itself
        tiff([(0x010F, 2, 0xFFFFFFFF, 8)]),  # four gigabytes of a maker's name
        tiff([(0x010F, 2, 100, 0xFFFFFFF0)]),  # far behind the end
        tiff([(0x9286, 7, 1_000_000, 0)] * 500),
        b"II*\0" + struct.pack("<I", 0xFFFFFFFF),
        b"II*\0\x08\0\0\0" + b"\xff\xff",
        b"MM\0*",
        b"",
    ],
    ids=["loop", "huge", "outside", "many", "far", "cut", "short", "empty"],
)
def test_hostile_exif(block: bytes) -> None:
    """Loops, sizes and addresses that lie cost the camera's row at most."""
    data = jpeg()
    segment = b"\xff\xe1" + (len(block) + 8).to_bytes(2) + b"Exif\0\0" + block
    found = read(data[:2] + segment + data[2:])
    assert found["generator"].status is EvidenceStatus.ABSENT
    assert found.get("camera", found["generator"]).status in {
        EvidenceStatus.UNREADABLE,
        EvidenceStatus.ABSENT,
        EvidenceStatus.DECLARED,
    }


def test_deep_json_in_parameters() -> None:
    """JSON nested without end is no parameters, and no recursion error."""
    for text in ("[" * 100_000, '{"a":' * 100_000, "{" + '"a":1,' * 100_000 + '"b":2}'):
        found = read(write("PNG", texts={"prompt": text, "parameters": text}))
        assert found["generator"].label is None


@pytest.mark.parametrize("kept", range(0, 60, 7))
def test_truncated_boxes_of_avif(kept: int) -> None:
    """An AVIF file cut or stretched within its boxes gives what can be read, and no error."""
    data = write("AVIF", exif={"Make": "Canon"}, xmp=packet({"xmp:CreatorTool": "Midjourney"}))
    meta = data.index(b"meta")
    for changed in (data[: meta + kept], data[: meta + kept] + b"\xff" * 8 + data[meta + kept :]):
        assert read_metadata(changed).format == "AVIF"


class Crashing:
    """A reader that fails in a way of its own."""

    kind = "crashing"
    about = "Nothing"

    def __init__(self, error: BaseException) -> None:
        self.error = error

    def read(self, original: Original) -> list[Evidence]:
        raise self.error


@pytest.mark.parametrize("error", [ValueError(), MemoryError(), RecursionError(), OSError()])
def test_a_crashing_reader_harms_no_other(error: BaseException) -> None:
    """Whatever a reader raises becomes its row; all others are asked."""
    ledger = Ledger(TrustList.shipped())
    ledger.readers = (Crashing(error), *ledger.readers, Crashing(error))
    data = write("PNG", texts={"parameters": INFOTEXT})
    rows = ledger.read(data, decode(data).image)
    assert [row.status for row in rows if row.kind == "crashing"] == [EvidenceStatus.UNREADABLE] * 2
    assert [row for row in rows if row.kind != "crashing"] == list(
        shipped_ledger().read(data, decode(data).image)
    )


def test_names_cannot_steer_or_hide() -> None:
    """Control, bidirectional and invisible characters of foreign names go; lengths are bounded."""
    name = "Can\u202eon\x1b[31m\u200b EOS\n\n\tR5\ud800" + "x" * 5000
    shown = read(write("JPEG", exif={"Make": name.encode("utf-8", "replace")}))["camera"].detail
    assert shown.isprintable()
    assert len(shown) < 400
    assert clean(name).startswith("Canon[31m EOS R5")


def test_a_short_fuzz() -> None:
    """Mutated files of every kind are read without a crash; `make fuzz-evidence` runs it long."""
    ledger = Ledger(TrustList(authority().pem))
    outcome = fuzz(300, seed=1, ledger=ledger, more=[sign(jpeg()), encode(draw(), "PNG")])
    assert outcome.crashes == []
    assert outcome.files == 300
