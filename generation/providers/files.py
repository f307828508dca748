"""Input files as providers take them inside a request."""

from __future__ import annotations

import asyncio
import base64
import pathlib
from collections.abc import Callable, Coroutine
from typing import Any

from generation.providers.protocol import ErrorClass, InputFile, Job, ProviderError


async def content(file: InputFile) -> bytes:
    """The file's bytes; raises ProviderError, never ambiguous: nothing has been asked for yet."""
    try:
        return await asyncio.to_thread(pathlib.Path(file.path).read_bytes)
    except OSError as error:
        words = f"A reference could not be read: {error}"
        raise ProviderError(ErrorClass.UNAVAILABLE, words, charged=False) from error


async def placed(
    job: Job, place: Callable[[InputFile], Coroutine[Any, Any, str]]
) -> dict[str, str | list[str]]:
    """By parameter, the addresses of the job's files, or whatever `place` makes of each; every file once."""
    known = {file.sha256: file for file in job.inputs}
    made = await asyncio.gather(*(place(file) for file in known.values()))
    at = dict(zip(known, made, strict=True))
    return {
        name: [at[one] for one in wanted] if name in job.payload["many"] else at[wanted[0]]
        for name, wanted in job.payload["files"].items()
    }


async def in_base64(file: InputFile) -> str:
    return base64.b64encode(await content(file)).decode()


async def data_uri(file: InputFile) -> str:
    return f"data:{file.media_type};base64,{await in_base64(file)}"
