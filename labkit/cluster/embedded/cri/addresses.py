"""Pod addresses: handed out in turn, so that one just given back is the last to be used again."""

from __future__ import annotations

import ipaddress

from labkit.cluster.embedded.cri.errors import ExhaustedError


class Addresses:
    """The usable addresses of an IPv4 network; the first is the node's own."""

    def __init__(self, cidr: str) -> None:
        network = ipaddress.IPv4Network(cidr)
        self.cidr = cidr
        self._base = int(network.network_address)
        self._count = network.num_addresses - 1
        self._next = 2
        self._used: set[int] = set()

    @property
    def node(self) -> str:
        """The node's own address."""
        return str(ipaddress.IPv4Address(self._base + 1))

    def take(self) -> str:
        """An address nobody has. Raises ExhaustedError when there is none."""
        for _ in range(self._count - 2):
            offset = self._next
            self._next = offset + 1 if offset + 1 < self._count else 2
            if offset not in self._used:
                self._used.add(offset)
                return str(ipaddress.IPv4Address(self._base + offset))
        raise ExhaustedError(f"every pod address of {self.cidr} is in use")

    def claim(self, address: str) -> None:
        """Mark an address that a running pod has already; what is handed out next comes after it."""
        offset = int(ipaddress.IPv4Address(address)) - self._base
        self._used.add(offset)
        if offset >= self._next:
            self._next = offset + 1 if offset + 1 < self._count else 2

    def release(self, address: str) -> None:
        """Give an address back."""
        self._used.discard(int(ipaddress.IPv4Address(address)) - self._base)
