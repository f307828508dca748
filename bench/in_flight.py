"""2,000 takes in flight at once: `python -m bench.in_flight [--takes 2000] [--latency 30]`.

Rows and holds are made before the clock starts. It stops when every take is collected, verified and settled.
Meanwhile a signed-in person opens a page again and again. Posters are made apart and reported.
"""

from __future__ import annotations

import argparse
import collections
import contextlib
import datetime
import json
import os
import sys
import threading
import time
import urllib.request
from typing import Any

from bench import readers, stage

LIMIT = 2.5
PAGE_LIMIT_MS = 300
DELIVERABLES = 100


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--takes", type=int, default=2000)
    parser.add_argument("--latency", type=float, default=30.0)
    options = parser.parse_args()
    with stage.data_dir() as folder:
        port, providers = stage.free_port(), stage.free_port()
        os.environ.update(stage.environment(folder, port))
        emulator = stage.emulators(providers, latency=f"{options.latency:g}")
        with (
            stage.started(emulator, log=folder / "emulators.log") as emulated,
            stage.started(stage.up(), log=folder / "up.log") as program,
        ):
            try:
                stage.wait_for(f"http://127.0.0.1:{port}/healthz")
                result = measure(options, program.pid, emulated.pid, port, providers)
            except BaseException:
                sys.stderr.write((folder / "up.log").read_text()[-5000:])
                raise
    print(json.dumps(result, indent=2))
    if not result["passed"]:
        raise SystemExit(1)


def measure(
    options: argparse.Namespace, program: int, emulated: int, port: int, providers: int
) -> dict[str, Any]:
    import django

    django.setup()
    from django.utils import timezone

    from generation import lanes
    from generation.models import Run

    session = prepare(options.takes, f"http://127.0.0.1:{providers}/fal")
    pages = Pages(f"http://127.0.0.1:{port}", session)
    with stage.Meter(program) as meter, stage.Meter(emulated) as emulator_meter:
        begun = time.monotonic()
        Run.objects.update(due_at=timezone.now())
        lanes.ring("submit")
        with pages:
            stamps = watch(options.takes, options.latency * 6)
        seconds = time.monotonic() - begun
        posters = wait_for_posters(options.takes)
    checked = verify(options.takes, providers)
    slow = round(readers.share(pages.times, 95), 1)
    passed = seconds <= options.latency * LIMIT and slow < PAGE_LIMIT_MS and checked["wrong"] == []
    return {
        "takes": options.takes,
        "latency_seconds": options.latency,
        "collected_and_settled_within_seconds": round(seconds, 1),
        "allowed_seconds": options.latency * LIMIT,
        "stages_seconds": stamps,
        "posters_after_seconds": posters,
        "page_p50_ms": round(readers.share(pages.times, 50), 1),
        "page_p95_ms": slow,
        "pages": len(pages.times),
        "page_errors": dict(pages.errors),
        "peak_pss_mib": round(meter.peak_total / 2**20),
        "peak_pss_mib_by_part": {k: round(v / 2**20) for k, v in sorted(meter.peaks.items())},
        "cpu_seconds_by_part": {k: round(v, 1) for k, v in sorted(meter.cpu.items())},
        "emulator_cpu_seconds": round(sum(emulator_meter.cpu.values()), 1),
        "checks": checked,
        "passed": passed,
    }


def prepare(count: int, url: str) -> str:
    """One workspace with its takes, queued for a time far away; answers a session of its producer."""
    from django.utils import timezone

    from bench import cast
    from tests import factories
    from tests.generation import engine_rows

    studio = factories.workspace("bench")
    member = factories.membership(studio)
    campaign = factories.campaign(factories.project(studio))
    category = factories.category(studio)
    engine_rows.model(studio, engine_rows.FLUX, amount="0.05")
    engine_rows.account(studio, url, concurrency=count)
    deliverables = [factories.deliverable(campaign, category=category) for _ in range(DELIVERABLES)]
    far = timezone.now() + datetime.timedelta(days=1)
    for number in range(count):
        engine_rows.take(
            deliverables[number % DELIVERABLES],
            engine_rows.step(models=[engine_rows.FLUX], amount="0.05", prompt=f"Lighthouse {number}"),
            person=member.person,
            due_at=far,
        )
    return cast.session(member.person.email)


def watch(count: int, patience: float) -> dict[str, float]:
    """Until every take is ready: after how many seconds how many runs had come how far."""
    from django.db.models import Count

    from generation.models import Run

    begun = time.monotonic()
    stamps: dict[str, float] = {}
    while time.monotonic() - begun < patience:
        rows = Run.objects.values_list("state").annotate(n=Count("pk"))
        states = collections.Counter(dict(rows))
        passed = round(time.monotonic() - begun, 1)
        if states["queued"] + states["submitting"] == 0:
            stamps.setdefault("all submitted", passed)
        if states["succeeded"] >= 1:
            stamps.setdefault("first settled", passed)
        if count - states["succeeded"] - states["collecting"] == 0:
            stamps.setdefault("all polled", passed)
        if states["succeeded"] + states["failed"] + states["unknown"] >= count:
            stamps["all settled"] = passed
            return stamps
        time.sleep(1)
    raise TimeoutError(f"after {patience:g} s the runs are {dict(states)}")


def wait_for_posters(count: int) -> float:
    from generation.models import SketchJob

    begun = time.monotonic()
    while SketchJob.objects.filter(state__in=["queued", "running"]).exists():
        if time.monotonic() - begun > count:
            raise TimeoutError("the posters are not done")
        time.sleep(1)
    return round(time.monotonic() - begun, 1)


def verify(count: int, providers: int) -> dict[str, Any]:
    """The books, the files and the provider's own log, compared."""
    from decimal import Decimal

    from django.db.models import Sum

    from billing.models import Entry, Hold
    from generation.media import probe, store
    from projects.models import Asset, Take

    with urllib.request.urlopen(f"http://127.0.0.1:{providers}/_control/log") as answer:
        jobs = json.load(answer)["jobs"]
    wrong = []
    ready = Take.objects.filter(state="ready").count()
    spent = Entry.objects.aggregate(total=Sum("amount"))["total"] or Decimal(0)
    if ready != count:
        wrong.append(f"{ready} of {count} takes are ready")
    if spent != Decimal("0.05") * count:
        wrong.append(f"{spent} booked")
    if holds := Hold.objects.filter(outcome__isnull=True).count():
        wrong.append(f"{holds} holds are open")
    if len(jobs) != count or len({job["token"] for job in jobs}) != count:
        wrong.append(f"the provider was given {len(jobs)} jobs")
    for asset in Asset.objects.all():
        with store.local(asset.name) as path:
            if probe.hash_of(path) != asset.sha256:
                wrong.append(f"asset {asset.pk} is not what it was")
    polls = sum(job["polls"] for job in jobs)
    return {
        "wrong": wrong,
        "assets": Asset.objects.count(),
        "polls_a_job": round(polls / max(len(jobs), 1), 1),
    }


class Pages:
    """A person who opens the home page five times a second, and how long each took."""

    def __init__(self, url: str, session: str) -> None:
        self.request = urllib.request.Request(
            f"{url}/w/bench/", headers={"Cookie": f"session={session}", "Host": "localhost"}
        )
        self.times: list[float] = []
        self.errors: collections.Counter[str] = collections.Counter()
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Pages:
        self.thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.stopping.set()
        self.thread.join()

    def _run(self) -> None:
        while not self.stopping.wait(0.2):
            begun = time.monotonic()
            try:
                with contextlib.closing(urllib.request.urlopen(self.request, timeout=30)) as answer:
                    answer.read()
            except OSError as error:
                self.errors[str(error)] += 1
            self.times.append((time.monotonic() - begun) * 1000)


if __name__ == "__main__":
    main()
