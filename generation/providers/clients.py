"""HTTP clients for talking to providers: httpx's interface on aiohttp's engine, one TLS context for all.

httpx's own pool costs CPU that grows with the square of the open connections, and a TLS context costs 20 ms
each; both were measured, so both are avoided here.
"""

from __future__ import annotations

import contextlib
import functools
import ssl
from collections.abc import AsyncIterator

import aiohttp
import httpx
import httpx_aiohttp

from generation import addresses

TIMEOUT = httpx.Timeout(connect=5, read=30, write=30, pool=None)
KEEP_ALIVE_SECONDS = 15
"""Shorter than servers keep an idle connection: a POST on one that was just closed has no known outcome."""


@functools.cache
def tls_context() -> ssl.SSLContext:
    """The one TLS context of this process, with the usual authorities."""
    return httpx.create_ssl_context()


class CheckedTransport(httpx_aiohttp.AiohttpTransport):
    """aiohttp's engine under httpx's interface, calling only hosts that may be called."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        addresses.require_allowed_literal(request.url.host)
        return await super().handle_async_request(request)


def new_client(*, timeout: httpx.Timeout = TIMEOUT) -> httpx.AsyncClient:
    """A client for the running event loop, without a limit of connections; whoever makes it closes it."""
    connector = aiohttp.TCPConnector(
        limit=0,
        ssl=tls_context(),
        keepalive_timeout=KEEP_ALIVE_SECONDS,
        resolver=addresses.PublicResolver(),
    )
    session = aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar())
    transport = CheckedTransport(verify=tls_context(), client=session)
    return httpx.AsyncClient(transport=transport, timeout=timeout, trust_env=False)


@contextlib.asynccontextmanager
async def opened(*, timeout: httpx.Timeout = TIMEOUT) -> AsyncIterator[httpx.AsyncClient]:
    """A client for one short errand, such as a call from a web request."""
    async with new_client(timeout=timeout) as client:
        yield client


def timed_out(error: httpx.RequestError) -> bool:
    """True when an answer was waited for in vain; a connection that was cut is none of these."""
    cause = error.__cause__
    if isinstance(cause, aiohttp.ClientError):
        return isinstance(cause, aiohttp.ServerTimeoutError)
    return isinstance(error, httpx.TimeoutException)


def never_sent(error: httpx.RequestError) -> bool:
    """True when no byte of the request can have reached the server, so that it may be sent again.

    The transport names a connection that was cut before the answer ConnectTimeout, as if it had never
    been opened; only aiohttp's own error, kept as the cause, tells the two apart.
    """
    cause = error.__cause__
    if isinstance(cause, aiohttp.ClientError | OSError):
        return isinstance(cause, aiohttp.ClientConnectorError | aiohttp.ConnectionTimeoutError)
    return isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout)
