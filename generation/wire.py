"""The wire: one event loop in a thread of its own, with one shared client, for one lane task.

The thread that opens a wire keeps the database; work on the network runs in the wire's thread and comes back
in batches, as it ends, so that results are written while others are still under way.
"""

from __future__ import annotations

import asyncio
import queue
import threading
import time
from collections.abc import Callable, Coroutine, Iterator, Mapping
from types import TracebackType
from typing import Any, Self, TypeVar

import httpx

from generation.providers import clients
from generation.providers.protocol import ProviderError

AT_ONCE = 300
"""Calls of one wire that are open at the same time."""

GATHER_SECONDS = 0.2
"""After a first result, how long others are waited for, so that they are written together."""

CALL_SECONDS = 100.0
"""The longest that one call may take in all; less than a lease lasts."""

LOOK_SECONDS = 0.25
"""How often a wait for results looks whether it is to give up."""

GIVEN_UP_SECONDS = 1.5
"""How long answers are still waited for once work is to be given up."""

GIVEN_UP = "the worker was stopped while the provider was asked"

K = TypeVar("K")
Work = Callable[[httpx.AsyncClient], Coroutine[Any, Any, Any]]


class GivenUp(Exception):
    """The work was given up while it was under way: nobody knows what became of it."""


class Wire:
    """`with Wire() as wire: for batch in wire.each({key: work}): …`"""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="wire", daemon=True)
        self._client: httpx.AsyncClient | None = None

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def each(
        self,
        work: Mapping[K, Work],
        *,
        at_once: int = AT_ONCE,
        gives_up: Callable[[], bool] = lambda: False,
    ) -> Iterator[dict[K, Any]]:
        """Does all the work at once, up to `at_once` pieces, and yields what ended: result or exception.

        Every key comes back exactly once. A piece that takes longer than CALL_SECONDS ends in TimeoutError.
        GIVEN_UP_SECONDS after `gives_up` says so, what is still under way comes back as GivenUp.
        """
        done: queue.SimpleQueue[tuple[K, Any]] = queue.SimpleQueue()
        running = asyncio.run_coroutine_threadsafe(self._all(work, at_once, done), self._loop)
        left, until = set(work), float("inf")
        try:
            while left:
                if gives_up():
                    until = min(until, time.monotonic() + GIVEN_UP_SECONDS)
                batch = _batch(done, len(left))
                if not batch and time.monotonic() >= until:
                    batch = {key: GivenUp(GIVEN_UP) for key in left}
                left -= batch.keys()
                if batch:
                    yield batch
        finally:
            running.cancel()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()

    async def _all(
        self, work: Mapping[K, Work], at_once: int, done: queue.SimpleQueue[tuple[K, Any]]
    ) -> None:
        if self._client is None:
            self._client = clients.new_client()
        client, gate = self._client, asyncio.Semaphore(at_once)

        async def one(key: K, piece: Work) -> None:
            try:
                async with gate, asyncio.timeout(CALL_SECONDS):
                    result = await piece(client)
            except Exception as error:
                result = error
            done.put((key, result))

        await asyncio.gather(*(one(key, piece) for key, piece in work.items()))

    async def _close(self) -> None:
        others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        if self._client is not None:
            await self._client.aclose()


def _batch(done: queue.SimpleQueue[tuple[K, Any]], most: int) -> dict[K, Any]:
    """The first result, and all that follow within GATHER_SECONDS; empty where none came within a moment."""
    try:
        key, result = done.get(timeout=LOOK_SECONDS)
    except queue.Empty:
        return {}
    batch = {key: result}
    until = time.monotonic() + GATHER_SECONDS
    while len(batch) < most:
        try:
            key, result = done.get(timeout=max(0.0, until - time.monotonic()))
        except queue.Empty:
            break
        batch[key] = result
    return batch


def here(piece: Coroutine[Any, Any, Any]) -> Any:
    """Runs in this thread a coroutine that never waits, such as the built-in renderer's."""
    try:
        piece.send(None)
    except StopIteration as stop:
        return stop.value
    piece.close()
    raise RuntimeError("A local provider waited for something; it must answer at once.")


def answer_here(piece: Coroutine[Any, Any, Any]) -> Any:
    """What `here` answers, or the ProviderError that it raises."""
    try:
        return here(piece)
    except ProviderError as error:
        return error
