"""Where a request comes from, also through proxies."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv6Address, ip_address
from typing import Any

from api.networks import Address, Network


class ClientAddresses:
    """`trusted` are proxies whose word in `X-Forwarded-For` is believed."""

    def __init__(self, trusted: Sequence[Network]) -> None:
        self._trusted = trusted

    def address(self, scope: Any) -> str:
        """The nearest hop that is no trusted proxy. What stands to its left was written by the caller.

        Where a proxy forwards what is no address, that proxy counts as the caller.
        """
        client = scope.get("client")
        if not client:
            return "unknown"
        nearest = _address(client[0])
        if nearest is None or not self._is_trusted(nearest):
            return str(client[0])
        for hop in reversed(_forwarded(scope["headers"])):
            address = _address(hop)
            if address is None:
                break
            nearest = address
            if not self._is_trusted(nearest):
                break
        return str(nearest)

    def _is_trusted(self, address: Address) -> bool:
        return any(address in network for network in self._trusted)


def _forwarded(headers: Sequence[tuple[bytes, bytes]]) -> list[str]:
    """All hops, whether in one header or in several; the last is the one next to us."""
    values = (value for name, value in headers if name == b"x-forwarded-for")
    return [hop.strip() for value in values for hop in value.decode("latin-1").split(",")]


def _address(text: str) -> Address | None:
    try:
        address = ip_address(text)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address
