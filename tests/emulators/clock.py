"""The emulated providers' own time: the machine's, put forward by tests that cannot wait."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable


class Clock:
    def __init__(self) -> None:
        self.ahead = 0.0
        self.on_advance: list[Callable[[], None]] = []

    def now(self) -> float:
        """Seconds since 1970, by this clock."""
        return time.time() + self.ahead

    def advance(self, seconds: float) -> None:
        self.ahead += seconds
        for told in list(self.on_advance):
            told()

    async def sleep_until(self, instant: Callable[[], float]) -> None:
        """Returns once this clock has passed the instant, which may move meanwhile; an advance wakes it."""
        woken = asyncio.Event()
        self.on_advance.append(woken.set)
        try:
            while (left := instant() - self.now()) > 0:
                woken.clear()
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(woken.wait(), min(left, 0.5))
        finally:
            self.on_advance.remove(woken.set)
