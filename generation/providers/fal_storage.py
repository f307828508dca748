"""Reference files for fal: small ones inside the request, larger ones through fal's storage."""

from __future__ import annotations

import asyncio
import pathlib
from collections.abc import Mapping
from typing import Any

import httpx

from generation.providers import answers, fal_answers, files
from generation.providers.protocol import Account, ErrorClass, InputFile, ProviderError

INLINE_BYTES = 256 * 1024
PART_BYTES = 10 * 1024 * 1024
WHOLE_BYTES = 90 * 1024 * 1024
STORES = {"https://queue.fal.run": "https://rest.fal.ai"}
"""Storage and keys live on another host than the queue; anywhere else they are taken to live beside it."""


def store_url(base_url: str) -> str:
    """The address of storage and keys that belongs to this queue."""
    return STORES.get(base_url.rstrip("/"), base_url.rstrip("/"))


async def place(client: httpx.AsyncClient, *, account: Account, file: InputFile) -> str:
    """An address under which fal finds the file: a data URI, or that of an upload.

    Raises ProviderError, never ambiguous: nothing has been asked for yet.
    """
    path = pathlib.Path(file.path)
    try:
        size = (await asyncio.to_thread(path.stat)).st_size
        if size <= INLINE_BYTES:
            return await files.data_uri(file)
        return await _upload(client, account=account, file=file, path=path, size=size)
    except OSError as error:
        raise ProviderError(
            ErrorClass.UNAVAILABLE, f"A reference could not be read: {error}", charged=False
        ) from error
    except httpx.RequestError as error:
        raise ProviderError(
            ErrorClass.UNAVAILABLE, f"A reference could not be sent to fal: {error}", charged=False
        ) from error


async def _upload(
    client: httpx.AsyncClient, *, account: Account, file: InputFile, path: pathlib.Path, size: int
) -> str:
    whole = size <= WHOLE_BYTES
    places = await _initiate(client, account=account, file=file, path=path, whole=whole)
    headers = {"Content-Type": file.media_type}
    if whole:
        data = await asyncio.to_thread(path.read_bytes)
        await _put(client, places["upload_url"], data, headers)
        return str(places["file_url"])
    target = httpx.URL(places["upload_url"])
    parts = []
    for number, offset in enumerate(range(0, size, PART_BYTES), start=1):
        data = await asyncio.to_thread(_read, path, offset)
        response = await _put(client, _below(target, str(number)), data, headers)
        parts.append({"partNumber": number, "etag": response.headers.get("etag", "")})
    _require_success(await answers.whole(client, "POST", _below(target, "complete"), json={"parts": parts}))
    return str(places["file_url"])


async def _initiate(
    client: httpx.AsyncClient, *, account: Account, file: InputFile, path: pathlib.Path, whole: bool
) -> Mapping[str, Any]:
    name = "initiate" if whole else "initiate-multipart"
    response = await answers.whole(
        client,
        "POST",
        f"{store_url(account.base_url)}/storage/upload/{name}",
        params={"storage_type": "fal-cdn-v3"},
        headers={"Authorization": f"Key {account.key}"},
        json={"file_name": f"{file.sha256[:16]}{path.suffix}", "content_type": file.media_type},
    )
    _require_success(response)
    places = answers.read_json(response)
    if not isinstance(places, Mapping) or not {"upload_url", "file_url"} <= places.keys():
        raise ProviderError(
            ErrorClass.UNAVAILABLE, "fal's storage answered without addresses.", charged=False
        )
    return places


def _read(path: pathlib.Path, offset: int) -> bytes:
    with path.open("rb") as file:
        file.seek(offset)
        return file.read(PART_BYTES)


def _below(address: httpx.URL, name: str) -> httpx.URL:
    return address.copy_with(path=f"{address.path}/{name}")


async def _put(
    client: httpx.AsyncClient, address: httpx.URL | str, data: bytes, headers: Mapping[str, str]
) -> httpx.Response:
    response = await answers.whole(client, "PUT", address, content=data, headers=dict(headers))
    _require_success(response)
    return response


def _require_success(response: httpx.Response) -> None:
    if response.status_code >= 300:
        error = fal_answers.from_response(response)
        error.charged = False
        raise error
