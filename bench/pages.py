"""Pages as a signed-in person gets them: `python -m bench.pages [--size S | --data-dir …] [--record]`.

Real `manage.py up`, kept connections, one write to the workspace before each page, no response is cached.
Queries are counted apart, in this process. Without `--data-dir` the demo is made first: S takes about a
minute, L hours.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime
import json
import os
import platform
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench import readers, stage

CAMPAIGN = "projects/halden/catalogue/"
LIMITS_AT_L = {"home": (20, 100), "board": (60, 300)}
"""p50 with one reader and p95 with eight, in milliseconds."""
Row = dict[str, Any]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", choices=["S", "M", "L"], default="S")
    parser.add_argument("--data-dir", type=Path, help="holds the demo of that size already")
    parser.add_argument("--pages", type=int, default=40, help="for each reader")
    parser.add_argument("--record", action="store_true", help="append the result to docs/benchmarks.md")
    options = parser.parse_args()
    with contextlib.ExitStack() as stack:
        folder = options.data_dir or stack.enter_context(stage.data_dir())
        port = stage.free_port()
        os.environ.update(stage.environment(folder.resolve(), port))
        if not options.data_dir:
            make_demo(options.size)
        log = stack.enter_context(stage.data_dir()) / "up.log"
        stack.enter_context(stage.started(stage.up(), log=log))
        stage.wait_for(f"http://localhost:{port}/healthz")
        rows = list(results(f"http://localhost:{port}", options.pages))
    print(json.dumps(rows, indent=2))
    words = as_text(rows, options.size)
    print(words)
    if options.record:
        with (stage.ROOT / "docs" / "benchmarks.md").open("a") as file:
            file.write(words)
    if options.size == "L" and (slow := too_slow(rows)):
        print("\n".join(slow))
        raise SystemExit(1)


def make_demo(size: str) -> None:
    command = [sys.executable, str(stage.ROOT / "manage.py")]
    subprocess.run([*command, "demo", "--size", size], check=True, cwd=stage.ROOT)


def results(base: str, count: int) -> Iterator[Row]:
    """For each page: times with one reader and with eight, bytes, and queries."""
    import django

    django.setup()
    from bench import cast

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
    """Which of the limits are not met, in words."""
    found = []
    for row in rows:
        for name, limit in zip(("p50_1", "p95_8"), LIMITS_AT_L.get(row["page"], ()), strict=False):
            if row[name] > limit:
                found.append(f"{row['page']}: {name} is {row[name]} ms, at most {limit} were meant.")
    return found


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
    main()
