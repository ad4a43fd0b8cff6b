"""Which Host headers are ours: the wall against DNS rebinding (Ollama, CVE-2024-28224)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from backend.errors import BadSetting, HostRefused
from backend.settings import EVERY_ADDRESS, Settings, in_address

_HOST = re.compile(r"(?P<name>\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::(?P<port>[0-9]{1,5}))?", re.A)
_LOOPBACK = ("localhost", "127.0.0.1", "[::1]")
_HTTP = 80


@dataclass(frozen=True, slots=True)
class Hosts:
    """The (name, port) pairs a request may name; a port of None stands for none given."""

    allowed: frozenset[tuple[str, int | None]]

    @classmethod
    def of(cls, settings: Settings) -> Hosts:
        """Allow the loopback names and the address we listen on, and what the owner trusts besides.

        The address we listen on counts where it is one, not every address of the machine. A
        trusted host without a port is taken as it is or with our port, with one only so.

        Raises:
            BadSetting: a trusted host that is none.
        """
        own = settings.host.lower()
        names = {*_LOOPBACK}
        if own not in EVERY_ADDRESS:
            names.add(in_address(own))
        allowed: set[tuple[str, int | None]] = {(name, settings.port) for name in names}
        if settings.port == _HTTP:
            allowed |= {(name, None) for name in names}
        for entry in settings.trusted_hosts:
            split = _split(entry)
            if split is None:
                raise BadSetting(
                    f"BRUSHMARK_TRUSTED_HOSTS has “{entry}”, which is no host name; "
                    "name hosts like brushmark.example.org or 192.168.1.5:8765."
                )
            name, port = split
            allowed |= {(name, port)} if port else {(name, None), (name, settings.port)}
        return cls(frozenset(allowed))

    def require(self, header: str | None) -> None:
        """Return if a Host header names us. Raises `HostRefused`."""
        split = _split(header or "")
        if split is None or split not in self.allowed:
            raise HostRefused(
                "This server does not answer to that host name. Its owner can add one to "
                "BRUSHMARK_TRUSTED_HOSTS."
            )


def _split(text: str) -> tuple[str, int | None] | None:
    match = _HOST.fullmatch(text.lower())
    if match is None:
        return None
    return match["name"], int(match["port"]) if match["port"] else None
