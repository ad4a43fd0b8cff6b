"""Whose request a public page's is, behind however many proxies of ours."""

from __future__ import annotations

import ipaddress


def visitor_address(peer: str | None, forwarded_for: str | None) -> str | None:
    """Return the address by which a public backend limits rates; None at the machine's own screen.

    The peer's, unless it is on this machine or network, as a proxy of ours is: then the last
    entry of X-Forwarded-For that is not. What stands before that entry anybody may have written.

    >>> visitor_address("10.0.0.3", "6.6.6.6, 203.0.113.9, 10.0.0.7")
    '203.0.113.9'
    >>> visitor_address("198.51.100.4", "6.6.6.6")
    '198.51.100.4'
    """
    if forwarded_for and _is_near(peer or "127.0.0.1"):
        entries = [entry.strip() for entry in reversed(forwarded_for.split(","))]
        for entry in entries:
            if not _is_address(entry):
                break
            if not _is_near(entry):
                return entry
    return peer


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _is_near(text: str) -> bool:
    try:
        parsed = ipaddress.ip_address(text)
    except ValueError:
        return False
    plain = getattr(parsed, "ipv4_mapped", None) or parsed
    # Python counts documentation ranges as private; a proxy of ours is in none of them.
    return any(plain in network for network in _NEAR)


_NEAR = tuple(
    map(
        ipaddress.ip_network,
        ("127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "::1", "fc00::/7"),
    )
)
"""This machine and private networks (RFC 1918, RFC 4193)."""
