"""SIGKILL at random points: `python -m drills.kill [--kills 200] [--folder …] [--leg 40] [--seed …]`.

A leg starts `manage.py up` on fresh data beside an emulated provider, keeps takes flowing, and kills parts of
the program. Then nothing is killed any more: every take has to end, or wait as *unknown* with its hold open
and its evidence. Each of these is settled by the truth in the provider's log, and what is left is judged.
Legs are repeated until there were enough kills, and enough while runs were in each state. A drill that was
broken off goes on with its next leg.
"""

from __future__ import annotations

import argparse
import collections
import json
import os
import random
import secrets
import shutil
import signal
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

from bench import stage

IN_FLIGHT = 24
AIM_SECONDS = 15.0
QUIET_SECONDS = 420.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--leg", type=int, default=40, help="kills between two settlements")
    parser.add_argument("--seed", type=int, help="of the first leg; the next ones count up")
    parser.add_argument("--folder", type=Path, default=Path("/tmp/circletake-drill"))
    parser.add_argument("--one-leg", action="store_true", help="stop after one leg")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    options.folder.chmod(0o711)
    port = stage.free_port()
    data = options.folder / "data"
    os.environ.setdefault("SECRET_KEY", "drill-" + "0123456789" * 5)
    from drills import stand

    os.environ.update(stand.environment(data, port))
    import django

    django.setup()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    raise SystemExit(_run(options, data, port))


def _run(options: argparse.Namespace, data: Path, port: int) -> int:
    from drills.memory import Memory

    memory = Memory.of(options.folder)
    seed = options.seed or secrets.randbelow(1_000_000)
    while len(memory.kills()) < options.kills or min(memory.by_state().values()) < 5:
        if data.exists():
            shutil.rmtree(data)
        data.mkdir(mode=0o711)
        leg(memory, seed=seed, kills=options.leg, data=data, port=port)
        seed += 1
        report(memory)
        if options.one_leg:
            break
    for line in memory.violations():
        say(f"VIOLATION {line}")
    return 1 if memory.violations() else 0


def leg(memory: Any, *, seed: int, kills: int, data: Path, port: int) -> None:
    """One leg: kills, peace, settlement and judgement."""
    from django.db import connections

    from drills import stand

    say(f"Leg of {kills} kills with seed {seed}.")
    memory.begin(seed)
    providers = stage.free_port()
    url = f"http://127.0.0.1:{providers}"
    emulator = stage.emulators(providers, latency="0.5-5")
    program = stand.Program(data, port)
    with stage.started(emulator, log=data / "emulators.log"):
        stage.wait_for(f"{url}/_control/health")
        tell(url, {"defaults": {"stall": 0.4}})
        try:
            program.start()
            result = fight(memory, program, url, seed=seed, kills=kills)
        finally:
            connections.close_all()
            program.stop()
    memory.finish(**result)


def fight(memory: Any, program: Any, url: str, *, seed: int, kills: int) -> dict[str, Any]:
    from drills import stand, studio, truth

    dice = random.Random(seed)
    studios = [
        studio.Studio("asks", f"{url}/fal", webhooks=True, doubtful="0"),
        studio.Studio("doubts", f"{url}/fal", webhooks=False, doubtful="1"),
    ]
    feed = studio.Feed(studios, many=IN_FLIGHT, dice=dice)
    stand.wait_until_ready(program)
    begun = time.monotonic()
    done = 0
    while done < kills:
        done += shoot(memory, program, feed, dice)
    say(f"  {kills} kills in {time.monotonic() - begun:.0f} s; {feed.asked} rounds of 2 takes asked for.")
    stand.wait_until_ready(program)
    wrong = calm(program)
    wrong += truth.unlisted(studios)
    settled: collections.Counter[str] = collections.Counter()
    for _ in range(20):
        said = truth.settle(studios, truth.log(url))
        if not said:
            break
        settled.update(said)
        wrong += calm(program)
    jobs = truth.log(url)
    wrong += truth.violations(studios, jobs)
    return {
        "takes": 2 * feed.asked,
        "cancelled": feed.cancelled,
        "jobs": len(jobs),
        "settled_by_the_log": dict(settled),
        "sent_once_more": _sent_once_more(),
        "starts_of_up": program.starts,
        "violations": wrong,
    }


def _sent_once_more() -> int:
    from projects.models import Event

    return Event.objects.filter(kind="take.sent_once_more").count()


def shoot(memory: Any, program: Any, feed: Any, dice: random.Random) -> int:
    """One kill at a moment when runs are in the scarcest state there is; 0 where nothing was hit.

    Whom it hits is chosen before that moment, so that it is not over when the signal is sent.
    """
    from drills import aim

    time.sleep(dice.uniform(0.2, 3.0))
    program.keep_up()
    feed.fill()
    target = aim.choose(program.pid, dice)
    runs = wait_for_scarce(memory)
    if target is None or not runs or not aim.kill(target[1]):
        return 0
    memory.killed({"part": target[0], "runs": runs, "at": round(time.time(), 3)})
    return 1


def wait_for_scarce(memory: Any) -> dict[str, int]:
    """Waits a while for a state that too few kills have met; answers how many runs are in which state."""
    until = time.monotonic() + AIM_SECONDS
    wanted = memory.scarce()[:3]
    runs = states()
    while wanted and time.monotonic() < until and not any(state in runs for state in wanted):
        time.sleep(0.02)
        runs = states()
    return runs


def states() -> dict[str, int]:
    """How many runs are in which state; empty while the database is away."""
    from django.db import Error, connection
    from django.db.models import Count

    from generation.models import Run

    try:
        return dict(Run.objects.values_list("state").annotate(n=Count("pk")).order_by("state"))
    except Error:
        connection.close()
        return {}


def calm(program: Any) -> list[str]:
    """Waits until the engine has nothing more to do by itself; says what is stuck where it never has."""
    from django.db import Error, connection

    from drills import truth

    until = time.monotonic() + QUIET_SECONDS
    left: dict[str, int] = {"?": 1}
    while time.monotonic() < until:
        program.keep_up()
        try:
            left = truth.under_way()
        except Error:
            connection.close()
        if not left:
            return []
        time.sleep(1)
    return [f"After {QUIET_SECONDS:.0f} s of peace there still were {left}."]


def tell(url: str, script: dict[str, Any]) -> None:
    body = json.dumps(script).encode()
    urllib.request.urlopen(urllib.request.Request(f"{url}/_control/script", body, method="POST")).close()


def report(memory: Any) -> None:
    leg = memory.legs[-1]
    say("  " + json.dumps({key: value for key, value in leg.items() if key not in ("kills", "violations")}))
    for line in leg["violations"]:
        say(f"  VIOLATION {line}")
    say(f"So far {len(memory.kills())} kills, by part {memory.by_part()}")
    say(f"  with runs in the state at that moment: {memory.by_state()}")


def say(words: str) -> None:
    sys.stdout.write(f"{time.strftime('%H:%M:%S')} {words}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
