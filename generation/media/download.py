"""Fetching a provider's result into the store, within limits of size, time and place."""

from __future__ import annotations

import asyncio
import dataclasses
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

import httpx
from django.conf import settings

from generation import addresses
from generation.media import store
from generation.media.limits import DEFAULT, Limits, StorageAway, TooLarge
from generation.media.store import Incoming, Stored

REDIRECTS = (301, 302, 303, 307, 308)
MOST_REDIRECTS = 5
LATER = (408, 425, 429)
PIECE = 256 * 1024
KEEP_SECONDS = 5.0
"""What the storage gets at least, once a file has arrived; what the transfer did not need comes to it."""

Seen = TypeVar("Seen")


@dataclasses.dataclass(frozen=True)
class Vouching:
    """Headers with a key in them, and the address whose host alone may see them."""

    base_url: str
    headers: Mapping[str, str] = dataclasses.field(repr=False)

    def for_place(self, place: httpx.URL) -> Mapping[str, str]:
        """The headers where this is a place on the account's own host; nothing for any other."""
        own = httpx.URL(self.base_url)
        same = (place.scheme, place.host, place.port) == (own.scheme, own.host, own.port)
        return self.headers if same else {}


class DownloadFailed(Exception):
    """The file could not be fetched. `retryable` says whether trying again later can help."""

    def __init__(self, detail: str, *, status: int | None = None, retryable: bool = False) -> None:
        super().__init__(detail)
        self.detail = detail
        self.status = status
        self.retryable = retryable


async def fetch(
    client: httpx.AsyncClient,
    url: str,
    *,
    look: Callable[[Path, str], Seen],
    limits: Limits = DEFAULT,
    timeout_seconds: float = 300,
    vouching: Vouching | None = None,
) -> tuple[Stored, Seen]:
    """Streams `url` to this machine, looks into it and stores it; answers where it is kept and what was seen.

    `look` gets the file's path and SHA-256, and raises for what is not to be kept; nothing is left behind on
    failure. `client` comes from `generation.providers.clients`, which refuses private addresses as names are
    resolved; scheme and host of each redirect are checked here as well. `vouching` names
    headers that go to one host and, over a redirect, to no other. Raises DownloadFailed, TooLarge,
    MalformedMedia, StorageFull, StorageAway.
    """
    until = time.monotonic() + timeout_seconds
    with store.incoming(limits=limits) as arriving:
        await _received(client, url, arriving, limits, timeout_seconds, vouching)
        seen = await asyncio.to_thread(look, arriving.path, arriving.sha256)
        patience = max(until - time.monotonic(), 0.0) + KEEP_SECONDS
        try:
            async with asyncio.timeout(patience):
                return await asyncio.to_thread(arriving.keep), seen
        except TimeoutError as error:
            raise StorageAway(f"it did not take a file within {patience:.0f} s") from error


async def _received(
    client: httpx.AsyncClient,
    url: str,
    arriving: Incoming,
    limits: Limits,
    timeout_seconds: float,
    vouching: Vouching | None,
) -> None:
    try:
        async with asyncio.timeout(timeout_seconds):
            await _follow(client, url, arriving, limits, vouching)
    except TimeoutError as error:
        late = f"The file did not arrive within {timeout_seconds:g} s."
        raise DownloadFailed(late, retryable=True) from error
    except addresses.PrivateAddress as error:
        raise DownloadFailed(str(error)) from error
    except httpx.InvalidURL as error:
        raise DownloadFailed("The provider gave an address that is none.") from error
    except httpx.TransportError as error:
        broke = f"The connection failed while the file was fetched: {error or type(error).__name__}."
        raise DownloadFailed(broke, retryable=True) from error


async def _follow(
    client: httpx.AsyncClient,
    url: str,
    arriving: Incoming,
    limits: Limits,
    vouching: Vouching | None,
) -> None:
    place = httpx.URL(url)
    for _ in range(MOST_REDIRECTS + 1):
        require_allowed(place)
        headers = vouching.for_place(place) if vouching else {}
        async with client.stream("GET", place, headers=headers, follow_redirects=False) as response:
            if response.status_code in REDIRECTS and "Location" in response.headers:
                place = place.join(response.headers["Location"])
                continue
            _require_answer(response, limits)
            await _take(response, arriving)
            return
    raise DownloadFailed(f"The address redirects more than {MOST_REDIRECTS} times.")


def require_allowed(place: httpx.URL) -> None:
    """Raises DownloadFailed for anything but HTTPS to a public host; a named private host may use HTTP."""
    if place.scheme not in ("https", "http") or not place.host:
        raise DownloadFailed(f"Files are fetched over HTTPS; the address begins with {place.scheme!r}.")
    if place.scheme == "http" and place.host not in settings.PRIVATE_HOSTS:
        raise DownloadFailed(
            f"Files are fetched over HTTPS, unless the operator names {place.host} in PRIVATE_HOSTS."
        )
    addresses.require_allowed_literal(place.host)


def _require_answer(response: httpx.Response, limits: Limits) -> None:
    status = response.status_code
    if status != 200:
        retryable = status >= 500 or status in LATER
        raise DownloadFailed(f"The file's address answered {status}.", status=status, retryable=retryable)
    length = response.headers.get("Content-Length", "")
    if length.isdigit() and int(length) > limits.bytes:
        raise TooLarge(limits.bytes)


async def _take(response: httpx.Response, arriving: Incoming) -> None:
    async for piece in response.aiter_bytes(PIECE):
        arriving.write(piece)
    length = response.headers.get("Content-Length", "")
    if length.isdigit() and "Content-Encoding" not in response.headers and arriving.size < int(length):
        raise DownloadFailed("The file broke off before its end.", retryable=True)
    arriving.require_content()
