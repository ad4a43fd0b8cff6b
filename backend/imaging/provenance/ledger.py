"""The evidence ledger: every reader asked in turn, none able to harm the others."""

from __future__ import annotations

import logging
from functools import cache
from typing import Protocol

from PIL import Image

from backend.domain import Evidence
from backend.imaging.provenance.camera import CameraReader
from backend.imaging.provenance.credentials import CredentialsReader
from backend.imaging.provenance.declarations import DeclarationReader
from backend.imaging.provenance.generators import GeneratorReader
from backend.imaging.provenance.marks import MarkReader
from backend.imaging.provenance.original import Original
from backend.imaging.provenance.rows import unreadable
from backend.imaging.provenance.trust_list import TrustList
from backend.imaging.provenance.watermark import WatermarkReader

log = logging.getLogger(__name__)


class Reader(Protocol):
    """One way of asking a file where it comes from."""

    kind: str
    """What its findings are called in records."""
    about: str
    """What it looks for, as the row says when it cannot be read."""

    def read(self, original: Original) -> list[Evidence]:
        """Return what was found; what is raised becomes a row that says `unreadable`."""


class Ledger:
    """Reads all evidence of a file. Safe to call from many threads."""

    def __init__(self, trust: TrustList, *, watermark: bool = False) -> None:
        """Set the readers up; that of the invisible watermark is slow, so it is asked for."""
        extra: tuple[Reader, ...] = (WatermarkReader(),) if watermark else ()
        self.readers: tuple[Reader, ...] = (
            CredentialsReader(trust),
            GeneratorReader(),
            DeclarationReader(),
            CameraReader(),
            MarkReader(),
            *extra,
        )

    def read(self, data: bytes, image: Image.Image) -> tuple[Evidence, ...]:
        """Return the findings of every reader, the weightiest kinds first.

        `data` are the original bytes, `image` what they decode to.
        """
        original = Original(data, image)
        return tuple(row for reader in self.readers for row in _asked(reader, original))


@cache
def shipped_ledger() -> Ledger:
    """Return the ledger with the trust list that ships."""
    return Ledger(TrustList.shipped())


def _asked(reader: Reader, original: Original) -> list[Evidence]:
    try:
        return reader.read(original)
    except Exception as error:  # foreign bytes may bring down any parser: a row, and on
        log.info("evidence unreadable", extra={"kind": reader.kind, "reason": type(error).__name__})
        return [unreadable(reader.kind, f"{reader.about} could not be read: damaged or cut short.")]
