"""A queue that freezes, again and again: `python -m drills.frozen [--rounds 50] [--canary 60] [--folder …]`.

`manage.py up` runs beside an emulated provider. Each round kills, in turn, the idle worker of the queue that
is next in line (it holds the lock of the task queue, which is never freed: the cluster looks healthy and does
nothing) or the queue's sentinel. Then a take is asked for, and nobody does anything. The round is good when
the take is ready within 120 s of the kill, by a restart for which the program found the reason itself, and
when no process of the former group is left. A drill that was broken off goes on where it was: `frozen.json`.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import random
import re
import shutil
import signal
import sys
import time
from pathlib import Path
from typing import Any

import psutil

from bench import stage
from drills import aim

LIMIT_SECONDS = 120.0
GIVEN_UP_SECONDS = 300.0
KINDS = ("next idle worker", "sentinel")
REASONS = {"next idle worker": "no task was taken for", "sentinel": "ended"}
READ_SYSCALL = "0"


@dataclasses.dataclass
class Group:
    """The queue's processes of one supervisor, by part."""

    main: psutil.Process
    sentinel: psutil.Process
    workers: list[psutil.Process]

    @property
    def all(self) -> list[psutil.Process]:
        return [self.main, self.sentinel, *self.workers]


def group(pid: int) -> Group | None:
    """None while it is getting up."""
    try:
        below = psutil.Process(pid).children(recursive=True)
        queue = [process for process in below if "circletake.cluster" in process.cmdline()]
        (main,) = [process for process in queue if process.parent() not in queue]
        (sentinel,) = main.children()
        workers = sentinel.children()
    except (psutil.Error, ValueError):
        return None
    return Group(main, sentinel, workers) if workers else None


def next_in_line(found: Group) -> psutil.Process | None:
    """The worker that waits in a read of the task queue's pipe; the others wait for its lock.

    The monitor and the pusher, which are children of the sentinel too, read other pipes or sleep: they are
    the two that were born last.
    """
    workers = sorted(found.workers, key=lambda process: process.create_time())[:-2]
    holders = [process for process in workers if _reads(process)]
    return holders[0] if len(holders) == 1 else None


def _reads(process: psutil.Process) -> bool:
    try:
        return Path(f"/proc/{process.pid}/syscall").read_text().split()[0] == READ_SYSCALL
    except OSError:
        return False


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=50)
    parser.add_argument("--canary", type=int, default=60, help="CANARY_SECONDS; the program's own is 60")
    parser.add_argument("--folder", type=Path, default=Path("/tmp/circletake-frozen"))
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    options.folder.chmod(0o711)
    os.environ.setdefault("SECRET_KEY", "drill-" + "0123456789" * 5)
    from drills import stand

    port = stage.free_port()
    data = options.folder / "data"
    own = {
        "SWEEP_SECONDS": "60",
        "LEASE_SECONDS": "120",
        "CANARY_SECONDS": str(options.canary),
        "LOG_LEVEL": "INFO",
    }
    os.environ.update({**stand.environment(data, port), **own})
    import django

    django.setup()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    raise SystemExit(run(options, data, port))


def run(options: argparse.Namespace, data: Path, port: int) -> int:
    from django.db import connections

    from drills import kill, stand, studio

    path = options.folder / "frozen.json"
    rounds: list[dict[str, Any]] = json.loads(path.read_text()) if path.exists() else []
    if data.exists():
        shutil.rmtree(data)
    data.mkdir(mode=0o711)
    providers = stage.free_port()
    url = f"http://127.0.0.1:{providers}"
    program = stand.Program(data, port)
    with stage.started(stage.emulators(providers, latency="0.5-2"), log=data / "emulators.log"):
        stage.wait_for(f"{url}/_control/health")
        try:
            program.start()
            stand.wait_until_ready(program)
            asks = studio.Studio("frozen", f"{url}/fal", webhooks=False, doubtful="0")
            while len(rounds) < options.rounds:
                kind = KINDS[len(rounds) % len(KINDS)]
                found = one_round(kind, program, asks, data / "up.log", canary=options.canary)
                rounds.append(found)
                path.write_text(json.dumps(rounds, indent=1))
                kill.say(f"round {len(rounds)} of {options.rounds}: {json.dumps(found)}")
        finally:
            connections.close_all()
            program.stop()
    return sum_up(rounds)


def one_round(kind: str, program: Any, asks: Any, log: Path, *, canary: int) -> dict[str, Any]:
    """Kills, asks for a take, and looks on. What is not as it must be stands under `wrong`."""
    starts, before, victim = program.starts, *aimed(kind, program.pid)
    told = log.stat().st_size
    begun = time.monotonic()
    victim.kill()
    took = made_after(asks)
    seconds = time.monotonic() - begun
    said = re.sub(r"\x1b\[[0-9;]*m", "", log.read_bytes()[told:].decode(errors="replace"))
    reasons = re.findall(r"program=queue +reason='?([^'\n]+)", said)
    wrong = []
    if took is not None:
        wrong.append(took)
    if seconds > LIMIT_SECONDS:
        wrong.append(f"The take was ready after {seconds:.0f} s.")
    if not any(REASONS[kind] in reason for reason in reasons):
        wrong.append(f"The program did not find the reason itself: {reasons}.")
    if left := [process.pid for process in before.all if aim.alive(process)]:
        wrong.append(f"Of the former group there are left: {left}.")
    if strays := orphans(program.pid):
        wrong.append(f"Outside the program there run: {strays}.")
    if program.process.poll() is not None or program.starts != starts:
        wrong.append("The program itself ended.")
    time.sleep(random.uniform(1, 4))
    return {"kind": kind, "canary": canary, "seconds": round(seconds, 1), "wrong": wrong}


def aimed(kind: str, pid: int) -> tuple[Group, psutil.Process]:
    """The group at rest, and whom to kill of it; a worker has to be the one that reads twice in a row."""
    until = time.monotonic() + GIVEN_UP_SECONDS
    while time.monotonic() < until:
        found = group(pid)
        if found is not None and len(found.workers) > 2:
            if kind == "sentinel":
                return found, found.sentinel
            first = next_in_line(found)
            time.sleep(0.02)
            if first is not None and first == next_in_line(found):
                return found, first
        time.sleep(0.1)
    raise TimeoutError("The queue did not come to rest.")


def made_after(asks: Any) -> str | None:
    """Asks for a take and waits until it has ended; what is wrong with it in words."""
    from django.db import Error, connection

    from generation import takes
    from projects.models import Take
    from projects.models.takes import TAKES_IN_FLIGHT, TakeState

    made = takes.make(deliverable=asks.deliverables[0], by=asks.member, prompt="A lighthouse", count=1)
    (pk,) = made.takes.values_list("pk", flat=True)
    until = time.monotonic() + GIVEN_UP_SECONDS
    while time.monotonic() < until:
        try:
            take = Take.objects.get(pk=pk)
            if take.state not in TAKES_IN_FLIGHT:
                return None if take.state == TakeState.READY else f"The take is {take.state}: {take.failure}."
        except Error:
            connection.close()
        time.sleep(0.2)
    return f"The take had not ended after {GIVEN_UP_SECONDS:.0f} s."


def orphans(pid: int) -> list[int]:
    """Processes with this drill's data folder in their environment that are not below the program."""
    ours = {pid, os.getpid(), *(process.pid for process in psutil.Process(pid).children(recursive=True))}
    found = []
    for process in psutil.process_iter():
        try:
            words = " ".join(process.cmdline())
            at_work = "circletake.cluster" in words or "manage.py" in words
            if at_work and process.pid not in ours and process.environ().get("PORT") == os.environ["PORT"]:
                found.append(process.pid)
        except psutil.Error:
            continue
    return found


def sum_up(rounds: list[dict[str, Any]]) -> int:
    from drills import kill

    for kind in KINDS:
        seconds = sorted(found["seconds"] for found in rounds if found["kind"] == kind)
        if seconds:
            middle = seconds[len(seconds) // 2]
            kill.say(f"{kind}: {len(seconds)} rounds, {middle} s at the median, {seconds[-1]} s at most")
    bad = [found for found in rounds if found["wrong"]]
    kill.say(f"{len(rounds) - len(bad)} of {len(rounds)} rounds as they must be.")
    for found in bad:
        kill.say(f"VIOLATION {found}")
    return 1 if bad else 0


if __name__ == "__main__":
    main()
