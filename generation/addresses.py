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
    return ipaddress.ip_address(address.partition("%")[0]).is_global


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
