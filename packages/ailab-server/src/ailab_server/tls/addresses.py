"""Under which names and addresses this machine is reached, without asking the network."""

import contextlib
import ipaddress
import re
import socket
import struct
from collections.abc import Iterable, Iterator
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path

from ailab_server.security.hosts import own_names

__all__ = ["dns_names", "own_addresses"]

_NAME = re.compile(r"(\*\.)?[a-z0-9_]([a-z0-9_-]{0,62}\.?)+", re.IGNORECASE)
_SIOCGIFADDR = 0x8915
_TEMPORARY = 0x01  # IFA_F_TEMPORARY: an address that is given up after a day


def dns_names(more: Iterable[str]) -> list[str]:
    """The machine's own names and ``more``, those that a certificate can hold, sorted."""
    names = {name.lower().removesuffix(".") for name in (*own_names(), *more)}
    return sorted(name for name in names if _NAME.fullmatch(name) and len(name) <= 253)


def own_addresses() -> list[IPv4Address | IPv6Address]:
    """The addresses of all interfaces, loopback first; those left out that a browser cannot be given.

    On Linux all of them, elsewhere the loopback ones and those of the way out.
    """
    found: dict[IPv4Address | IPv6Address, None] = {IPv4Address("127.0.0.1"): None, IPv6Address("::1"): None}
    for address in (*_of_interfaces(), *_of_interfaces_v6(), *_of_the_way_out()):
        # A link-local IPv6 address needs a zone, which no URL in a browser can have.
        if not address.is_unspecified and not (address.version == 6 and address.is_link_local):
            found[address] = None
    first, second, *others = found
    return [first, second, *sorted(others, key=lambda address: (address.version, int(address)))]


def _of_interfaces() -> Iterator[IPv4Address]:
    try:
        import fcntl
    except ImportError:  # Windows
        return
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as handle:
        for _, name in socket.if_nameindex():
            request = struct.pack("256s", name.encode()[:15])
            with contextlib.suppress(OSError):  # without an IPv4 address, or not Linux
                yield IPv4Address(fcntl.ioctl(handle.fileno(), _SIOCGIFADDR, request)[20:24])


def _of_interfaces_v6() -> Iterator[IPv6Address]:
    try:
        table = Path("/proc/net/if_inet6").read_text(encoding="ascii")
    except OSError:
        return
    for line in table.splitlines():
        digits, _, _, _, flags, _ = line.split()
        if not int(flags, 16) & _TEMPORARY:
            yield IPv6Address(int(digits, 16))


def _of_the_way_out() -> Iterator[IPv4Address | IPv6Address]:
    # Connecting a datagram socket sends nothing; it only chooses a route. The addresses are documentation's.
    for family, target in ((socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1")):
        with contextlib.suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((target, 9))
            chosen = ipaddress.ip_address(probe.getsockname()[0].partition("%")[0])
            if chosen.version == 4 or not Path("/proc/net/if_inet6").exists():
                yield chosen
