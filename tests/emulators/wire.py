"""Requests and replies in the few words that the emulated providers need, over ASGI."""

from __future__ import annotations

import asyncio
import email
import email.policy
import json
import urllib.parse
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass, field
from typing import Any

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a form: a field's text, or a file."""

    name: str
    data: bytes
    filename: str
    media_type: str


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
    receive: Receive | None = None
    pairs: tuple[tuple[str, str], ...] = ()

    def queries(self, name: str) -> list[str]:
        """Every value of a name that the query gives more than once."""
        return [value for each, value in self.pairs if each == name]

    def json(self) -> Any:
        return json.loads(self.body or b"null")

    def form(self) -> list[Part]:
        """The parts of a multipart body, in their order; empty for any other body."""
        kind = self.headers.get("content-type", "")
        if not kind.startswith("multipart/"):
            return []
        head = f"Content-Type: {kind}\r\n\r\n".encode()
        whole = email.message_from_bytes(head + self.body, policy=email.policy.HTTP)
        return [
            Part(
                str(part.get_param("name", "", header="content-disposition")),
                part.get_payload(decode=True),
                part.get_filename() or "",
                part.get_content_type(),
            )
            for part in whole.iter_parts()
        ]

    async def hung_up(self) -> None:
        """Returns when the caller has closed the connection."""
        while self.receive is not None:
            if (await self.receive())["type"] == "http.disconnect":
                return


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
    pairs = tuple(urllib.parse.parse_qsl(scope["query_string"].decode(), keep_blank_values=True))
    base = f"{scope['scheme']}://{headers.get('host', 'localhost')}"
    peer = scope.get("client")
    return Request(
        scope["method"],
        scope["path"],
        dict(pairs),
        headers,
        b"".join(parts),
        base,
        peer and tuple(peer),
        receive,
        pairs,
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
