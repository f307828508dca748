"""Many jobs at once, and short ones one after another, beside the plain way: `python -m bench.jobs [NAME …]`.

The whole system as shipped, with an emulated provider on the same machine. Rows and holds are made before
the clock starts. `video`: 10,000 films of 60 to 180 s in flight, half of them told by webhook. `short`: jobs
of a second with results of 10 kB. `pictures`: the same with two megapixels, probed, thumbnailed and stored.
Each is done once more the plain way, by a queue task for each job that waits for it, with the same workers.
CPU is that of web, workers, database and emulator apart; memory the peak of the proportional set size,
sampled each second.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import sys
import threading
import time
from typing import Any

from bench import stage

FILM = "fal/fal-ai/kling-video/v2.5-turbo/pro/text-to-video"
PICTURE = "fal/fal-ai/flux/dev"
AMOUNT = "0.05"
DELIVERABLES = 100
MIB = 2**20


@dataclasses.dataclass(frozen=True)
class Load:
    """`wanted` are the limits by the name of a figure: at most for times and memory, at least for rates."""

    name: str
    takes: int
    latency: str
    size: int
    model: str = PICTURE
    width: int = 320
    height: int = 192
    webhooks: bool = False
    plain_takes: int = 0
    wanted: dict[str, float] = dataclasses.field(default_factory=dict)

    @property
    def longest(self) -> float:
        return float(self.latency.rpartition("-")[2])


LOADS = {
    load.name: load
    for load in (
        Load(
            name="video",
            takes=10_000,
            latency="60-180",
            size=100_000,
            model=FILM,
            width=1280,
            height=720,
            webhooks=True,
            plain_takes=100,
            wanted={"settled_seconds": 207, "web_and_workers_mib": 1536, "idle_transactions_a_second": 150},
        ),
        Load(
            name="short",
            takes=6_000,
            latency="1",
            size=10_000,
            plain_takes=400,
            wanted={"takes_a_second": 150},
        ),
        Load(
            name="pictures",
            takes=1_600,
            latency="1",
            size=400_000,
            width=1920,
            height=1080,
            plain_takes=200,
            wanted={"with_thumbnails_a_second": 40},
        ),
    )
}
AT_LEAST = frozenset({"takes_a_second", "with_thumbnails_a_second"})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("loads", nargs="*", choices=[*LOADS, []], help="all of them when none is named")
    parser.add_argument("--takes", type=int, help="instead of the load's own number")
    parser.add_argument("--without-plain", action="store_true")
    options = parser.parse_args()
    missed = []
    for name in options.loads or LOADS:
        load = LOADS[name]
        if options.takes:
            load = dataclasses.replace(load, takes=options.takes)
        found = {"circletake": apart(load)}
        if not options.without_plain:
            found["plain"] = apart(load, plain=True)
        print(json.dumps({name: found}, indent=2), flush=True)
        missed += misses(load, found["circletake"])
    if missed:
        raise SystemExit("\n".join(missed))


def apart(load: Load, *, plain: bool = False) -> dict[str, Any]:
    """One load on fresh data, in a process of its own: settings are read once."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        code = 1
        try:
            with os.fdopen(writing, "w") as out:
                json.dump(on_fresh_data(load, plain=plain), out)
            code = 0
        finally:
            os._exit(code)
    os.close(writing)
    with os.fdopen(reading) as answer:
        words = answer.read()
    if os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]):
        raise SystemExit(f"{load.name} could not be measured.")
    found: dict[str, Any] = json.loads(words)
    return found


def on_fresh_data(load: Load, *, plain: bool) -> dict[str, Any]:
    with stage.data_dir() as folder:
        port, providers = stage.free_port(), stage.free_port()
        os.environ.update(stage.environment(folder, port))
        script = folder / "script.json"
        script.write_text(json.dumps(script_of(load)))
        emulator = [*stage.emulators(providers, latency=load.latency), "--script", str(script)]
        with (
            stage.started(emulator, log=folder / "emulators.log") as emulated,
            stage.started(stage.up(), log=folder / "up.log") as program,
        ):
            try:
                stage.wait_for(f"http://127.0.0.1:{port}/healthz")
                import django

                django.setup()
                url = f"http://127.0.0.1:{providers}"
                if plain:
                    from bench import plain as plain_way

                    return plain_way.measure(load, url, folder, program.pid, emulated.pid)
                return measure(load, url, program.pid, emulated.pid)
            except BaseException:
                sys.stderr.write((folder / "up.log").read_text()[-5000:])
                raise


def script_of(load: Load) -> dict[str, Any]:
    """How the provider behaves: the size of its outputs, and every second webhook left out."""
    silent = [{"match": {}, "behaviour": {"webhook": "none"}, "share": 0.5}]
    return {"rules": silent if load.webhooks else [], "defaults": {"output_bytes": load.size}}


def measure(load: Load, url: str, program: int, emulated: int) -> dict[str, Any]:
    from django.utils import timezone

    from bench import in_flight
    from generation import lanes
    from generation.models import Run

    prepare(load, url)
    with stage.Meter(program) as meter, stage.Meter(emulated) as emulator, Transactions() as transactions:
        meter.sample()
        used = dict(meter.cpu)
        begun = time.monotonic()
        Run.objects.update(due_at=timezone.now())
        lanes.ring("submit")
        stamps = in_flight.watch(load.takes, max(load.longest * 6, load.takes / 10))
        settled = time.monotonic() - begun
        posters = in_flight.wait_for_posters(load.takes)
        finished = time.monotonic() - begun
    cpu = {part: seconds - used.get(part, 0.0) for part, seconds in meter.cpu.items()}
    cpu["emulator"] = sum(emulator.cpu.values())
    mib = {part: round(value / MIB) for part, value in sorted(meter.peaks.items())}
    return {
        "takes": load.takes,
        "settled_seconds": round(settled, 1),
        "stages_seconds": stamps,
        "takes_a_second": round(load.takes / settled, 1),
        "thumbnails_after_seconds": posters,
        "with_thumbnails_a_second": round(load.takes / finished, 1),
        "idle_transactions_a_second": transactions.quiet(stamps),
        "cpu_ms_a_take": {k: round(v * 1000 / load.takes, 1) for k, v in sorted(cpu.items())},
        "peak_pss_mib": mib,
        "web_and_workers_mib": sum(value for part, value in mib.items() if part != "database"),
        "wrong": verify(load, url),
    }


def prepare(load: Load, url: str) -> None:
    """One workspace with its takes, runs and holds, queued for a time far away."""
    import datetime

    from django.db import transaction
    from django.utils import timezone

    from tests import factories
    from tests.generation import engine_rows

    studio = factories.workspace("bench")
    member = factories.membership(studio)
    campaign = factories.campaign(factories.project(studio))
    category = factories.category(studio)
    kind = "video" if load.model == FILM else "image"
    engine_rows.model(studio, load.model, kinds=(kind,), amount=AMOUNT, unit="call")
    engine_rows.account(studio, f"{url}/fal", concurrency=load.takes, webhooks=load.webhooks)
    deliverables = [factories.deliverable(campaign, category=category) for _ in range(DELIVERABLES)]
    far = timezone.now() + datetime.timedelta(days=1)
    fields: dict[str, Any] = {"seed": None, "duration_seconds": "5"} if kind == "video" else {}
    for start in range(0, load.takes, 200):
        with transaction.atomic():
            for number in range(start, min(start + 200, load.takes)):
                step = engine_rows.step(
                    kind=kind,
                    models=[load.model],
                    amount=AMOUNT,
                    prompt=f"Lighthouse {number}",
                    width=load.width,
                    height=load.height,
                    **fields,
                )
                engine_rows.take(deliverables[number % DELIVERABLES], step, person=member.person, due_at=far)


def verify(load: Load, url: str) -> list[str]:
    """What is not as it has to be: takes, money, holds, jobs, and every file by hash, size and length."""
    from decimal import Decimal

    from django.db.models import Count, Sum

    from billing.models import Entry, Hold
    from generation.media import probe, store
    from projects.models import Asset, Take

    wrong = []
    states = dict(Take.objects.values_list("state").annotate(number=Count("pk")))
    if states != {"ready": load.takes}:
        wrong.append(f"takes are {states}")
    jobs = jobs_of(url)
    charged = sum((Decimal(AMOUNT) * Decimal(str(job["units"])) for job in jobs), Decimal(0))
    spent = Entry.objects.aggregate(total=Sum("amount"))["total"] or Decimal(0)
    if spent != charged:
        wrong.append(f"{spent} booked, {charged} charged")
    if holds := Hold.objects.filter(outcome__isnull=True).count():
        wrong.append(f"{holds} holds are open")
    if len(jobs) != load.takes or len({job["token"] for job in jobs}) != load.takes:
        wrong.append(f"the provider was given {len(jobs)} jobs")
    assets = Asset.objects.filter(take_assets__role="output").distinct()
    if assets.count() != load.takes:
        wrong.append(f"{assets.count()} files")
    for asset in assets.iterator():
        if not asset.width or (load.model == FILM and not asset.duration_seconds):
            wrong.append(f"asset {asset.pk} was not looked into")
        with store.local(asset.name) as path:
            if probe.hash_of(path) != asset.sha256:
                wrong.append(f"asset {asset.pk} is not what it was")
    return wrong[:20]


def jobs_of(url: str) -> list[dict[str, Any]]:
    import urllib.request

    with urllib.request.urlopen(f"{url}/_control/log") as answer:
        jobs: list[dict[str, Any]] = json.load(answer)["jobs"]
    return jobs


class Transactions:
    """Commits and rollbacks of the database, looked at each second."""

    def __init__(self) -> None:
        self.seen: list[tuple[float, int]] = []
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Transactions:
        self.begun = time.monotonic()
        self.thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.stopping.set()
        self.thread.join()

    def _run(self) -> None:
        from django.db import connection

        while not self.stopping.wait(1):
            with connection.cursor() as cursor:
                cursor.execute("SELECT sum(xact_commit + xact_rollback) FROM pg_stat_database")
                self.seen.append((time.monotonic() - self.begun, int(cursor.fetchone()[0])))
        connection.close()

    def quiet(self, stamps: dict[str, float]) -> float | None:
        """A second, between the last submit and the first settlement; None where there was no such time."""
        start, end = stamps.get("all submitted", 0.0) + 3, stamps.get("first settled", 0.0) - 2
        inside = [(at, number) for at, number in self.seen if start <= at <= end]
        if len(inside) < 5:
            return None
        (first, before), (last, after) = inside[0], inside[-1]
        return round((after - before) / (last - first), 1)


def misses(load: Load, found: dict[str, Any]) -> list[str]:
    """Which limits were not met, in words."""
    words = [f"{load.name}: {one}" for one in found["wrong"]]
    for name, limit in load.wanted.items():
        value = found[name]
        if value is None:
            words.append(f"{load.name}: {name} could not be measured.")
        elif value < limit if name in AT_LEAST else value > limit:
            meant = "at least" if name in AT_LEAST else "at most"
            words.append(f"{load.name}: {name} is {value}, {meant} {limit:g} was meant.")
    return words


if __name__ == "__main__":
    main()
