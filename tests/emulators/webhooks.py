"""Webhook deliveries: one heap, one task that sleeps until the next is due, no task per job."""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections.abc import Callable
from dataclasses import dataclass, field

import aiohttp

from tests.emulators.clock import Clock

RETRY_SECONDS = (1.0, 2.0, 5.0, 15.0, 60.0)
IN_FLIGHT = 64


@dataclass(slots=True)
class Delivery:
    """One message to one address, made and signed at the moment of sending; None is not sent."""

    url: str
    make: Callable[[], bytes | None]
    sign: Callable[[bytes, float], dict[str, str]]
    done: Callable[[float, int, str], None]
    kind: str = "once"
    retry: bool = True
    attempt: int = field(default=0)


class Deliveries:
    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.heap: list[tuple[float, int, Delivery]] = []
        self.numbers = itertools.count()
        self.wake = asyncio.Event()
        self.slots = asyncio.Semaphore(IN_FLIGHT)
        self.session: aiohttp.ClientSession | None = None
        self.tasks: set[asyncio.Task[int]] = set()
        clock.on_advance.append(self.wake.set)

    def at(self, due: float, delivery: Delivery) -> None:
        heapq.heappush(self.heap, (due, next(self.numbers), delivery))
        self.wake.set()

    def clear(self) -> None:
        self.heap.clear()

    async def run(self) -> None:
        """Sends what is due, until cancelled."""
        try:
            while True:
                self.wake.clear()
                while self.heap and self.heap[0][0] <= self.clock.now():
                    await self.slots.acquire()
                    task = asyncio.create_task(self._send_and_free(heapq.heappop(self.heap)[2]))
                    self.tasks.add(task)
                    task.add_done_callback(self.tasks.discard)
                await self._sleep()
        finally:
            if self.session is not None:
                await self.session.close()

    async def _sleep(self) -> None:
        wait = self.heap[0][0] - self.clock.now() if self.heap else None
        try:
            await asyncio.wait_for(self.wake.wait(), None if wait is None else max(wait, 0.001))
        except TimeoutError:
            return

    async def _send_and_free(self, delivery: Delivery) -> int:
        try:
            return await self.send(delivery)
        finally:
            self.slots.release()

    async def send(self, delivery: Delivery) -> int:
        """One attempt; the status that came back, 0 for none. A failure is tried again later."""
        body = delivery.make()
        if body is None:
            return 0
        if self.session is None:
            connector = aiohttp.TCPConnector(limit=IN_FLIGHT, ssl=False)
            self.session = aiohttp.ClientSession(connector=connector, trust_env=False)
        headers = delivery.sign(body, self.clock.now())
        headers["Content-Type"] = "application/json"
        try:
            async with self.session.post(
                delivery.url,
                data=body,
                headers=headers,
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(total=15),
            ) as response:
                status = response.status
        except (aiohttp.ClientError, TimeoutError, OSError):
            status = 0
        delivery.done(self.clock.now(), status, delivery.kind)
        if not 200 <= status < 400 and delivery.retry and delivery.attempt < len(RETRY_SECONDS):
            self.at(self.clock.now() + RETRY_SECONDS[delivery.attempt], delivery)
            delivery.attempt += 1
        return status
