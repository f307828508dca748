"""Which hosts may be called: public ones, and those that the operator names in `PRIVATE_HOSTS`.

The check is made where the connection is opened, after the name was resolved, so that neither a redirect nor
a name that points inwards passes it.
"""

from __future__ import annotations

import ipaddress
import socket
from typing import Any

import aiohttp.abc
import aiohttp.resolver
import httpx
from django.conf import settings

TRANSLATED = ipaddress.IPv6Network("64:ff9b::/96")
COMPATIBLE = ipaddress.IPv6Network("::/96")
"""Networks whose addresses end in an IPv4 address, to which what is sent there may be handed on."""


class PrivateAddress(httpx.ConnectError):
    """The address lies in a private network and is not named in `PRIVATE_HOSTS`."""

    def __init__(self, host: str) -> None:
        super().__init__(
            f"{host} is not a public host. If it is meant, the operator can name it in PRIVATE_HOSTS."
        )


def is_allowed(host: str, address: str) -> bool:
    """True for a public address, and for any address of a host named in `PRIVATE_HOSTS`."""
    if host in settings.PRIVATE_HOSTS:
        return True
    return _is_public(ipaddress.ip_address(address.partition("%")[0]))


def _is_public(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    """Whether a whole and, where it stands for an older one, also that one is of the public network."""
    if isinstance(address, ipaddress.IPv6Address):
        within = _within(address)
        if address.is_site_local or (within and not _is_public(within)):
            return False
    return address.is_global and not address.is_multicast


def _within(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    """The IPv4 address that translators and tunnels make of this one."""
    if address in TRANSLATED or address in COMPATIBLE:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour


def require_allowed_literal(host: str) -> None:
    """Raises PrivateAddress for an address written as a number; names are checked when resolved."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return
    if not is_allowed(host, host):
        raise PrivateAddress(host)


class PublicResolver(aiohttp.abc.AbstractResolver):
    """Resolves names as the system does and leaves out addresses that may not be called."""

    def __init__(self) -> None:
        self.resolver = aiohttp.resolver.ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[Any]:
        found = await self.resolver.resolve(host, port, family)
        allowed = [one for one in found if is_allowed(host, one["host"])]
        if not allowed:
            raise OSError(None, str(PrivateAddress(host)))
        return allowed

    async def close(self) -> None:
        await self.resolver.close()
