"""The emulated providers' own time: the machine's, put forward by tests that cannot wait."""

from __future__ import annotations

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
        for told in self.on_advance:
            told()
