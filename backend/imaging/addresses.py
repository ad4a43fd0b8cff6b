"""Which network addresses belong to the public internet."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Sequence

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_GLOBAL_UNICAST = ipaddress.ip_network("2000::/3")

_DENIED = tuple(
    ipaddress.ip_network(network)
    for network in (
        "100.64.0.0/10",  # carrier-grade NAT (RFC 6598)
        "168.63.129.16/32",  # a cloud's platform service at an address that is not its own
        "192.0.0.0/24",  # protocol assignments (RFC 6890)
        "192.88.99.0/24",  # 6to4 relays (RFC 7526)
        "198.18.0.0/15",  # benchmarks (RFC 2544)
        "240.0.0.0/4",  # reserved, and broadcast
        "2001::/23",  # protocol assignments, Teredo among them (RFC 4380)
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4: an IPv4 address inside (RFC 3056)
        "3fff::/20",  # documentation (RFC 9637)
    )
)


def is_public(address: Address) -> bool:
    """Say whether an address is of one machine on the public internet.

    `ipaddress.is_global` alone is not enough: it passes addresses that carry another one inside
    (6to4, NAT64) and multicast. IPv6 must lie in 2000::/3, which leaves out `::/96`,
    `64:ff9b::/96` and `64:ff9b:1::/48` (NAT64), `fc00::/7`, `fe80::/10`, `fec0::/10` and
    `ff00::/8`; a mapped IPv4 address (`::ffff:0:0/96`) is judged by the one inside.
    Source: the IANA special-purpose address registries (RFC 6890).
    """
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return is_public(address.ipv4_mapped)
        if address not in _GLOBAL_UNICAST:
            return False
    if not address.is_global or address.is_multicast:
        return False
    return not any(address in network for network in _DENIED)


def resolve(host: str, port: int) -> Sequence[Address]:
    """Ask the system for a host's addresses, once; a literal comes back as what it means.

    `2130706433`, `0x7f000001` and `127.1` are addresses to the system, so they are judged as
    such and never as text.

    Raises:
        OSError: there are none.
    """
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(ipaddress.ip_address(str(entry[4][0])) for entry in found))
