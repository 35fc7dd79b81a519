"""Addresses and networks, as settings name them."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_network

Address = IPv4Address | IPv6Address


class Network:
    """An address, or a network such as `10.0.0.0/8`; `ValueError` when it is neither."""

    def __init__(self, text: str) -> None:
        self._network = ip_network(text)

    def __contains__(self, address: Address) -> bool:
        return address in self._network

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Network) and self._network == other._network

    def __hash__(self) -> int:
        return hash(self._network)

    def __repr__(self) -> str:
        return str(self._network)
