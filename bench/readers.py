"""Readers of pages: signed-in people on kept connections, a write to the workspace before every page."""

from __future__ import annotations

import concurrent.futures
import dataclasses
import gzip
import http.client
import multiprocessing
import multiprocessing.synchronize
import statistics
import time
import urllib.parse
from collections.abc import Sequence


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
    """One person on one kept connection for each of the two."""

    def __init__(self, base: str, page: Page, writes: Writes, *, number: int = 0) -> None:
        self.page = page
        self.writes = writes
        self.number = number
        self.turn = 0
        host = urllib.parse.urlsplit(base).netloc
        token = "b" * 32
        self.reading = http.client.HTTPConnection(host, timeout=60)
        self.asks = {"Cookie": f"session={page.session}", "Accept-Encoding": "gzip"}
        self.writing = http.client.HTTPConnection(host, timeout=60)
        self.says = {
            "Cookie": f"session={writes.session}; csrf={token}",
            "X-CSRFToken": token,
            "Referer": base,
        }

    def read(self, times: Times) -> None:
        """One write, which is not timed, and then the page."""
        self.write()
        begun = time.perf_counter()
        self.reading.request("GET", self.page.address, headers=self.asks)
        answer = self.reading.getresponse()
        body = answer.read()
        took = (time.perf_counter() - begun) * 1000
        if answer.status != 200:
            raise RuntimeError(f"{self.page.address} answered {answer.status}.")
        times.milliseconds.append(took)
        times.sent = len(body)
        packed = answer.headers["Content-Encoding"] == "gzip"
        times.shown = len(gzip.decompress(body)) if packed else len(body)

    def write(self) -> None:
        addresses = self.writes.addresses
        address = addresses[(self.number + 8 * self.turn) % len(addresses)]
        self.turn += 1
        self.writing.request("POST", address, headers=self.says)
        answer = self.writing.getresponse()
        answer.read()
        if answer.status not in (200, 204, 302, 303):
            raise RuntimeError(f"A take could not be starred: {answer.status}.")

    def close(self) -> None:
        self.reading.close()
        self.writing.close()


def measure(base: str, page: Page, writes: Writes, *, readers: int, pages: int) -> Times:
    """The page read so many times by each of so many readers at once, after two times that do not count.

    Each reader is a process, so that none waits for another's Python; they begin together.
    """
    apart = multiprocessing.get_context("spawn")
    together = apart.Barrier(readers, timeout=60)
    with concurrent.futures.ProcessPoolExecutor(readers, apart, _meet_at, (together,)) as pool:
        work = [
            pool.submit(_work, Reader(base, page, writes, number=number), pages) for number in range(readers)
        ]
        times = [each.result() for each in work]
    return Times([one for each in times for one in each.milliseconds], times[0].sent, times[0].shown)


_together: multiprocessing.synchronize.Barrier


def _meet_at(together: multiprocessing.synchronize.Barrier) -> None:
    global _together
    _together = together


def _work(reader: Reader, pages: int) -> Times:
    times = Times()
    for _ in range(2):
        reader.read(Times())
    _together.wait()
    for _ in range(pages):
        reader.read(times)
    reader.close()
    return times
