"""Which addresses of the internet are public. Pure: nothing is resolved here and nothing is connected to."""

from __future__ import annotations

import ipaddress
import re

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_GLOBAL_UNICAST = ipaddress.IPv6Network("2000::/3")
# Beside what ``is_global`` knows, which differs between versions of Python: IANA's special-purpose registry, relays of
# 6to4, and the addresses in public ranges at which clouds serve a machine's own metadata.
_NOT_PUBLIC = tuple(
    ipaddress.ip_network(each)
    for each in (
        "192.0.0.0/24",
        "192.31.196.0/24",
        "192.52.193.0/24",
        "192.88.99.0/24",
        "192.175.48.0/24",
        "168.63.129.16/32",
        "2001::/23",
        "2001:db8::/32",
        "2002::/16",
        "2620:4f:8000::/48",
        "3fff::/20",
    )
)
_NUMBER = re.compile(r"0[xX][0-9a-fA-F]*|[0-9]+")


def plain(address: Address) -> Address:
    """The IPv4 address inside an IPv4-mapped or NAT64 one, which is where a connection to it ends; else the same."""
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return address.ipv4_mapped
        if address in _NAT64:
            return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address


def is_public(address: Address) -> bool:
    """Whether an address belongs to some host on the internet, and to no private, local or special purpose.

    Private, loopback, link-local, shared, multicast, reserved and unspecified addresses are not public, nor are those
    that carry another address inside (6to4, Teredo), nor is any IPv6 address outside of global unicast.
    """
    found = plain(address)
    if isinstance(found, ipaddress.IPv6Address) and found not in _GLOBAL_UNICAST:
        return False
    if not found.is_global or found.is_multicast or found.is_reserved:
        return False
    return not any(found in network for network in _NOT_PUBLIC)


def literal(host: str) -> Address | None:
    """The address that a URL's host is, in its usual form; None for a name."""
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def is_odd_number(host: str) -> bool:
    """Whether a host is a number in an unusual form (``2130706433``, ``0x7f.1``, ``017700000001``), as some read it."""
    return literal(host) is None and _NUMBER.fullmatch(host.rpartition(".")[2]) is not None
