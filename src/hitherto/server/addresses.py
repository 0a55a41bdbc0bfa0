"""Addresses of callers: the key that limits are counted by, and the proxies that are trusted."""

import functools
import ipaddress
from collections.abc import Iterable

from starlette.types import Scope

IPV6_PREFIX_BITS = 64
"""Prefix by which IPv6 callers are limited: every customer has at least a /64."""

MAX_ADDRESS_CHARS = 64
"""A trusted proxy may forward any text as an address; this much of it is kept."""

UNKNOWN = "unknown"
"""Callers without an address, as over a Unix socket, share one limit."""


def address_of(scope: Scope) -> str:
    """Return the caller's address as limits count it.

    Behind a trusted proxy uvicorn has put the forwarded address into the scope.
    """
    client = scope.get("client")
    return counted_address(client[0]) if client else UNKNOWN


@functools.lru_cache(4096)
def counted_address(host: str) -> str:
    """Return an IPv4 address, an IPv6 /64 network, or the start of any other text."""
    if len(host) > MAX_ADDRESS_CHARS:
        return host[:MAX_ADDRESS_CHARS]
    try:
        address = _address(host)
    except ValueError:
        return host
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    return str(ipaddress.IPv6Network((int(address), IPV6_PREFIX_BITS), strict=False))


class TrustedProxies:
    """Addresses and networks of the proxies whose `X-Forwarded-For` counts."""

    def __init__(self, networks: Iterable[str]) -> None:
        self._networks = [ipaddress.ip_network(network) for network in networks]

    def __contains__(self, host: str) -> bool:
        try:
            address = _address(host)
        except ValueError:
            return False
        return any(address in network for network in self._networks)


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """Parse an address without its zone; an IPv4 address written as IPv6 becomes IPv4."""
    address = ipaddress.ip_address(host.partition("%")[0])
    mapped = getattr(address, "ipv4_mapped", None)
    return address if mapped is None else mapped
