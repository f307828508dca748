"""A history import as a client gets it: `python -m bench.history [--rows 50000]`.

Real `manage.py up` on data of its own; the two files go to the API. Up to 50,000 rows the answer is the
result, above that a job which is asked about until it is done. A fifth of the rows are decisions.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime
import os
import subprocess
import sys
import time
from collections.abc import Iterator

import httpx

from bench import stage
from tests.billing.naive_lines import CHARGE_COLUMNS, DECISION_COLUMNS
from tests.billing.written import charge, decision, file_of

TAKES = 8
"""A deliverable's: eight charges, the first of them rejected and the last signed off."""
BEGIN = datetime.datetime(2024, 1, 2, 9, tzinfo=datetime.UTC)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, nargs="+", default=[50_000])
    options = parser.parse_args()
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(stage.data_dir())
        port = stage.free_port()
        os.environ.update(stage.environment(folder, port))
        log = stack.enter_context(stage.data_dir()) / "up.log"
        process = stack.enter_context(stage.started(stage.up(), log=log))
        stage.wait_for(f"http://localhost:{port}/healthz", seconds=400)
        meter = stack.enter_context(stage.Meter(process.pid))
        for number, rows in enumerate(options.rows):
            said = measure(f"http://localhost:{port}", token(f"bench-{number}"), rows)
            print(said, f"peak memory {meter.peak_total / 2**20:.0f} MiB", flush=True)


def token(slug: str) -> str:
    command = [sys.executable, str(stage.ROOT / "manage.py"), "create_workspace", slug, "--currency", "EUR"]
    command += ["--time-zone", "Europe/Berlin", "--owner", f"{slug}@example.com"]
    done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=stage.ROOT)
    return done.stdout.split()[-1]


def measure(url: str, token: str, rows: int) -> str:
    charges, decisions = files(rows)
    begun = time.monotonic()
    with httpx.Client(base_url=url, headers={"Authorization": f"Token {token}"}, timeout=600) as client:
        answer = client.post(
            "/api/v1/history/",
            files={"charges": ("charges.csv", charges), "decisions": ("decisions.csv", decisions)},
            headers={"Idempotency-Key": str(rows)},
        )
        answer.raise_for_status()
        answered = time.monotonic() - begun
        job = answer.json()
        while answer.status_code == 202 and job["state"] not in ("done", "refused", "failed"):
            time.sleep(1)
            job = client.get(f"/api/v1/history/{job['id']}/").raise_for_status().json()
    took = time.monotonic() - begun
    load = os.getloadavg()[1]
    return (
        f"{rows:,} rows: answered {answer.status_code} after {answered:.1f} s, done after {took:.1f} s"
        f" ({rows / took:,.0f} rows/s, load {load:.1f}): {job.get('state', '')} {job.get('answer') or job}"
    )


def files(rows: int) -> tuple[bytes, bytes]:
    deliverables = rows // (TAKES + 2)
    charges = file_of(CHARGE_COLUMNS, _charges(deliverables))
    decisions = file_of(DECISION_COLUMNS, _decisions(deliverables))
    return charges.encode(), decisions.encode()


def _at(deliverable: int, take: int) -> str:
    at = BEGIN + datetime.timedelta(minutes=deliverable * 40 % 900_000, hours=take)
    return at.isoformat()


def _place(deliverable: int) -> dict[str, str]:
    return {"project": f"p{deliverable % 5}", "campaign": f"c{deliverable % 50}"}


def _charges(deliverables: int) -> Iterator[dict[str, str]]:
    for number in range(deliverables):
        for take in range(1, TAKES + 1):
            key = number * TAKES + take
            yield {**charge(key, _at(number, take), f"d{number}", str(take), "0.05"), **_place(number)}


def _decisions(deliverables: int) -> Iterator[dict[str, str]]:
    for number in range(deliverables):
        rejected = decision(_at(number, TAKES + 1), f"d{number}", "1", "reject")
        yield {**rejected, **_place(number)}
        accepted = decision(_at(number, TAKES + 2), f"d{number}", str(TAKES), "accept")
        yield {**accepted, **_place(number)}


if __name__ == "__main__":
    main()
