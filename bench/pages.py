"""Pages as a signed-in person gets them: `python -m bench.pages [--sizes S L] [--keep DIR] [--record]`.

Real `manage.py up`, kept connections, one write to the workspace before each page, no response is cached.
Queries are counted apart, in this process. The demo of each size is made once, below `--keep`, and used again
by the next run; S takes about a minute, L about half an hour. On data that is there it takes three minutes.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench import readers, stage

CAMPAIGN = "projects/halden/catalogue/"
KEPT = Path(tempfile.gettempdir()) / "circletake-bench"
READY = "demo-is-complete"
LIMITS_AT_L = {"home": (20, 100), "board": (60, 300)}
"""p50 with one reader and p95 with eight, in milliseconds."""
L_BY_S = 1.3
"""At most so many times as long at L as at S, at the median of one reader."""
Row = dict[str, Any]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", nargs="+", choices=["S", "M", "L"], default=["S", "L"])
    parser.add_argument(
        "--keep", type=Path, default=KEPT, help="holds the demos, each in a folder of its own"
    )
    parser.add_argument("--pages", type=int, default=40, help="for each reader")
    parser.add_argument("--record", action="store_true", help="append the result to docs/benchmarks.md")
    parser.add_argument("--one", choices=["S", "M", "L"], help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print(json.dumps(list(measured(options.one, options.keep.resolve(), options.pages))))
        return
    found = {size: apart(size, options) for size in options.sizes}
    words = "".join(as_text(rows, size) for size, rows in found.items())
    print(words)
    if options.record:
        with (stage.ROOT / "docs" / "benchmarks.md").open("a") as file:
            file.write(words)
    if slow := [*too_slow(found.get("L", [])), *too_much_slower(found)]:
        print("\n".join(slow))
        raise SystemExit(1)


def apart(size: str, options: argparse.Namespace) -> list[Row]:
    """One size, in a process of its own: settings are read once."""
    command = [sys.executable, "-m", "bench.pages", "--one", size, "--keep", str(options.keep)]
    done = subprocess.run([*command, "--pages", str(options.pages)], stdout=subprocess.PIPE, cwd=stage.ROOT)
    if done.returncode:
        raise SystemExit(done.returncode)
    rows: list[Row] = json.loads(done.stdout.splitlines()[-1])
    return rows


def measured(size: str, keep: Path, count: int) -> Iterator[Row]:
    """Starts the program on the demo of that size, which is made where it is not there yet."""
    folder = keep / size
    with contextlib.ExitStack() as stack:
        port = stage.free_port()
        os.environ.update(stage.environment(folder, port))
        if not (folder / READY).exists():
            make_demo(size, folder)
        log = stack.enter_context(stage.data_dir()) / "up.log"
        stack.enter_context(stage.started(stage.up(), log=log))
        stage.wait_for(f"http://localhost:{port}/healthz")
        yield from results(f"http://localhost:{port}", count)


def make_demo(size: str, folder: Path) -> None:
    """The demo, whole; what an interrupted run left is thrown away."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for each in (folder.parent, folder):
        each.chmod(0o711)  # the embedded database's system user passes through
    command = [sys.executable, str(stage.ROOT / "manage.py"), "demo", "--size", size]
    subprocess.run(command, check=True, cwd=stage.ROOT, stdout=sys.stderr)
    (folder / READY).touch()


def results(base: str, count: int) -> Iterator[Row]:
    """For each page: times with one reader and with eight, bytes, and queries."""
    import django

    django.setup()
    from bench import cast

    cast.settle()
    pages, writes = cast.pages()
    for page in pages:
        alone = readers.measure(base, page, writes, readers=1, pages=count)
        together = readers.measure(base, page, writes, readers=8, pages=max(5, count // 4))
        yield {
            "page": page.name,
            "p50_1": alone.share(50),
            "p95_1": alone.share(95),
            "p50_8": together.share(50),
            "p95_8": together.share(95),
            "queries": cast.queries(page),
            "bytes_sent": alone.sent,
            "bytes_shown": alone.shown,
        }


def too_slow(rows: list[Row]) -> list[str]:
    """Which of the limits are not met at L, in words."""
    found = []
    for row in rows:
        for name, limit in zip(("p50_1", "p95_8"), LIMITS_AT_L.get(row["page"], ()), strict=False):
            if row[name] > limit:
                found.append(f"{row['page']}: {name} is {row[name]} ms, at most {limit} were meant.")
    return found


def too_much_slower(found: dict[str, list[Row]]) -> list[str]:
    """Which pages take more than their share longer at L than at S, in words."""
    small = {row["page"]: row["p50_1"] for row in found.get("S", [])}
    return [
        f"{row['page']}: {row['p50_1']} ms at L are {row['p50_1'] / small[row['page']]:.2f} times the "
        f"{small[row['page']]} ms at S, at most {L_BY_S} were meant."
        for row in found.get("L", [])
        if row["page"] in small and row["p50_1"] > L_BY_S * small[row["page"]]
    ]


def as_text(rows: list[Row], size: str) -> str:
    """A section for `docs/benchmarks.md`."""
    now = datetime.datetime.now(datetime.UTC)
    load = ", ".join(f"{one:.1f}" for one in os.getloadavg())
    lines = [
        f"\n### Pages, size {size}, {now:%Y-%m-%d %H:%M} UTC\n",
        f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}, "
        f"load of the machine at the end {load}. Milliseconds.\n",
        "| page | p50, 1 reader | p95, 1 reader | p50, 8 readers | p95, 8 readers "
        "| queries | bytes sent | bytes of HTML |",
        "|---|---|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {row['page']} | {row['p50_1']} | {row['p95_1']} | {row['p50_8']} | {row['p95_8']} "
        f"| {row['queries']} | {row['bytes_sent']:,} | {row['bytes_shown']:,} |"
        for row in rows
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    began = time.monotonic()
    try:
        main()
    finally:
        print(f"{time.monotonic() - began:.0f} s", file=sys.stderr)
