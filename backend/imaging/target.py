"""A web address taken apart, and refused where we do not fetch from it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

from backend.errors import UrlRefused

DEFAULT_PORTS = {"http": 80, "https": 443}
MAX_URL_CHARS = 4096
_HOST = re.compile(r"[a-z0-9_.-]{1,253}|[0-9a-f:.]+:[0-9a-f:.]*", re.ASCII | re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Target:
    """A web address in parts that were each checked."""

    scheme: str
    host: str
    port: int
    path: str

    @classmethod
    def parse(cls, url: str, ports: frozenset[int]) -> Target:
        """Take an address apart. Raises `UrlRefused` where it is not one that we fetch from."""
        unreadable = UrlRefused("That is no web address that can be read. Check it.")
        if len(url) > MAX_URL_CHARS or re.search(r"[\x00-\x20\x7f\\]", url):
            raise unreadable
        try:
            parts = urlsplit(url)
            if parts.scheme not in DEFAULT_PORTS:
                raise UrlRefused("Only addresses that begin with http:// or https:// are fetched.")
            host, port = _ascii_host(parts.hostname or ""), parts.port
        except ValueError as error:
            raise unreadable from error
        if "@" in parts.netloc:
            raise UrlRefused("Addresses with a user name or password in them are not fetched.")
        port = DEFAULT_PORTS[parts.scheme] if port is None else port
        if port not in ports:
            raise UrlRefused("Pictures are fetched from the usual web ports (80, 443) alone.")
        path = quote(parts.path or "/", safe="/%:;=@!$&'()*+,~")
        if parts.query:
            path += "?" + quote(parts.query, safe="/%:;=@!$&'()*+,~?")
        return cls(parts.scheme, host, port, path)

    def headers(self) -> dict[str, str]:
        """Return all that is sent along."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        usual = self.port == DEFAULT_PORTS[self.scheme]
        return {
            "Host": host if usual else f"{host}:{self.port}",
            "User-Agent": "Brushmark",
            "Accept": "image/*",
            "Accept-Encoding": "identity",
            "Connection": "close",
        }


def _ascii_host(host: str) -> str:
    """Return a host's name in ASCII, or raise `ValueError` (`UnicodeError` is one)."""
    if ":" not in host:
        host = host.encode("idna").decode("ascii")
    if not _HOST.fullmatch(host):
        raise ValueError(host)
    return host
