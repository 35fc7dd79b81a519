"""Where webhooks may go: to addresses that everybody on the internet can reach, and nowhere else.

Checked where an address is given and again for each connection, by the very address that is connected to:
what a name resolves to is its owner's to say, and may be another a moment later.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Final
from urllib.parse import urlsplit

RESOLVE_S = 5.0
_EMBEDDING: Final = tuple(
    map(ip_network, ("64:ff9b::/96", "64:ff9b:1::/48", "2001::/32", "2002::/16", "::/96"))
)
"""IPv6 that leads to an IPv4 address which stands in it: NAT64, Teredo, 6to4 and what was before them."""


class AddressRefused(OSError):
    """An `OSError`, as a connection that is not made is one."""


def is_open(address: str, *, loopback: bool) -> bool:
    """Whether a webhook may go there. `loopback` lets it go to this machine, and nowhere else within."""
    ip: IPv4Address | IPv6Address = ip_address(address.partition("%")[0])
    if isinstance(ip, IPv6Address):
        if ip.ipv4_mapped is not None:
            ip = ip.ipv4_mapped
        elif not ip.is_loopback and any(ip in network for network in _EMBEDDING):
            return False
    if ip.is_loopback:
        return loopback
    if isinstance(ip, IPv6Address) and ip.is_site_local:
        return False
    return ip.is_global and not (ip.is_multicast or ip.is_reserved or ip.is_unspecified)


def all_open(addresses: Iterable[str], *, loopback: bool) -> bool:
    """One that is not is enough: whoever has such an answer may choose which one is taken."""
    found = list(addresses)
    return bool(found) and all(is_open(each, loopback=loopback) for each in found)


def url_fault(url: str, *, loopback: bool) -> str | None:
    """What is wrong with an address as it is written, if anything."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        return "must be an address such as https://example.org/webhooks"
    if not host or port == 0:
        return "must be an address such as https://example.org/webhooks"
    if "@" in parts.netloc or parts.query or parts.fragment or "?" in url or "#" in url:
        return (
            "must have no user, password, query or fragment: it is kept for ever, so nothing secret may "
            "stand in it, and each delivery is signed instead"
        )
    if parts.scheme != "https" and not loopback:
        return "must begin with https://"
    return None


async def host_fault(url: str, *, loopback: bool) -> str | None:
    """What is wrong with where its host is, if anything."""
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
    try:
        async with asyncio.timeout(RESOLVE_S):
            found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError, TimeoutError):
        return "has a host that cannot be found: check its spelling"
    addresses = [str(each[4][0]) for each in found]
    if not all_open(addresses, loopback=loopback):
        return "leads to an address that not everybody can reach: webhooks go to public ones alone"
    if parts.scheme == "http" and not all(ip_address(each).is_loopback for each in addresses):
        return "must begin with https://"
    return None
