"""Who may vouch: the certificates that a chain of signatures has to end in."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from backend.errors import BadSetting

MAX_LIST_BYTES = 4 * 1024 * 1024
_SHIPPED = "c2pa-trust-list.pem"
_BEGIN = "-----BEGIN CERTIFICATE-----"


@dataclass(frozen=True, slots=True)
class TrustList:
    """Certificates in PEM; text between them is commentary."""

    pem: str

    @classmethod
    def shipped(cls) -> TrustList:
        """Return the list that came with Brushmark: see `trust/README.md`."""
        folder = resources.files("backend.imaging.provenance") / "trust"
        return cls((folder / _SHIPPED).read_text("utf-8"))

    @classmethod
    def load(cls, path: Path | None) -> TrustList:
        """Return the list in a file, or the shipped one where none is named.

        Raises:
            BadSetting: the file cannot be read, or holds no certificate.
        """
        if path is None:
            return cls.shipped()
        try:
            with path.open("rb") as file:
                pem = file.read(MAX_LIST_BYTES + 1).decode("utf-8", "replace")
        except OSError as error:
            raise BadSetting(
                f"BRUSHMARK_TRUST_LIST: {path} cannot be read ({error.strerror})."
            ) from error
        if _BEGIN not in pem or len(pem) > MAX_LIST_BYTES:
            raise BadSetting(
                f"BRUSHMARK_TRUST_LIST: {path} is no list of certificates in PEM "
                f"(“{_BEGIN}”), or is larger than 4 MB."
            )
        return cls(pem)
