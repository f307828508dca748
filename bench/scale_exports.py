"""A month as files: how much memory the web server takes for one of some rows and one of many.

Each file is fetched over HTTP from a server that has just been started and has answered the same address of
the small workspace once; memory is the proportional set size of the web processes, twenty times a second.
"""

from __future__ import annotations

import contextlib
import csv
import io
import threading
import time
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import httpx

from bench import cast as pages_cast
from bench import scale_data, stage
from billing import months
from billing.acceptances import Month
from billing.exports import entries
from billing.spend_days import of_months
from generation.demo import cast
from projects.models import Workspace

FORMS = ("rows", "focus", "json", "pdf")
SMALL, LARGE = 2, 1
EVERY_SECONDS = 0.05
PIECE = 256 * 1024


class Peak:
    """The largest memory of the web processes below a process, until it is stopped."""

    def __init__(self, program: int) -> None:
        self.program, self.bytes = program, 0
        self.web = [pid for pid in stage.tree(program) if stage.part_of(pid) == "web"]
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Peak:
        self.sample()
        self.thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.stopping.set()
        self.thread.join()
        self.sample()

    def _run(self) -> None:
        while not self.stopping.wait(EVERY_SECONDS):
            self.sample()

    def sample(self) -> None:
        with contextlib.suppress(OSError):
            self.bytes = max(self.bytes, sum(stage.pss(pid) for pid in self.web))


def measured(base: str, program: int, month: str) -> Iterator[dict[str, Any]]:
    """For each form: seconds, bytes, rows and peak memory, of the small month and of the large one."""
    session = pages_cast.session(cast.FARAH.email)
    with httpx.Client(base_url=base, cookies={"session": session}, timeout=1200) as client:
        for form in FORMS:
            for number in (SMALL, SMALL, LARGE):
                workspace = Workspace.objects.get(slug=scale_data.slug(number))
                yield fetched(client, program, workspace, month, form)


def fetched(
    client: httpx.Client, program: int, workspace: Workspace, month: str, form: str
) -> dict[str, Any]:
    """One file, read piece by piece and thrown away; of the rows all amounts are added up."""
    address = f"/w/{workspace.slug}/month/{month}/exports/{form}/"
    begun, size, first = time.perf_counter(), 0, None
    lines = Lines()
    with Peak(program) as peak, client.stream("GET", address) as answer:
        answer.raise_for_status()
        for piece in answer.iter_bytes(PIECE):
            first = first or time.perf_counter() - begun
            size += len(piece)
            if form == "rows":
                lines.take(piece)
    took = time.perf_counter() - begun
    said = {
        "form": form,
        "entries": entries.count(Month(workspace, months.span(workspace, month))),
        "seconds": round(took, 2),
        "first_byte": round(first or took, 2),
        "bytes": size,
        "peak": peak.bytes,
    }
    if form == "rows":
        kept = sum((each.amount for each in of_months(workspace, [month])), Decimal(0))
        said |= {"rows": lines.count, "total_is_kept_sum": lines.total == kept}
    return said


class Lines:
    """Rows of the entries' file as they come: how many, and their amounts added up."""

    def __init__(self) -> None:
        self.rest, self.header, self.count, self.total = b"", [""], 0, Decimal(0)

    def take(self, piece: bytes) -> None:
        whole, _, self.rest = (self.rest + piece).rpartition(b"\n")
        for cells in csv.reader(io.StringIO(whole.decode())):
            if self.header == [""]:
                self.header = cells
            elif cells:
                row = dict(zip(self.header, cells, strict=True))
                self.count += 1
                self.total += Decimal(row["amount"])
