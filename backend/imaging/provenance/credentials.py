"""C2PA Content Credentials: is the signature whole, who signed, and what do they say?

Read with c2pa-python (https://opensource.contentauthenticity.org/docs/c2pa-python/), offline: no
manifest and no certificate status is ever fetched.
"""

from __future__ import annotations

import io
import json
import re
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit

from backend.domain import Evidence, Label
from backend.imaging.provenance.claims import Claims, read_claims
from backend.imaging.provenance.original import Original
from backend.imaging.provenance.rows import absent, declared, invalid, unreadable, verified
from backend.imaging.provenance.trust_list import TrustList
from backend.imaging.provenance.validity import Validity, judge
from backend.imaging.provenance.wording import clean
from backend.imaging.provenance.xmp import DCTERMS

KIND = "c2pa"
ABSENT = "No Content Credentials. Most pictures have none or lost them on the way: it says nothing."
DAMAGED = "Content Credentials are there, and too damaged to be read."

_TYPES = {
    "JPEG": "image/jpeg",
    "PNG": "image/png",
    "WEBP": "image/webp",
    "GIF": "image/gif",
    "AVIF": "image/avif",
}
MAX_MANIFEST_MB = 16
_REMOTE = re.compile(r"https?://\S+")


class CredentialsReader:
    """Reads the manifest store that a file carries."""

    kind = KIND
    about = "Content Credentials"

    def __init__(self, trust: TrustList) -> None:
        self._trust = trust

    def read(self, original: Original) -> list[Evidence]:
        """Return one row: verified, declared, invalid, unreadable or absent."""
        media_type = _TYPES.get(original.metadata.format)
        if media_type is None or not (original.metadata.has_credentials or _remote(original)):
            return [absent(KIND, ABSENT)]
        return [self._row(original.data, media_type)]

    def _row(self, data: bytes, media_type: str) -> Evidence:
        from c2pa import C2paError, Reader

        try:
            reader = Reader.try_create(media_type, io.BytesIO(data), context=self._context)
            if reader is None:  # the container has them, and the library finds none
                return unreadable(KIND, DAMAGED)
            with reader:
                report = json.loads(reader.json())
        except C2paError as error:
            return _refused(str(error))
        return describe(report)

    @cached_property
    def _context(self) -> Any:
        # Made at the first file with credentials: the library takes a moment to load.
        from c2pa import Context

        return Context.from_dict(
            {
                "verify": {
                    "verify_trust": True,
                    "remote_manifest_fetch": False,
                    "ocsp_fetch": False,
                },
                "core": {
                    "allowed_network_hosts": [],
                    "max_decompressed_manifest_size_in_mb": MAX_MANIFEST_MB,
                },
                "trust": {"trust_anchors": self._trust.pem},
            }
        )


def describe(report: dict[str, Any]) -> Evidence:
    """Turn the library's report on a manifest store into a row."""
    claims = read_claims(report)
    validity, reason = judge(report, claims.on_ingredient)
    if validity is Validity.BROKEN:
        return invalid(KIND, f"Content Credentials are there, and do not count: {reason}.")
    label = Label.AI_GENERATED if claims.wholly_ai else None
    if validity is Validity.TRUSTED:
        if claims.captured and not (claims.wholly_ai or claims.partly_ai):
            label = Label.HUMAN_MADE
        return verified(
            KIND, f"{_said(claims)} {_signer(claims)}, who is on the trust list.", label
        )
    return declared(KIND, f"{_said(claims)} {_signer(claims)}; {reason}.", label)


def _said(claims: Claims) -> str:
    with_tool = f" with {claims.tool}" if claims.tool else ""
    if claims.wholly_ai:
        return f"Content Credentials say that this was generated{with_tool}."
    if claims.partly_ai:
        return f"Content Credentials say that AI had a part in this{with_tool}."
    if claims.captured:
        return f"Content Credentials say that this was captured{with_tool}."
    return f"Content Credentials name no AI{f'; written{with_tool}' if with_tool else ''}."


def _signer(claims: Claims) -> str:
    when = f" on {claims.signed_on}" if claims.signed_on else ""
    return f"Signed{when} by {claims.signer or 'somebody without a name'}"


def _remote(original: Original) -> bool:
    """Say whether XMP names a manifest that lies elsewhere."""
    try:
        return f"{DCTERMS}provenance" in original.xmp
    except ValueError:  # the row of declarations says so
        return False


def _refused(message: str) -> Evidence:
    address = _REMOTE.search(message)
    if address and "remote" in message.lower():
        host = clean(urlsplit(address[0]).hostname or "another server")
        return unreadable(
            KIND,
            f"The Content Credentials lie on a server ({host}). Brushmark fetches nothing, so "
            "they were not looked at.",
        )
    return unreadable(KIND, DAMAGED)
