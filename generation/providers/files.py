"""Input files as providers take them inside a request."""

from __future__ import annotations

import asyncio
import base64
import pathlib

from generation.providers.protocol import ErrorClass, InputFile, ProviderError


async def content(file: InputFile) -> bytes:
    """The file's bytes; raises ProviderError, never ambiguous: nothing has been asked for yet."""
    try:
        return await asyncio.to_thread(pathlib.Path(file.path).read_bytes)
    except OSError as error:
        words = f"A reference could not be read: {error}"
        raise ProviderError(ErrorClass.UNAVAILABLE, words, charged=False) from error


async def in_base64(file: InputFile) -> str:
    return base64.b64encode(await content(file)).decode()


async def data_uri(file: InputFile) -> str:
    return f"data:{file.media_type};base64,{await in_base64(file)}"
