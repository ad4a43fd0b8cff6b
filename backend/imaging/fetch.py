"""Fetch a picture by its address without becoming anybody's errand boy (SSRF)."""

from __future__ import annotations


def fetch(url: str) -> bytes:
    """Return the bytes at an http(s) address of the public internet.

    Interface (to be filled in).

    Raises:
        UrlRefused: not an address that we fetch from (scheme, port, userinfo, private address).
        UrlUnreachable: no answer in time, too many hops, an error status.
        TooLarge: more than 20 MB.
        UnsupportedType: the answer says it is no picture.
    """
    raise NotImplementedError
