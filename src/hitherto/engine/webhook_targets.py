"""Which addresses webhooks may be sent to: public ones, unless a setting says otherwise.

The networks are those of IANA's special-purpose registries, written out here: what the standard
library calls global differs between releases of Python, and includes multicast.
"""

import ipaddress
import socket
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

from hitherto.settings import Settings

Address = IPv4Address | IPv6Address

_NOT_PUBLIC_IPV4 = tuple(
    map(
        IPv4Network,
        (
            "0.0.0.0/8",  # this host
            "10.0.0.0/8",
            "100.64.0.0/10",  # shared by the customers of a provider (CGNAT)
            "127.0.0.0/8",
            "168.63.129.16/32",  # the platform's services in every network of Azure
            "169.254.0.0/16",  # link-local; the metadata of cloud machines
            "172.16.0.0/12",
            "192.0.0.0/24",
            "192.0.2.0/24",  # documentation
            "192.88.99.0/24",  # relays to 6to4
            "192.168.0.0/16",
            "198.18.0.0/15",  # benchmarks
            "198.51.100.0/24",
            "203.0.113.0/24",
            "224.0.0.0/4",  # multicast
            "240.0.0.0/4",  # reserved, broadcast
        ),
    )
)
_PUBLIC_IPV6 = IPv6Network("2000::/3")
_NOT_PUBLIC_IPV6 = tuple(
    map(
        IPv6Network,
        (
            "2001::/23",  # protocols, with Teredo, whose addresses hold those of IPv4
            "2001:db8::/32",  # documentation
            "3fff::/20",
        ),
    )
)
_MAPPED = IPv6Network("::ffff:0:0/96")
_NAT64 = IPv6Network("64:ff9b::/96")
_6TO4 = IPv6Network("2002::/16")


@dataclass(frozen=True, slots=True)
class TargetPolicy:
    """Addresses that webhooks may connect to.

    private: all of them. loopback: those of this machine, in addition to public ones.
    """

    private: bool = False
    loopback: bool = False

    def allows(self, address: Address) -> bool:
        """Return whether a webhook may be sent to an address."""
        if self.private:
            return True
        # One behind a gateway of NAT64 or 6to4 is the gateway's own.
        local = _unwrap(address) if address in _MAPPED else address
        return is_public(address) or (self.loopback and local.is_loopback)


def policy_of(settings: Settings) -> TargetPolicy:
    """Return the policy of a process; a server bound to loopback may call loopback."""
    address = literal_address(settings.host)
    is_local = is_local_name(settings.host) or (address is not None and address.is_loopback)
    return TargetPolicy(private=settings.webhook_private_targets, loopback=is_local)


def is_public(address: Address) -> bool:
    """Return whether an address is one of the public internet, reached by every machine."""
    plain = _unwrap(address)
    if isinstance(plain, IPv4Address):
        return not any(plain in network for network in _NOT_PUBLIC_IPV4)
    return plain in _PUBLIC_IPV6 and not any(plain in network for network in _NOT_PUBLIC_IPV6)


def literal_address(host: str) -> Address | None:
    """Return the address that a host spells in any form that systems accept, or None.

    Among the forms of IPv4 are `127.1`, `0x7f000001`, `2130706433` and `0177.0.0.1`.
    """
    bare = host.removeprefix("[").removesuffix("]").removesuffix(".")
    try:
        return ipaddress.ip_address(bare)
    except ValueError:
        pass
    try:
        return IPv4Address(socket.inet_aton(bare))
    except (OSError, ValueError):
        # A zone is part of an address of this machine's own links.
        return None


def is_local_name(host: str) -> bool:
    """Return whether a name means this machine on every machine."""
    name = host.lower().removesuffix(".")
    return name == "localhost" or name.endswith(".localhost")


def _unwrap(address: Address) -> Address:
    """Return the IPv4 address inside an IPv6 address, if there is one."""
    if isinstance(address, IPv4Address):
        return address
    number = int(address)
    if address in _MAPPED or address in _NAT64:
        return IPv4Address(number & 0xFFFF_FFFF)
    if address in _6TO4:
        return IPv4Address(number >> 80 & 0xFFFF_FFFF)
    return address
