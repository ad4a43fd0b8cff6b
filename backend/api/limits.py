"""Rate limits: a bucket of tokens for each client that refills steadily."""

from __future__ import annotations

import ipaddress
import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from backend.errors import Busy, SlowDown

_MAX_CLIENTS = 20_000
# This machine and private networks (RFC 1918, RFC 4193): where a reverse proxy of ours is.
_NEAR = tuple(
    map(
        ipaddress.ip_network,
        ("127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "::1", "fc00::/7"),
    )
)


@dataclass(frozen=True, slots=True)
class Rate:
    """So many requests a second in the long run, and so many at once."""

    per_s: float
    burst: int


class Buckets:
    """One bucket a client; the longest unused are forgotten first, when they are full anyway."""

    def __init__(self, rate: Rate, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate = rate
        self._clock = clock
        self._levels: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._lock = threading.Lock()

    def require(self, client: str, *, spend: bool = True) -> None:
        """Take one from a client's bucket, or only look. Raises `SlowDown` where it is empty."""
        with self._lock:
            now = self._clock()
            level, before = self._levels.get(client, (float(self._rate.burst), now))
            level = min(self._rate.burst, level + (now - before) * self._rate.per_s)
            if level < 1:
                wait_s = max(1, math.ceil((1 - level) / self._rate.per_s))
                raise SlowDown(f"Too many requests; try again in {wait_s} s.", wait_s)
            if spend:
                self._levels[client] = (level - 1, now)
                self._levels.move_to_end(client)
                while len(self._levels) > _MAX_CLIENTS:
                    self._levels.popitem(last=False)


class Bulkhead:
    """Keeps some of the server's threads free, so that health answers while all else waits."""

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self._places = threading.BoundedSemaphore(capacity)

    def enter(self) -> None:
        """Take a place. Raises `Busy` where none is free."""
        if not self._places.acquire(blocking=False):
            raise Busy("The server is busy; try again in a second.")

    def leave(self) -> None:
        """Give the place back."""
        self._places.release()


def address_key(address: str) -> str:
    """Name the bucket of an address: an IPv6 subscriber has a whole /64.

    >>> address_key("2001:db8::1:2:3"), address_key("192.0.2.7"), address_key("?")
    ('2001:db8::/64', '192.0.2.7', 'unknown')
    """
    with suppress(ValueError):
        parsed = ipaddress.ip_address(address)
        if parsed.version == 6 and not parsed.ipv4_mapped:
            return str(ipaddress.ip_network((int(parsed), 64), strict=False))
        return str(getattr(parsed, "ipv4_mapped", None) or parsed)
    return "unknown"


def client_address(peer: str, forwarded_for: str | None, public: bool) -> str:
    """Return whose request it is.

    The peer's, unless the server is public and the peer is on this machine or network, as a
    reverse proxy is: then the last entry of X-Forwarded-For, which that proxy wrote itself.
    """
    if public and forwarded_for and _is_near(peer):
        last = forwarded_for.rpartition(",")[2].strip()
        if address_key(last) != "unknown":
            return last
    return peer


def _is_near(peer: str) -> bool:
    try:
        parsed = ipaddress.ip_address(peer)
    except ValueError:
        return False
    plain = getattr(parsed, "ipv4_mapped", None) or parsed
    return any(plain in network for network in _NEAR)
