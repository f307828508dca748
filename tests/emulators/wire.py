"""Requests and replies in the few words that the emulated providers need, over ASGI."""

from __future__ import annotations

import asyncio
import json
import urllib.parse
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass, field
from typing import Any

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


@dataclass(slots=True)
class Request:
    """One whole request; `base` is the scheme and host that the caller used, without a slash."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    base: str
    peer: tuple[str, int] | None = None

    def json(self) -> Any:
        return json.loads(self.body or b"null")


@dataclass(slots=True)
class Reply:
    """What goes back. `drop` cuts the connection instead: the caller never gets an answer."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    chunks: AsyncIterator[bytes] | None = None
    drop: bool = False


def json_reply(status: int, data: Any, **headers: str) -> Reply:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply(status, json.dumps(data).encode(), {"content-type": "application/json", **named})


async def read(scope: Scope, receive: Receive) -> Request:
    parts = []
    while True:
        message = await receive()
        parts.append(message.get("body", b""))
        if not message.get("more_body", False):
            break
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
    query = dict(urllib.parse.parse_qsl(scope["query_string"].decode(), keep_blank_values=True))
    base = f"{scope['scheme']}://{headers.get('host', 'localhost')}"
    peer = scope.get("client")
    return Request(
        scope["method"], scope["path"], query, headers, b"".join(parts), base, peer and tuple(peer)
    )


async def write(reply: Reply, receive: Receive, send: Send) -> None:
    """Sends the reply; a stream ends when the caller hangs up."""
    headers = dict(reply.headers)
    if reply.chunks is None:
        headers["content-length"] = str(len(reply.body))
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": reply.status, "headers": raw})
    if reply.chunks is not None:
        hung_up = asyncio.ensure_future(receive())
        async for chunk in reply.chunks:
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
            await asyncio.sleep(0)
            if hung_up.done():
                return
        hung_up.cancel()
    await send({"type": "http.response.body", "body": reply.body})
