"""Readers of pages: signed-in people on kept connections, a write to the workspace before every page."""

from __future__ import annotations

import dataclasses
import statistics
import threading
import time
from collections.abc import Sequence

import httpx


@dataclasses.dataclass(frozen=True)
class Page:
    """An address, and the session of whoever reads it."""

    name: str
    address: str
    session: str


@dataclasses.dataclass(frozen=True)
class Writes:
    """A small write to the workspace by its page: a take is starred, or no longer."""

    addresses: Sequence[str]
    session: str


@dataclasses.dataclass
class Times:
    """What a page took, in milliseconds, and how large it was, in bytes as sent and as shown."""

    milliseconds: list[float] = dataclasses.field(default_factory=list)
    sent: int = 0
    shown: int = 0

    def share(self, percent: int) -> float:
        return round(share(self.milliseconds, percent), 1)


def share(values: Sequence[float], percent: int) -> float:
    """What so many percent of the values do not exceed; 0 where there are not two."""
    if len(values) < 2:
        return 0.0
    return statistics.quantiles(values, n=100, method="inclusive")[percent - 1]


class Reader:
    """One person on one kept connection."""

    def __init__(self, base: str, page: Page, writes: Writes, *, number: int = 0) -> None:
        self.page = page
        self.writes = writes
        self.number = number
        self.turn = 0
        self.reading = httpx.Client(base_url=base, cookies={"session": page.session}, timeout=60)
        token = "b" * 32
        self.writing = httpx.Client(
            base_url=base,
            cookies={"session": writes.session, "csrf": token},
            headers={"X-CSRFToken": token, "Referer": base},
            timeout=60,
        )

    def read(self, times: Times) -> None:
        """One write, which is not timed, and then the page."""
        self.write()
        begun = time.perf_counter()
        answer = self.reading.get(self.page.address)
        took = (time.perf_counter() - begun) * 1000
        if answer.status_code != 200:
            raise RuntimeError(f"{self.page.address} answered {answer.status_code}.")
        times.milliseconds.append(took)
        times.sent, times.shown = answer.num_bytes_downloaded, len(answer.content)

    def write(self) -> None:
        addresses = self.writes.addresses
        answer = self.writing.post(addresses[(self.number + 8 * self.turn) % len(addresses)])
        self.turn += 1
        if answer.status_code not in (200, 204, 302, 303):
            raise RuntimeError(f"A take could not be starred: {answer.status_code}.")

    def close(self) -> None:
        self.reading.close()
        self.writing.close()


def measure(base: str, page: Page, writes: Writes, *, readers: int, pages: int) -> Times:
    """The page read so many times by each of so many readers at once, after two times that do not count."""
    times = [Times() for _ in range(readers)]
    faults: list[Exception] = []

    def work(number: int) -> None:
        reader = Reader(base, page, writes, number=number)
        try:
            for _ in range(2):
                reader.read(Times())
            for _ in range(pages):
                reader.read(times[number])
        except Exception as error:
            faults.append(error)
        finally:
            reader.close()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(readers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if faults:
        raise faults[0]
    return Times([one for each in times for one in each.milliseconds], times[0].sent, times[0].shown)
