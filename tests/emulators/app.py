"""The ASGI program: the controls under `/_control/`, each provider under its own name."""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from tests.emulators import wire
from tests.emulators.behaviour import Script
from tests.emulators.clock import Clock
from tests.emulators.emulated import Emulated
from tests.emulators.webhooks import Deliveries

MODULES = (
    "a1111",
    "bfl",
    "byteplus",
    "chat",
    "comfyui",
    "elevenlabs",
    "fal",
    "google",
    "kling",
    "luma",
    "minimax",
    "openai",
    "replicate",
    "runway",
    "stability",
)
"""Modules of this package with a class `Provider`; its name is the first part of its addresses."""


class Emulator:
    """All providers in one program. `connections` gives the server's open connections, to cut one."""

    def __init__(self, *, seed: int = 1, defaults: Mapping[str, Any] | None = None) -> None:
        self.clock = Clock()
        self.script = Script(seed=seed, defaults=defaults)
        self.deliveries = Deliveries(self.clock)
        self.connections: Callable[[], Iterable[Any]] = tuple
        self.providers: dict[str, Emulated] = {}
        for module in MODULES:
            made = importlib.import_module(f"tests.emulators.{module}").Provider
            self.providers[made.name] = made(clock=self.clock, script=self.script, deliveries=self.deliveries)
        self.sender: asyncio.Task[None] | None = None

    async def __call__(self, scope: wire.Scope, receive: wire.Receive, send: wire.Send) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["type"] == "http":
            request = await wire.read(scope, receive)
            reply = await self.answer(request)
            if reply.drop:
                await self._cut(request)
            else:
                await wire.write(reply, receive, send)

    async def _live(self, receive: wire.Receive, send: wire.Send) -> None:
        await receive()
        self.sender = asyncio.create_task(self.deliveries.run())
        await send({"type": "lifespan.startup.complete"})
        await receive()
        self.sender.cancel()
        await asyncio.gather(self.sender, return_exceptions=True)
        await send({"type": "lifespan.shutdown.complete"})

    async def _cut(self, request: wire.Request) -> None:
        for connection in list(self.connections()):
            if connection.client == request.peer:
                connection.transport.abort()
        await asyncio.sleep(0.01)

    async def answer(self, request: wire.Request) -> wire.Reply:
        name, _, rest = request.path.lstrip("/").partition("/")
        if name == "_control":
            return self.control(request, rest)
        if name in self.providers:
            request.path = rest
            request.base = f"{request.base}/{name}"
            return await self.providers[name].answer(request)
        return wire.json_reply(404, {"detail": f"No provider is called {name!r} here."})

    def control(self, request: wire.Request, name: str) -> wire.Reply:
        try:
            return wire.json_reply(200, self._controls(request, name))
        except (KeyError, ValueError, TypeError) as error:
            return wire.json_reply(400, {"detail": f"{type(error).__name__}: {error}"})

    def _controls(self, request: wire.Request, name: str) -> Any:
        match (request.method, name):
            case ("POST", "script"):
                self.script.load(request.json())
            case ("POST", "reset"):
                self.reset()
            case ("POST", "clock"):
                self.clock.advance(float(request.json()["advance"]))
                return {"now": self.clock.now()}
            case ("POST", "keys"):
                asked = request.json() or {}
                self.providers[asked.get("provider", "fal")].hooks.rotate(keep=bool(asked.get("keep")))
            case ("GET", "log"):
                return self.log(int(request.query.get("after", "0")))
            case ("GET", "health"):
                return {"jobs": sum(len(p.jobs) for p in self.providers.values())}
            case _:
                raise KeyError(name)
        return {"ok": True}

    @property
    def fal(self) -> Any:
        return self.providers["fal"]

    def log(self, after: int = 0) -> dict[str, Any]:
        """The truth: every accepted job from the `after`-th on; what was refused, counted and one by one."""
        jobs = [entry for p in self.providers.values() for entry in p.log(after)]
        refused = {name: dict(p.refused) for name, p in self.providers.items() if p.refused}
        refusals = [{**one, "provider": name} for name, p in self.providers.items() for one in p.refusals]
        return {"now": self.clock.now(), "jobs": jobs, "refused": refused, "refusals": refusals}

    def reset(self) -> None:
        self.script.reset()
        self.deliveries.clear()
        for provider in self.providers.values():
            provider.reset()
