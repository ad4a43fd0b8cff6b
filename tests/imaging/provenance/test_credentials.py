"""Content Credentials, signed here with certificates of the tests' own."""

from __future__ import annotations

import hashlib
import socket
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path

import pytest
from cryptography import x509

from backend.domain import Evidence, EvidenceStatus, Label
from backend.errors import BadSetting
from backend.imaging.provenance.ledger import Ledger
from backend.imaging.provenance.trust_list import TrustList
from tests.imaging.provenance.signing import (
    CAPTURE,
    PARTLY_AI,
    authority,
    sign,
    sign_by_expired,
)
from tests.imaging.provenance.written import read, write
from tests.pictures import draw, encode, jpeg

PICTURE = jpeg()
AI, HUMAN = Label.AI_GENERATED, Label.HUMAN_MADE
VERIFIED, DECLARED = EvidenceStatus.VERIFIED, EvidenceStatus.DECLARED
INVALID, UNREADABLE = EvidenceStatus.INVALID, EvidenceStatus.UNREADABLE
MEDIA = {"JPEG": "jpeg", "PNG": "png", "WEBP": "webp", "AVIF": "avif", "GIF": "gif"}


def credential(data: bytes, trusted: str = "Brushmark Tests") -> Evidence:
    """Return the row of the credentials, with one authority on the trust list."""
    return read(data, Ledger(TrustList(authority(trusted).pem)))["c2pa"]


@pytest.mark.parametrize("container", MEDIA)
def test_signed_by_a_known_signer(container: str) -> None:
    """In every container a whole credential of a trusted signer is verified, and names both."""
    signed = sign(encode(draw(), container), f"image/{MEDIA[container]}")
    found = credential(signed)
    assert (found.status, found.label) == (VERIFIED, AI)
    assert "Paintbot" in found.detail
    assert "Brushmark Tests" in found.detail


def test_signed_by_a_stranger() -> None:
    """The same by a signer who is not on the list is declared: anyone may take any name."""
    found = credential(sign(PICTURE, by=authority("OpenAI")))
    assert (found.status, found.label) == (DECLARED, AI)
    assert "not on the trust list" in found.detail


def test_the_trust_list_can_be_replaced(tmp_path: Path) -> None:
    """A list in a file replaces the shipped one; a file that is none is refused in a sentence."""
    path = tmp_path / "list.pem"
    path.write_text(f"Subject CN=somebody\n{authority('OpenAI').pem}")
    signed = sign(PICTURE, by=authority("OpenAI"))
    assert read(signed, Ledger(TrustList.load(path)))["c2pa"].status is VERIFIED
    path.write_text("no certificate")
    with pytest.raises(BadSetting, match="no list of certificates"):
        TrustList.load(path)
    with pytest.raises(BadSetting, match="cannot be read"):
        TrustList.load(tmp_path / "nowhere.pem")


def test_the_shipped_list_is_the_one_that_was_taken() -> None:
    """The list is byte for byte what its README names, and most of its certificates still hold."""
    shipped = TrustList.shipped().pem.encode()
    readme = resources.files("backend.imaging.provenance") / "trust" / "README.md"
    assert hashlib.sha256(shipped).hexdigest() in readme.read_text("utf-8")
    certificates = x509.load_pem_x509_certificates(shipped)
    now = datetime.now(UTC)
    assert sum(c.not_valid_after_utc > now for c in certificates) > len(certificates) / 2 > 10


def test_signed_with_a_certificate_that_has_run_out() -> None:
    """Without a time stamp nobody knows when it was signed: declared, and the row says why."""
    signed, by = sign_by_expired(PICTURE)
    found = read(signed, Ledger(TrustList(by.pem)))["c2pa"]
    assert (found.status, found.label) == (DECLARED, AI)
    assert "had run out" in found.detail


@pytest.mark.parametrize("place", ["pixels", "manifest"])
def test_changed_after_signing(place: str) -> None:
    """One changed bit in the picture or in what was signed makes the credential invalid."""
    signed = bytearray(sign(PICTURE))
    signed[-500 if place == "pixels" else signed.index(b"Paintbot")] ^= 1
    found = credential(bytes(signed))
    assert (found.status, found.label) == (INVALID, None)
    assert "changed after signing" in found.detail or "signature does not hold" in found.detail


def test_credentials_moved_to_another_picture() -> None:
    """Credentials that were cut out of one file and put into another are invalid there."""
    signed, other = sign(PICTURE), jpeg(seed=1)
    start = signed.index(b"\xff\xeb")
    end = start + 2 + int.from_bytes(signed[start + 2 : start + 4])
    assert credential(other[:2] + signed[start:end] + other[2:]).status is INVALID


def test_stripped() -> None:
    """A copy without its credentials has none: absent, and that says nothing."""
    found = credential(PICTURE)
    assert (found.status, found.label) == (EvidenceStatus.ABSENT, None)
    assert "says nothing" in found.detail


def test_a_manifest_on_a_server_is_not_fetched(monkeypatch: pytest.MonkeyPatch) -> None:
    """A credential that lies elsewhere is unreadable; its host is named and never asked."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.2)
        port = server.getsockname()[1]
        found = credential(sign(PICTURE, remote=f"http://127.0.0.1:{port}/manifest.c2pa"))
        with pytest.raises(TimeoutError):
            server.accept()
    assert (found.status, found.label) == (UNREADABLE, None)
    assert "127.0.0.1" in found.detail


def test_ai_on_the_picture_it_was_opened_from() -> None:
    """What was said of the parent's creation holds for the picture, if both signers are known."""
    ours = sign(PICTURE)
    found = credential(sign(PICTURE, parent=ours))
    assert (found.status, found.label) == (VERIFIED, AI)
    twice = credential(sign(PICTURE, parent=sign(PICTURE, parent=ours)))
    assert (twice.status, twice.label) == (VERIFIED, AI)
    theirs = sign(PICTURE, by=authority("Stranger"))
    found = credential(sign(PICTURE, parent=theirs))
    assert (found.status, found.label) == (DECLARED, AI)
    assert "made from" in found.detail


def test_ai_in_a_part_of_the_picture() -> None:
    """What was placed into a picture, or edited in it, does not make the whole AI-generated."""
    placed = credential(sign(PICTURE, source_type=CAPTURE, component=sign(PICTURE)))
    edited = credential(sign(PICTURE, source_type=CAPTURE, edited=PARTLY_AI))
    for found in (placed, edited):
        assert (found.status, found.label) == (VERIFIED, None)
        assert "had a part" in found.detail


def test_a_broken_ingredient_says_nothing() -> None:
    """What a tampered parent claimed is not taken over from whoever opened it all the same."""
    broken = bytearray(sign(PICTURE))
    broken[-500] ^= 1
    assert credential(sign(PICTURE, parent=bytes(broken))).label is None


def test_capture_counts_from_a_known_signer_alone() -> None:
    """A camera's credential speaks for a person only where its signer is trusted."""
    ours = credential(sign(PICTURE, source_type=CAPTURE))
    theirs = credential(sign(PICTURE, source_type=CAPTURE, by=authority("Stranger")))
    assert (ours.status, ours.label) == (VERIFIED, HUMAN)
    assert (theirs.status, theirs.label) == (DECLARED, None)


def test_damaged_beyond_reading() -> None:
    """A manifest store that is no longer one gives an unreadable or invalid row and no error."""
    signed = sign(PICTURE)
    start = signed.index(b"\xff\xeb") + 40
    found = credential(signed[:start] + bytes(60) + signed[start + 60 :])
    assert found.status in {UNREADABLE, INVALID}
    assert found.label is None


def test_many_threads_share_a_ledger() -> None:
    """Files with and without credentials are read side by side, each with its own answer."""
    ledger = Ledger(TrustList(authority().pem))
    files = [sign(PICTURE), PICTURE, write("PNG"), sign(PICTURE, by=authority("Stranger"))] * 10
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda data: read(data, ledger)["c2pa"].status, files))
    assert found == [VERIFIED, EvidenceStatus.ABSENT, EvidenceStatus.ABSENT, DECLARED] * 10
