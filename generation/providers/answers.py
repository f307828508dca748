"""Requests to providers and what came back, in our classes: what nearly every adapter has in common.

`send` is for a submit, where a lost answer may hide an accepted job; `ask` is for everything that can be
asked again without harm.
"""

from __future__ import annotations

import datetime
import email.utils
from collections.abc import Collection, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

import httpx

from generation.providers import clients
from generation.providers.protocol import ErrorClass, ProviderError

CLASS_BY_STATUS = {
    400: ErrorClass.BAD_REQUEST,
    401: ErrorClass.AUTH,
    402: ErrorClass.INSUFFICIENT_CREDIT,
    403: ErrorClass.AUTH,
    404: ErrorClass.RETIRED,
    405: ErrorClass.BAD_REQUEST,
    408: ErrorClass.TIMEOUT,
    410: ErrorClass.RETIRED,
    413: ErrorClass.BAD_REQUEST,
    415: ErrorClass.BAD_REQUEST,
    422: ErrorClass.BAD_REQUEST,
    429: ErrorClass.RATE_LIMITED,
    504: ErrorClass.TIMEOUT,
}
IN_DOUBT = (408, 500, 502, 504)
"""Answers to a submit that do not say that nothing was begun; 429 and 503 do."""

LONGEST_DETAIL = 400

LARGEST = 256 * 1024 * 1024
"""The most bytes of an answer, unpacked: several large pictures fit in, as text within JSON."""

OF_THE_WIRE = ("content-encoding", "content-length", "transfer-encoding")


async def whole(
    client: httpx.AsyncClient,
    method: str,
    address: httpx.URL | str,
    *,
    most: int | None = None,
    **options: Any,
) -> httpx.Response:
    """An answer read to its end; raises httpx.ReadError where it has more bytes than `most`, or LARGEST."""
    body, most = bytearray(), most or LARGEST
    async with client.stream(method, address, **options) as response:
        async for piece in response.aiter_bytes():
            body += piece
            if len(body) > most:
                words = f"the answer has more than {most // 1024**2} MB"
                raise httpx.ReadError(words, request=response.request)
    kept = [(name, value) for name, value in response.headers.raw if name.decode().lower() not in OF_THE_WIRE]
    return httpx.Response(response.status_code, headers=kept, content=bytes(body), request=response.request)


def _plainly(error: httpx.RequestError) -> str:
    """What the network said, without the names of exceptions, which say less than they seem to."""
    if clients.timed_out(error):
        return "it took too long"
    return str(error) or "the connection was cut"


async def send(
    client: httpx.AsyncClient, method: str, address: str, *, who: str, **options: Any
) -> httpx.Response:
    """The answer to a submit. What was sent and not answered is ambiguous; what was never sent is not."""
    try:
        return await whole(client, method, address, **options)
    except httpx.RequestError as error:
        if clients.never_sent(error):
            words = f"{who} cannot be reached: {_plainly(error)}"
            raise ProviderError(ErrorClass.UNAVAILABLE, words, charged=False) from error
        raise ProviderError(
            ErrorClass.TIMEOUT if clients.timed_out(error) else ErrorClass.UNKNOWN,
            f"The job was sent and no answer came: {_plainly(error)}",
            ambiguous=True,
        ) from error


async def ask(
    client: httpx.AsyncClient, method: str, address: str, *, who: str, **options: Any
) -> httpx.Response:
    """The answer to anything but a submit; raises ProviderError where none came."""
    try:
        return await whole(client, method, address, **options)
    except httpx.RequestError as error:
        if clients.timed_out(error):
            raise ProviderError(ErrorClass.TIMEOUT, f"{who} did not answer: {error!r}") from error
        raise ProviderError(ErrorClass.UNAVAILABLE, f"{who} cannot be reached: {error!r}") from error


def read_json(response: httpx.Response) -> Any:
    """The body as JSON, or None where it is none."""
    try:
        return response.json()
    except (ValueError, RecursionError):
        return None


def read_object(response: httpx.Response) -> Mapping[str, Any]:
    """The body as a JSON object; an empty one where it is none."""
    found = read_json(response)
    return found if isinstance(found, dict) else {}


def amount(told: Any) -> Decimal | None:
    """A number that an answer names; None where it is none."""
    try:
        found = Decimal(str(told))
    except InvalidOperation:
        return None
    return found if found.is_finite() and not isinstance(told, bool) else None


def left(balance: Decimal | None) -> str:
    """A balance in words."""
    return "?" if balance is None else f"{balance:f}"


def class_of(status: int) -> ErrorClass:
    """The class that a bare HTTP status stands for."""
    return CLASS_BY_STATUS.get(status, ErrorClass.UNAVAILABLE if status >= 500 else ErrorClass.UNKNOWN)


def unreadable(who: str) -> ProviderError:
    """A submit that was answered with a success in which no job can be found."""
    return ProviderError(ErrorClass.UNKNOWN, f"{who}'s answer to the submit cannot be read.", ambiguous=True)


def refused(
    error: ProviderError, response: httpx.Response, *, in_doubt: Collection[int] = IN_DOUBT
) -> ProviderError:
    """The error of a refused submit: in doubt by its status, else nothing was begun and nothing charged."""
    error.ambiguous = response.status_code in in_doubt
    if error.ambiguous:
        error.charged = None
    elif error.charged is None:
        error.charged = False
    return error


def retry_after(response: httpx.Response, *, now: datetime.datetime | None = None) -> float | None:
    """Seconds until it is worth asking again, from `Retry-After-Ms` or either form of `Retry-After`."""
    try:
        return max(0.0, float(response.headers["retry-after-ms"]) / 1000)
    except (KeyError, ValueError):
        text = response.headers.get("retry-after", "")
    try:
        return max(0.0, float(text))
    except ValueError:
        pass
    try:
        until = email.utils.parsedate_to_datetime(text)
        now = now or datetime.datetime.now(datetime.UTC)
        return max(0.0, (until.astimezone(datetime.UTC) - now).total_seconds())
    except (ValueError, OverflowError):
        return None


def header_number(response: httpx.Response, name: str) -> float | None:
    """A header as a number, or None."""
    try:
        return float(response.headers[name])
    except (KeyError, ValueError):
        return None
