"""Outputs that came inside an answer: their bytes are stored at once, and only their address goes on."""

from __future__ import annotations

import asyncio
import dataclasses
import io
from typing import Any

from generation.media import store
from generation.media.limits import MalformedMedia, StorageTrouble
from generation.providers.protocol import ErrorClass, JobState, Output, ProviderError, Status

STORED = "store:"
"""Before a name in the store: an output that lies there already."""

ROOM_TRIES = 30
ROOM_PAUSE_SECONDS = 10.0
"""A storage that is full or away is waited for this often and long: what came inline comes only once."""


async def kept(status: Status, *, ours: bool = False) -> Status:
    """The status with every inline output stored; one that cannot be kept makes it a failure, and charged.

    A name in the store is for our own renderer (`ours`) to give: whoever else knew the hash of a file of
    another workspace would be handed it.
    """
    if not ours and any(output.url.startswith(STORED) for output in status.outputs):
        error = ProviderError(ErrorClass.MALFORMED_OUTPUT, "It gave an address that is none.", charged=True)
        return dataclasses.replace(status, state=JobState.FAILED, outputs=(), error=error)
    if not any(output.data for output in status.outputs):
        return status
    try:
        outputs = [await _kept(output) for output in status.outputs]
    except (MalformedMedia, StorageTrouble) as error:
        words = f"What came with the answer could not be kept: {error}"
        failure = ProviderError(ErrorClass.MALFORMED_OUTPUT, words, charged=True)
        return dataclasses.replace(status, state=JobState.FAILED, outputs=(), error=failure)
    return dataclasses.replace(status, outputs=tuple(outputs))


async def _kept(output: Output) -> Output:
    if not output.data:
        return output
    for _ in range(ROOM_TRIES):
        try:
            return await _stored(output)
        except StorageTrouble:
            await asyncio.sleep(ROOM_PAUSE_SECONDS)
    return await _stored(output)


async def _stored(output: Output) -> Output:
    stored = await asyncio.to_thread(store.put, io.BytesIO(output.data))
    return dataclasses.replace(output, url=f"{STORED}{stored.name}", data=b"")


def row(output: Output) -> dict[str, Any]:
    """An output as a call's row keeps it, without bytes."""
    if output.data:
        raise ValueError("Bytes are stored before an output goes into a row.")
    return {
        "url": output.url,
        "text": output.text,
        "media_type": output.media_type,
        "role": output.role,
        **({"authorized": True} if output.authorized else {}),
    }
