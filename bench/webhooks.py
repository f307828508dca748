"""A storm of webhooks: `python -m bench.webhooks [--rate 200] [--seconds 60] [--record]`.

The whole program as shipped, with jobs at an emulated fal that have ended there and of which no poll is due
for hours. Another process then sends their webhooks at fixed instants, half of them valid and for the first
time, the others repeated, late, forged or stale (`bench.webhook_mix`); the emulator sends none. Every status
is compared with the one that was known before, and afterwards the rows: what each message may have changed,
and nothing more. Meanwhile one person reads pages, as before the storm.
"""

from __future__ import annotations

import argparse
import collections
import contextlib
import datetime
import itertools
import json
import os
import platform
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx

from bench import stage, webhook_mix
from bench.readers import share
from bench.webhook_mix import KINDS, Job, Jobs, Message

ENDED = CANCELLED = OPEN = 200
"""Takes that had ended or were cancelled before the storm, and takes that no valid message tells of."""
QUIET_SECONDS = 20.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rate", type=float, default=200, help="messages a second")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--record", action="store_true", help="append the result to docs/benchmarks.md")
    options = parser.parse_args()
    with stage.data_dir() as folder:
        port, providers = stage.free_port(), stage.free_port()
        os.environ.update(stage.environment(folder, port))
        key = os.urandom(32)
        with (
            stage.started(provider(providers, key, folder), log=folder / "emulators.log"),
            stage.started(stage.up(), log=folder / "up.log") as program,
        ):
            try:
                stage.wait_for(f"http://127.0.0.1:{port}/healthz", seconds=400)
                found = measure(options, folder, program.pid, port, f"http://127.0.0.1:{providers}", key)
            except BaseException:
                sys.stderr.write((folder / "up.log").read_text()[-5000:])
                raise
    words = as_text(found)
    print(words)
    if options.record:
        with (stage.ROOT / "docs" / "benchmarks.md").open("a") as file:
            file.write(words)
    if found["wrong"]:
        raise SystemExit("\n".join(found["wrong"]))


def provider(port: int, key: bytes, folder: Path) -> list[str]:
    script = folder / "script.json"
    script.write_text(json.dumps({"defaults": {"webhook": "none", "output_bytes": 10_000}}))
    return [sys.executable, "-m", "bench.webhook_provider", str(port), key.hex(), str(script)]


def measure(
    options: argparse.Namespace, folder: Path, program: int, port: int, providers: str, key: bytes
) -> dict[str, Any]:
    import django

    django.setup()
    from bench import webhook_rows

    wanted = webhook_mix.counts(int(options.rate * options.seconds))["valid"]
    rows = webhook_rows.prepare(providers, valid=wanted, ended=ENDED, cancelled=CANCELLED, open_=OPEN)
    jobs = Jobs(**{group: jobs_of(takes) for group, takes in rows.takes.items()})
    pages = Pages(f"http://127.0.0.1:{port}", rows.session, rows.addresses)
    with pages.reading() as quiet:
        time.sleep(QUIET_SECONDS)
    messages = webhook_mix.plan(jobs, rate=options.rate, seconds=options.seconds, seed=options.seed)
    before = webhook_rows.standing(rows, webhook_rows.log_of(providers))
    load = os.getloadavg()[0]
    with stage.Meter(program) as meter:
        meter.sample()
        used = dict(meter.cpu)
        with pages.reading() as stormy:
            answers = sent(messages, folder, f"http://127.0.0.1:{port}/hooks/fal", key)
        meter.sample()
        cpu = {part: seconds - used.get(part, 0.0) for part, seconds in meter.cpu.items()}
        collected = webhook_rows.wait_for_collection(rows)
    return {
        "when": datetime.datetime.now(datetime.UTC),
        "load": load,
        "rate": options.rate,
        "seconds": options.seconds,
        "answers": answers,
        "collected_after": collected,
        "cpu": cpu,
        "quiet": quiet,
        "stormy": stormy,
        "page_errors": dict(pages.errors),
        "key_sets": asked(f"{providers}/_control/key_sets")["fetched"],
        "wrong": [*unexpected(answers, messages), *webhook_rows.wrong(rows, before, providers)],
    }


def jobs_of(takes: list[Any]) -> list[Job]:
    from generation import tokens
    from generation.models import Call

    calls = Call.objects.filter(run__take__in=takes).order_by("pk")
    return [Job(call.provider_job_id, tokens.token_of(call.pk, call.token_hash)) for call in calls]


def sent(messages: list[Message], folder: Path, base: str, key: bytes) -> list[tuple[str, int, float, float]]:
    """What the sender, a process of its own, was answered."""
    plan = folder / "plan.json"
    told = [(one.at, one.kind, one.job.job_id, one.job.token) for one in messages]
    plan.write_text(json.dumps({"base": base, "key": key.hex(), "messages": told}))
    command = [sys.executable, "-m", "bench.webhook_sender", str(plan)]
    done = subprocess.run(command, stdout=subprocess.PIPE, cwd=stage.ROOT, check=True, text=True)
    return [tuple(json.loads(line)) for line in done.stdout.splitlines()]


def unexpected(answers: list[tuple[str, int, float, float]], messages: list[Message]) -> list[str]:
    found = collections.Counter(
        f"{kind}: answered {status}, {KINDS[kind].status} was expected"
        for kind, status, *_ in answers
        if status != KINDS[kind].status
    )
    words = [f"{text} ({number} times)" for text, number in sorted(found.items())]
    missing = len(messages) - len(answers)
    return [*words, *([f"{missing} messages were not sent"] if missing else [])]


def asked(address: str) -> dict[str, Any]:
    with urllib.request.urlopen(address) as answer:
        found: dict[str, Any] = json.load(answer)
    return found


class Pages:
    """One person who opens these pages in turn, a tenth of a second after the last was there."""

    def __init__(self, base: str, session: str, addresses: dict[str, str]) -> None:
        self.base, self.session, self.addresses = base, session, addresses
        self.errors: collections.Counter[str] = collections.Counter()

    @contextlib.contextmanager
    def reading(self) -> Iterator[dict[str, list[float]]]:
        """While the block lasts; what each page took, in milliseconds, is in what it gives."""
        times: dict[str, list[float]] = {name: [] for name in self.addresses}
        stopping = threading.Event()
        thread = threading.Thread(target=self._read, args=(times, stopping), daemon=True)
        thread.start()
        try:
            yield times
        finally:
            stopping.set()
            thread.join()

    def _read(self, times: dict[str, list[float]], stopping: threading.Event) -> None:
        headers = {"Host": "localhost"}
        with httpx.Client(base_url=self.base, headers=headers, cookies={"session": self.session}) as client:
            for name in itertools.cycle(self.addresses):
                if stopping.wait(0.1):
                    return
                begun = time.monotonic()
                try:
                    answer = client.get(self.addresses[name], timeout=30)
                    said = "" if answer.status_code == 200 else f"{name}: {answer.status_code}"
                except httpx.HTTPError as error:
                    said = f"{name}: {type(error).__name__}"
                times[name].append((time.monotonic() - begun) * 1000)
                self.errors.update([said] if said else [])


# -- in words -------------------------------------------------------------------------------------


def as_text(found: dict[str, Any]) -> str:
    """A section for `docs/benchmarks.md`."""
    answers = found["answers"]
    late = [one[2] for one in answers]
    took = [one[3] * 1000 for one in answers]
    cpu = ", ".join(f"{part} {seconds:.0f} s" for part, seconds in sorted(found["cpu"].items()))
    lines = [
        f"\n### {found['rate']:g} webhooks a second for {found['seconds']:g} s, "
        f"{found['when']:%Y-%m-%d %H:%M} UTC\n",
        f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}; load before "
        f"the storm {found['load']:.1f}.\n",
        "| message | sent | expected | answered so |",
        "| --- | --- | --- | --- |",
        *(_kind(name, answers) for name in KINDS),
        "",
        f"- sent late by {share(late, 50):.3f} s at the median, {share(late, 99):.3f} s at the 99th "
        f"percentile, {max(late):.3f} s at most",
        f"- answered within {share(took, 50):.0f} ms at the median, {share(took, 95):.0f} at the 95th "
        f"percentile, {share(took, 99):.0f} at the 99th, {max(took):.0f} at most",
        f"- the last valid one collected and booked {found['collected_after']:.1f} s after the last answer",
        f"- fal's key set was fetched {found['key_sets']} times",
        f"- CPU of the program during the storm: {cpu}",
        f"- pages that failed: {found['page_errors'] or 'none'}",
        f"- wrong: {'; '.join(found['wrong']) or 'nothing'}",
        "",
        "| page, one reader | before the storm: median and 95th percentile | during it |",
        "| --- | --- | --- |",
        *(
            f"| {name} | {_page(found['quiet'][name])} | {_page(found['stormy'][name])} |"
            for name in found["quiet"]
        ),
    ]
    return "\n".join(lines) + "\n"


def _kind(name: str, answers: list[tuple[str, int, float, float]]) -> str:
    statuses = [status for kind, status, *_ in answers if kind == name]
    right = sum(status == KINDS[name].status for status in statuses)
    return f"| {name} | {len(statuses):,} | {KINDS[name].status} | {right:,} |"


def _page(times: list[float]) -> str:
    return f"{share(times, 50):.0f} and {share(times, 95):.0f} ms ({len(times)} read)"


if __name__ == "__main__":
    main()
