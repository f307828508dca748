"""The whole program with ten million entries: `python -m bench.scale [--entries N] [--only pages close]`.

Fifty workspaces over 24 months, the largest with two fifths of all entries. The stages, in this order:
`data`, `totals`, `duckdb`, `pages`, `exports`, `close`, `history`. The data are made once, below
`--keep`, and go on where they were broken off; every other stage can be run alone and again.
What a stage found, with the load of the machine, is printed and kept beside the data in `found.json`.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from bench import stage

KEPT = Path(tempfile.gettempdir()) / "circletake-bench" / "scale"
READY = "data-is-complete"
HISTORY_ROWS = 1_000_000
#: For the time in which data are made that can be made again.
MAKING = {
    "max_wal_size": "8GB",
    "checkpoint_timeout": "1h",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "autovacuum": "off",
    "shared_buffers": "1GB",
    "maintenance_work_mem": "1GB",
}
Found = dict[str, Any]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--entries", type=int, default=10_000_000)
    parser.add_argument("--keep", type=Path, default=KEPT, help="holds the data and what was found")
    parser.add_argument("--only", nargs="+", choices=list(STAGES), default=list(STAGES))
    parser.add_argument("--pages", nargs="+", default=[], help="of the pages, those with one of these words")
    parser.add_argument("--rows", type=int, default=HISTORY_ROWS, help="of the history that is imported")
    parser.add_argument("--one", choices=list(STAGES), help=argparse.SUPPRESS)
    options = parser.parse_args()
    options.keep = options.keep.resolve()
    if options.one:
        found = STAGES[options.one](options)
        keep(options.keep, options.one, found)
        print(as_text(options.one, found), flush=True)
        return
    for name in STAGES:
        if name in options.only or (name == "data" and not (options.keep / READY).exists()):
            apart(name, options)


def apart(name: str, options: argparse.Namespace) -> None:
    """One stage, in a process of its own: settings are read once."""
    command = [sys.executable, "-m", "bench.scale", "--one", name, "--keep", str(options.keep)]
    command += ["--entries", str(options.entries), "--rows", str(options.rows)]
    command += ["--pages", *options.pages] if options.pages else []
    done = subprocess.run(command, cwd=stage.ROOT)
    if done.returncode:
        raise SystemExit(done.returncode)


def data(options: argparse.Namespace) -> Found:
    """Makes all workspaces, with a database that may forget when the machine breaks."""
    from circletake import postgres

    folder = options.keep
    folder.mkdir(parents=True, exist_ok=True)
    for each in (folder.parent, folder):
        each.chmod(0o711)  # the embedded database's system user passes through
    if (folder / READY).exists():
        return {"there": True}
    begun = time.monotonic()
    with database(folder, **postgres.THROWAWAY, **MAKING):
        from django.core.management import call_command
        from django.utils import timezone

        from bench import scale_data

        call_command("migrate", verbosity=0)
        call_command("load_catalogue", stdout=sys.stderr)
        scale_data.make(entries=options.entries, now=timezone.now(), say=_said(begun))
    os.sync()
    (folder / READY).touch()
    return {"seconds": round(time.monotonic() - begun), "bytes": _size(folder / "postgres")}


def totals(options: argparse.Namespace) -> Found:
    with database(options.keep):
        from bench import scale_totals

        return scale_totals.compared()


def duckdb(options: argparse.Namespace) -> Found:
    with database(options.keep):
        from bench import scale_duckdb

        folder = options.keep / "parquet"
        return {"files": scale_duckdb.write(folder), **scale_duckdb.measured(folder, months()[-2])}


def pages(options: argparse.Namespace) -> Found:
    with program(options.keep) as (base, pid):
        from bench import scale_pages

        rows = []
        for row in scale_pages.measured(base, pid, months()[-2], options.pages):
            print(row, file=sys.stderr, flush=True)
            rows.append(row)
        return {"rows": rows}


def exports(options: argparse.Namespace) -> Found:
    with program(options.keep) as (base, pid):
        from bench import scale_exports

        return {"files": list(scale_exports.measured(base, pid, months()[0]))}


def close(options: argparse.Namespace) -> Found:
    """The first month, which is the largest. It stays closed, so this can be measured once."""
    with database(options.keep):
        from bench import scale_close

        name = months()[0]
        if scale_close.is_closed(name):
            return {"month": name, "closed_before": True}
        return scale_close.measured(name)


def history(options: argparse.Namespace) -> Found:
    """Into a workspace of its own, on data of its own."""
    from bench import history as imports

    with stage.data_dir() as folder, program(folder) as (base, pid), stage.Meter(pid) as meter:
        said = imports.measure(base, imports.token("bench-scale"), options.rows)
        return {"said": said, "peak": meter.peak_total}


STAGES: dict[str, Callable[[argparse.Namespace], Found]] = {
    "data": data,
    "totals": totals,
    "duckdb": duckdb,
    "pages": pages,
    "exports": exports,
    "close": close,
    "history": history,
}


@contextlib.contextmanager
def database(folder: Path, **extra: str) -> Iterator[None]:
    """The embedded database alone, and Django on it."""
    from circletake import postgres

    server = postgres.Server(folder, extra=extra)
    server.start(timeout_seconds=600)
    os.environ.update(stage.environment(folder, stage.free_port()))
    os.environ["DATABASE_URL"] = postgres.url(folder)
    try:
        import django

        django.setup()
        yield
    finally:
        server.stop(timeout_seconds=900)


@contextlib.contextmanager
def program(folder: Path) -> Iterator[tuple[str, int]]:
    """`manage.py up` on these data: its address, and its process."""
    port = stage.free_port()
    os.environ.update(stage.environment(folder, port))
    with contextlib.ExitStack() as stack:
        log = stack.enter_context(stage.data_dir()) / "up.log"
        process = stack.enter_context(stage.started(stage.up(), log=log))
        stage.wait_for(f"http://localhost:{port}/healthz", seconds=600)
        import django

        django.setup()
        yield f"http://localhost:{port}", process.pid


def months() -> list[str]:
    """The months that have entries, as of when the data were made."""
    from billing.models import MonthSum

    names = MonthSum.objects.order_by("month").values_list("month", flat=True).distinct()
    return [f"{month:%Y-%m}" for month in names]


def keep(folder: Path, name: str, found: Found) -> None:
    """Notes what a stage found, with when and under which load, over what it found before."""
    path = folder / "found.json"
    known = json.loads(path.read_text()) if path.exists() else {}
    at = datetime.datetime.now(datetime.UTC)
    known[name] = {"at": f"{at:%Y-%m-%d %H:%M} UTC", "load": os.getloadavg(), **found}
    path.write_text(json.dumps(known, indent=1, default=str))


def as_text(name: str, found: Found) -> str:
    load = ", ".join(f"{one:.1f}" for one in os.getloadavg())
    head = f"\n### {name}, {datetime.datetime.now(datetime.UTC):%Y-%m-%d %H:%M} UTC, load {load}\n"
    if name != "pages":
        return f"{head}\n{json.dumps(found, indent=1, default=str)}"
    lines = [
        "| page | web CPU | database CPU | alone | p50, 10 readers | p95, 10 readers | statements |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in found["rows"]:
        cells = (row.get(key, "–") for key in ("web", "database", "alone", "p50", "p95", "queries"))
        lines.append(f"| {row['page']} | {' | '.join(map(str, cells))} |")
    return f"{head}\n" + "\n".join(lines)


def _said(begun: float) -> Callable[[str], object]:
    return lambda words: print(f"{time.monotonic() - begun:.0f} s: {words}", file=sys.stderr, flush=True)


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


if __name__ == "__main__":
    main()
