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
import contextlib
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
QUIET_SECONDS = 420.0
STUCK_SECONDS = 300.0
MOVING_SHARE = 0.6
"""How many of the kills wait until the engine moves; the others may meet it while it gets up."""

AIMED_SHARE = 0.7
"""How many of these wait on, for a run in one of the scarcest states."""

ASKING_SHARE = 0.5
"""How many of the kills strike while takes are being asked for."""

PATIENCE_SECONDS = 60.0


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
        report(memory)
        seed += 1
        if options.one_leg:
            break
    if not options.one_leg:
        sum_up(memory)
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
        except Exception as error:
            memory.broke(f"The leg of seed {seed} broke off: {type(error).__name__}: {error}"[:500])
            raise
        finally:
            connections.close_all()
            program.stop()
    memory.finish(**result)


def fight(memory: Any, program: Any, url: str, *, seed: int, kills: int) -> dict[str, Any]:
    from drills import asked, stand, studio, truth

    dice = random.Random(seed)
    studios = [
        studio.Studio("asks", f"{url}/fal", webhooks=True, doubtful="0"),
        studio.Studio("doubts", f"{url}/fal", webhooks=False, doubtful="1"),
    ]
    feed = studio.Feed(studios, many=IN_FLIGHT, dice=dice, url=program.url)
    stand.wait_until_ready(program)
    begun = last = time.monotonic()
    done = 0
    while done < kills:
        if shoot(memory, program, feed, dice):
            done, last = done + 1, time.monotonic()
        elif time.monotonic() - last > STUCK_SECONDS:
            raise RuntimeError(f"For {STUCK_SECONDS:.0f} s there was nothing to kill: the program is down.")
    say(f"  {kills} kills in {time.monotonic() - begun:.0f} s; {len(feed.promised)} takes promised.")
    stand.wait_until_ready(program)
    starts = program.starts
    wrong = grant(feed) + calm(program)
    settled, more = settle(program, studios, url)
    wrong += more
    if program.starts != starts:
        wrong.append(f"In peace the program ended by itself {program.starts - starts} times.")
    jobs = truth.ended_log(url)
    wrong += truth.violations(studios, jobs)
    wrong += asked.violations(feed.promised)
    return {
        "takes": len(feed.promised),
        "asked_again": feed.repeated,
        "cancelled": feed.cancelled,
        "jobs": len(jobs),
        "settled_by_the_log": settled,
        **truth.figures(),
        "starts_of_up": starts,
        "violations": wrong,
    }


def grant(feed: Any) -> list[str]:
    """The wish that was open at the last kill is granted now, and once."""
    until = time.monotonic() + PATIENCE_SECONDS
    while not feed.finish():
        if time.monotonic() > until:
            return [f"In {PATIENCE_SECONDS:.0f} s of peace the program granted no takes: {feed.waiting}."]
        time.sleep(1)
    return []


def shoot(memory: Any, program: Any, feed: Any, dice: random.Random) -> bool:
    """One kill at a moment when runs are in the scarcest state there is; False where nothing was hit.

    Most wait until the engine moves again after the last one, and most of these for a run in a scarce state;
    the others strike as it comes. What finds the engine still getting up counts for no state. Whom it hits
    is chosen before that moment, so that it is not over when the signal is sent.
    """
    from drills import aim, moment

    time.sleep(dice.uniform(0.1, 2.0))
    program.keep_up()
    feed.fill()
    moves = dice.random() < MOVING_SHARE and moment.wait_until_it_moves()
    target = aim.choose([program.pid], dice)
    wanted = memory.scarce()[:3] if moves and dice.random() < AIMED_SHARE else ()
    with feed.asking() if dice.random() < ASKING_SHARE else contextlib.nullcontext():
        found = moment.wait_for(wanted)
        if target is None or found is None:
            return False
        delay = time.monotonic() - found.seen_at
        if not aim.kill(target[1]):
            return False
    memory.killed(
        {
            "part": target[0],
            "runs": found.runs,
            "moves": moves,
            "seen_before_ms": round(delay * 1000, 1),
            "at": round(time.time(), 3),
        }
    )
    return True


def settle(program: Any, studios: Any, url: str) -> tuple[dict[str, int], list[str]]:
    """Settles what is unknown by the log, again while more becomes so; what was said, and what was wrong."""
    from drills import truth

    wrong = truth.unlisted(studios)
    settled: collections.Counter[str] = collections.Counter()
    for _ in range(20):
        said = truth.settle(studios, truth.ended_log(url))
        if not said:
            break
        settled.update(said)
        if stuck := calm(program):
            return dict(settled), wrong + stuck
        wrong += truth.unlisted(studios)
    return dict(settled), wrong


def calm(program: Any, *, seconds: float = QUIET_SECONDS) -> list[str]:
    """Waits until the engine has nothing more to do by itself; says what is stuck where it never has."""
    from django.db import Error, connection

    from drills import truth

    until = time.monotonic() + seconds
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
    return [f"After {seconds:.0f} s of peace there still were {left}."]


def tell(url: str, script: dict[str, Any]) -> None:
    body = json.dumps(script).encode()
    urllib.request.urlopen(urllib.request.Request(f"{url}/_control/script", body, method="POST")).close()


def report(memory: Any) -> None:
    leg = memory.legs[-1]
    say("  " + json.dumps({key: value for key, value in leg.items() if key not in ("kills", "violations")}))
    for line in leg["violations"]:
        say(f"  VIOLATION {line}")
    sum_up(memory)


def sum_up(memory: Any) -> None:
    seeds = [leg["seed"] for leg in memory.legs if leg["finished"]]
    say(f"So far {len(memory.kills())} kills in legs of the seeds {seeds}, by part {memory.by_part()}")
    say(f"  with runs in the state at that moment: {memory.by_state()}")
    say(f"  of them while the engine moved: {memory.while_moving()}")


def say(words: str) -> None:
    sys.stdout.write(f"{time.strftime('%H:%M:%S')} {words}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
