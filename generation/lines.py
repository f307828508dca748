"""Lines: calls that stay open for minutes, each begun by itself, its end taken when it comes.

One event loop in a thread of its own, like a wire; but a wire does a batch of work and ends, and a line is
held as long as the provider needs. Hundreds of them cost one thread.
"""

from __future__ import annotations

import asyncio
import queue
import uuid
from typing import Any

import httpx

from generation import wire
from generation.providers import clients

LONGEST_SECONDS = 900.0
"""A call that was open for this long is given up: nobody knows what became of it."""

PATIENT = httpx.Timeout(connect=5, read=LONGEST_SECONDS, write=120, pool=None)


class HungUp:
    """We closed the line. `outcome` is what the provider said to a cancel before that, if it was asked."""

    def __init__(self, outcome: Any = None) -> None:
        self.outcome = outcome


class Lines(wire.Wire):
    """`with Lines() as lines: lines.open(key, work); for key, end in lines.ended(seconds=1): …`"""

    def __init__(self) -> None:
        super().__init__()
        self._ends: queue.SimpleQueue[tuple[uuid.UUID, Any]] = queue.SimpleQueue()
        self._calls: dict[uuid.UUID, asyncio.Task[None]] = {}
        self._outcomes: dict[uuid.UUID, Any] = {}

    def open(self, key: uuid.UUID, piece: wire.Work) -> None:
        """Begins a call; its result, exception or HungUp comes once out of `ended`."""
        self._loop.call_soon_threadsafe(self._begin, key, piece)

    def hang_up(self, key: uuid.UUID, *, first: wire.Work | None = None) -> None:
        """Closes a line, after `first` was done; one that has ended meanwhile stays as it ended."""
        asyncio.run_coroutine_threadsafe(self._hang_up(key, first), self._loop)

    def ended(self, *, seconds: float) -> list[tuple[uuid.UUID, Any]]:
        """What has ended, waiting for a first end for up to `seconds`."""
        found = []
        try:
            found.append(self._ends.get(timeout=seconds))
            while True:
                found.append(self._ends.get_nowait())
        except queue.Empty:
            return found

    def _begin(self, key: uuid.UUID, piece: wire.Work) -> None:
        self._calls[key] = self._loop.create_task(self._hold(key, piece))

    async def _hold(self, key: uuid.UUID, piece: wire.Work) -> None:
        if self._client is None:
            self._client = clients.new_client(timeout=PATIENT)
        try:
            async with asyncio.timeout(LONGEST_SECONDS):
                end = await piece(self._client)
        except asyncio.CancelledError:
            end = HungUp(self._outcomes.pop(key, None))
        except Exception as error:
            end = error
        self._calls.pop(key, None)
        self._ends.put((key, end))

    async def _hang_up(self, key: uuid.UUID, first: wire.Work | None) -> None:
        if first is not None and self._client is not None:
            try:
                self._outcomes[key] = await first(self._client)
            except Exception as error:
                self._outcomes[key] = error
        if call := self._calls.get(key):
            call.cancel()
