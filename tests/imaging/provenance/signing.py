"""Sign pictures with certificates that the tests make themselves."""

from __future__ import annotations

import io
import json
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from c2pa import Builder, C2paError, C2paSignerInfo, Context, Signer
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

AI = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
PARTLY_AI = "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia"
CAPTURE = "http://cv.iptc.org/newscodes/digitalsourcetype/digitalCapture"

# Signing checks what was signed; the tests make what does not hold on purpose.
_SETTINGS = {
    "verify": {
        "verify_after_sign": False,
        "verify_trust": False,
        "remote_manifest_fetch": False,
        "ocsp_fetch": False,
    },
    "builder": {"thumbnail": {"enabled": False}},
}


@dataclass(frozen=True)
class Authority:
    """A certificate authority of the tests, and a signer whom it certified."""

    pem: str
    chain: str
    key: str


def authority(name: str = "Brushmark Tests") -> Authority:
    """Make an authority with a signer, once for each name."""
    return _authority(name)


@cache
def _authority(name: str) -> Authority:
    return _make_authority(name, datetime.now(UTC) + timedelta(days=30))


def sign_by_expired(picture: bytes, seconds: int = 2) -> tuple[bytes, Authority]:
    """Sign with a certificate that has run out when this returns.

    The library signs with none that has run out already, so this one is given a moment to live.
    """
    until = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=seconds)
    short_lived = _make_authority("Brushmark Tests", until)
    try:
        signed = sign(picture, by=short_lived)
    except C2paError:  # the machine was too slow for that moment
        return sign_by_expired(picture, 2 * seconds)
    time.sleep(max(0.0, (until - datetime.now(UTC)).total_seconds()) + 1.1)
    return signed, short_lived


def _make_authority(name: str, until: datetime) -> Authority:
    root_key, leaf_key = (
        ec.generate_private_key(ec.SECP256R1()),
        ec.generate_private_key(ec.SECP256R1()),
    )
    root_name, leaf_name = _name(f"{name} Root"), _name(f"{name} Signer", name)
    late = until + timedelta(days=365)
    root = _certificate(root_name, root_name, root_key.public_key(), root_key, late, ca=True)
    leaf = _certificate(leaf_name, root_name, leaf_key.public_key(), root_key, until, ca=False)
    key = leaf_key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return Authority(_pem(root), _pem(leaf) + _pem(root), key.decode())


def sign(
    picture: bytes,
    media_type: str = "image/jpeg",
    *,
    by: Authority | None = None,
    source_type: str = AI,
    agent: str = "Paintbot",
    edited: str | None = None,
    parent: bytes | None = None,
    component: bytes | None = None,
    remote: str | None = None,
) -> bytes:
    """Return the picture with Content Credentials that say what is asked for.

    It was created as `source_type` by `agent`, or opened from `parent`; then `component` was placed
    into it; then it was edited with a tool of the source type `edited`.
    """
    by = by or authority()
    definition: dict[str, Any] = {
        "claim_generator_info": [{"name": "Brushmark tests", "version": "1"}],
        "assertions": [],
    }
    with Context.from_dict(_SETTINGS) as context, Builder(json.dumps(definition), context) as made:
        if parent is None:
            creation = {"action": "c2pa.created", "softwareAgent": {"name": agent}}
            made.add_action({**creation, "digitalSourceType": source_type})
        given = ((parent, "parentOf", "c2pa.opened"), (component, "componentOf", "c2pa.placed"))
        for ingredient, relation, action in given:
            if ingredient is not None:
                about = {"title": "ingredient", "relationship": relation, "label": relation}
                made.add_ingredient(about, media_type, io.BytesIO(ingredient))
                made.add_action({"action": action, "parameters": {"ingredientIds": [relation]}})
        if edited is not None:
            made.add_action({"action": "c2pa.edited", "digitalSourceType": edited})
        if remote is not None:
            made.set_no_embed()
            made.set_remote_url(remote)
        info = C2paSignerInfo(b"es256", by.chain.encode(), by.key.encode(), None)
        signed = io.BytesIO()
        with Signer.from_info(info) as signer:
            made.sign(signer, media_type, io.BytesIO(picture), signed)
    return signed.getvalue()


def _name(common: str, organisation: str = "Brushmark Tests") -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.COUNTRY_NAME, "DE"),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, organisation),
            x509.NameAttribute(NameOID.COMMON_NAME, common),
        ]
    )


def _certificate(
    subject: x509.Name,
    issuer: x509.Name,
    public: ec.EllipticCurvePublicKey,
    signer: ec.EllipticCurvePrivateKey,
    until: datetime,
    *,
    ca: bool,
) -> x509.Certificate:
    now = datetime.now(UTC)
    issuer_id = x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key())
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=100))
        .not_valid_after(until)
        .add_extension(x509.BasicConstraints(ca=ca, path_length=1 if ca else None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .add_extension(issuer_id, critical=False)
        .add_extension(_usage(ca), critical=True)
    )
    if not ca:
        purpose = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION])
        builder = builder.add_extension(purpose, critical=False)
    return builder.sign(signer, hashes.SHA256())


def _usage(ca: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not ca,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=ca,
        crl_sign=ca,
        encipher_only=False,
        decipher_only=False,
    )


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()
