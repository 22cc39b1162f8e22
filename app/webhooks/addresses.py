"""Where webhooks may point: judged by the address that is connected to, not by the name that somebody wrote down."""

import asyncio
import ipaddress
import socket
from collections.abc import Awaitable, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
Lookup = Callable[[str, int], Awaitable[Sequence[str]]]
"""The addresses of a host (name or address, port). Network. Errors: OSError."""

DEFAULT = "default"
SPECIAL: tuple[Network, ...] = tuple(
    ipaddress.ip_network(network)
    for network in (
        *("127.0.0.0/8", "0.0.0.0/8", "::1/128", "::/128"),  # loopback, and "this host", which is the same on Linux
        *("169.254.0.0/16", "fe80::/10"),  # link-local: with the metadata of most clouds
        *("224.0.0.0/4", "255.255.255.255/32", "ff00::/8"),  # multicast and broadcast
        # metadata elsewhere: of Alibaba, Oracle, Azure, and by IPv6 of AWS and Google
        *("100.100.100.200/32", "192.0.0.192/32", "168.63.129.16/32", "fd00:ec2::254/128", "fd20:ce::254/128"),
    )
)
"""Never pointed to, unless a network within one of these is named."""
NAT64 = (IPv6Network("64:ff9b::/96"), IPv6Network("64:ff9b:1::/48"))
LOOKUP_THREADS = 32  # a name server that does not answer keeps one for each endpoint that it is asked about

_lookups = ThreadPoolExecutor(LOOKUP_THREADS, thread_name_prefix="webhook-lookup")


class AddressRefused(Exception):
    """A host has an address to which webhooks may not point."""


@dataclass(frozen=True, slots=True)
class AddressRules:
    """Which addresses are allowed. `takes_default`: every one that is not SPECIAL, besides those of the networks."""

    networks: tuple[Network, ...]
    takes_default: bool

    @classmethod
    def of(cls, text: str) -> "AddressRules":
        """By the setting: networks, comma-separated, and the word `default`."""
        words = text.split(",")
        return cls(tuple(ipaddress.ip_network(word) for word in words if word != DEFAULT), DEFAULT in words)

    def check(self, host: str, addresses: Sequence[str]) -> None:
        """All addresses of a host have to be allowed: any of them might be used. Errors: AddressRefused."""
        for address in addresses:
            if not self.allow(address):
                raise AddressRefused(f"{host} has the address {address}, to which webhooks may not point")

    def allow(self, address: str) -> bool:
        return all(self._allows(each) for each in _meant(ipaddress.ip_address(address)))

    def _allows(self, address: Address) -> bool:
        named = [network for network in self.networks if address in network]
        special = [network for network in SPECIAL if address in network]
        if not special:
            return self.takes_default or bool(named)
        return any(_is_within(network, range_) for network in named for range_ in special)


def _is_within(network: Network, range_: Network) -> bool:
    if isinstance(network, IPv4Network):
        return isinstance(range_, IPv4Network) and network.subnet_of(range_)
    return isinstance(range_, IPv6Network) and network.subnet_of(range_)


def _meant(address: Address) -> Iterator[Address]:
    """The address, and the IPv4 address that an IPv6 one may stand for: packets can arrive there."""
    if isinstance(address, IPv4Address):
        yield address
        return
    if address.ipv4_mapped:
        yield address.ipv4_mapped
        return
    yield address
    if address.sixtofour:
        yield address.sixtofour
    if address.teredo:
        yield from address.teredo
    if any(address in network for network in NAT64):
        yield IPv4Address(int(address) & 0xFFFFFFFF)


async def look_up(host: str, port: int) -> Sequence[str]:
    """All addresses of a host, as the system knows them, in threads that nothing else waits for. Errors: OSError."""
    loop = asyncio.get_running_loop()
    found = await loop.run_in_executor(_lookups, lambda: socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))
