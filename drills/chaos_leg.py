"""One leg of the drill of a thousand faults, in a process of its own; `drills.chaos` says what it is."""

from __future__ import annotations

import collections
import json
import os
import random
import shutil
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

from drills import network
from drills.kill import AIMED_SHARE, MOVING_SHARE, calm, grant, say, settle, tell

IN_FLIGHT = 120
AT_A_TIME = 5
CANCELLED_SHARE = 0.08
TROUBLE = {"": 88, "[[result:policy]]": 4, "[[latency:9]]": 4, "[[output_bytes:1500000]]": 4}
PAUSE_SECONDS = (0.2, 2.2)
SHIPPED_PAUSE_SECONDS = (5.0, 15.0)
MOST_SECONDS = 3600.0
QUIET_SECONDS = 600.0
SHIPPED_QUIET_SECONDS = 1500.0
PARDON_SECONDS = 2.0
STOPPED_SECONDS = 20.0
"""A look that comes so late was kept from coming: the drill was stopped, and its time limits say nothing."""

STATES = {"ready": "ready", "failed": "failed", "cancelled": "takes_cancelled"}


def main() -> None:
    options = json.loads(sys.argv[1])
    folder = Path(options["folder"])
    data = folder / "data"
    if data.exists():
        _away(data)
    data.mkdir(mode=0o711)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    from drills import shelves, site

    with network.laid(2) as cables, site.servers(data, bucket=False) as servers:
        shelf = shelves.BucketShelf() if options["shelf"] == "bucket" else shelves.FolderShelf(data / "shelf")
        os.environ.update(servers["environment"], **shelf.environment, DATA_DIR=str(data / "drill"))
        os.environ.update(LEASE_SECONDS="2", CANARY_SECONDS=str(options["canary"]))
        if options["shipped"]:
            os.environ.update(SWEEP_SECONDS="60", LEASE_SECONDS="120", CANARY_SECONDS="60")
        with shelf:
            sound = not leg(options, cables, servers, shelf)
    if not sound:
        data.rename(folder / f"leg-{options['seed']}")


def _away(data: Path) -> None:
    """What a leg that was killed left behind, its mounted folder too."""
    from drills import shelves

    shelves.FolderShelf(data / "shelf").__exit__()
    shutil.rmtree(data)


def leg(options: dict[str, Any], cables: list[Any], servers: dict[str, Any], shelf: Any) -> list[str]:
    """Faults, peace, settlement, judgement; what was wrong."""
    import django

    django.setup()
    from django.core.management import call_command
    from django.db import connections

    from drills import ground, site, studio
    from drills.memory import Memory

    memory = Memory.of(Path(options["folder"]), options["memory"])
    say(f"Leg of {options['faults']} faults with seed {options['seed']}, media in a {options['shelf']}.")
    memory.begin(options["seed"])
    for command in ("migrate", "createcachetable", "load_catalogue"):
        call_command(command, verbosity=0)
    data = servers["data"].parent
    for name in ("drill", "web", "host1", "host2"):
        shelf.give(data / name)
    ahead = {"DJANGO_SETTINGS_MODULE": "drills.settings_ahead"}
    hosts = [site.Host(cables[0], data / "host1"), site.Host(cables[1], data / "host2", **ahead)]
    place = ground.Ground(site.Web(data / "web", servers["ports"]["web"]), hosts, servers, shelf)
    tell(servers["provider"], {"defaults": {"stall": 0.3, "output_bytes": 60_000}})
    begun, stops = time.monotonic(), Stops()
    stops.watch()
    try:
        place.start()
        studios = [
            studio.Studio("asks", f"{servers['provider']}/fal", webhooks=True, doubtful="0"),
            studio.Studio("doubts", f"{servers['provider']}/fal", webhooks=False, doubtful="1"),
        ]
        found = fight(memory, place, studios, options)
    except Exception as error:
        words = f"The leg of seed {options['seed']} broke off: {type(error).__name__}: {error}"
        if stops.seconds:
            memory.stopped(round(stops.seconds))
            say(f"{words} It was stopped from outside for {stops.seconds:.0f} s, and does not count.")
        else:
            memory.broke(words[:500])
        raise
    finally:
        connections.close_all()
        place.stop()
    told = {"shelf": options["shelf"], "seconds": round(time.monotonic() - begun)}
    memory.finish(**found, **told, stopped_seconds=round(stops.seconds))
    say("  " + json.dumps({key: value for key, value in found.items() if key != "violations"}))
    return list(found["violations"])


class Stops:
    """How long this process was stopped from outside (SIGSTOP, a machine asleep), by a look each second."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.last: float | None = None

    def watch(self) -> None:
        threading.Thread(target=self._run, daemon=True).start()

    def look(self, now: float) -> None:
        if self.last is not None and now - self.last > STOPPED_SECONDS:
            self.seconds += now - self.last
        self.last = now

    def _run(self) -> None:
        while True:
            self.look(time.monotonic())
            time.sleep(1)


class Asking:
    """Keeps takes flowing in a thread of its own, and takes back what a provider's word retired."""

    def __init__(self, feed: Any, studios: list[Any]) -> None:
        self.feed, self.studios = feed, studios
        self.open = True
        self.asks = threading.Lock()
        self.failed: Exception | None = None
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.stopping = False
        self.pardoned = 0
        self.thread.start()

    def stop_asking(self) -> None:
        """Returns when the last request has been answered, or given up for now."""
        with self.asks:
            self.open = False

    def end(self) -> None:
        self.stopping = True
        self.thread.join(60)

    def _run(self) -> None:
        from django.db import Error, connection

        last = 0.0
        while not self.stopping:
            try:
                if time.monotonic() - last > PARDON_SECONDS:
                    self.pardon()
                    last = time.monotonic()
                with self.asks:
                    if self.open:
                        self.feed.fill()
            except Error:
                connection.close()
            except Exception as error:
                self.failed = error
                return
            time.sleep(0.3)
        connection.close()

    def pardon(self) -> None:
        """An admin looks again at models that the provider said to have no longer."""
        from django.utils import timezone

        from routing import endings
        from routing.models import ModelEnding

        for studio in self.studios:
            said = ModelEnding.objects.filter(workspace=studio.workspace, origin=ModelEnding.Origin.ANSWERED)
            for ending in said:
                endings.undo(ending=ending, by=studio.member, now=timezone.now())
                self.pardoned += 1


def fight(memory: Any, place: Any, studios: list[Any], options: dict[str, Any]) -> dict[str, Any]:
    """Takes are asked for while faults strike; then peace, settlement, and what was found."""
    from drills import studio

    url = place.servers["provider"]
    feed = studio.Feed(
        studios, many=IN_FLIGHT, dice=random.Random(options["seed"] + 1_000_000), url=place.url,
        at_a_time=AT_A_TIME, cancelled_share=CANCELLED_SHARE, trouble=TROUBLE,
    )  # fmt: skip
    place.look_after()
    asking = Asking(feed, studios)
    rage(memory, place, asking, options)
    asking.stop_asking()
    place.end_all()
    tell(url, {"rules": []})
    place.wait_until_ready()
    time.sleep(2)
    quiet = SHIPPED_QUIET_SECONDS if options["shipped"] else QUIET_SECONDS
    wrong = grant(feed) + calm(place, seconds=quiet)
    settled, more = settle(place, studios, url)
    asking.end()
    found = judged(feed, studios, url, [*wrong, *more])
    return {
        **found,
        "settled_by_the_log": settled,
        "restarts": place.restarts,
        "database_starts": place.database_starts,
        "models_taken_back": asking.pardoned,
        "trouble_of_the_drill": place.trouble[:20],
    }


def rage(memory: Any, place: Any, asking: Asking, options: dict[str, Any]) -> None:
    """Faults, until there were as many as asked for, and as many takes."""
    from drills import faults

    dice, promised = random.Random(options["seed"]), asking.feed.promised
    begun, done = time.monotonic(), 0
    pauses = SHIPPED_PAUSE_SECONDS if options["shipped"] else PAUSE_SECONDS
    while done < options["faults"] or len(promised) < options["takes"]:
        if asking.failed:
            raise asking.failed
        if time.monotonic() - begun > MOST_SECONDS:
            raise TimeoutError(f"In {MOST_SECONDS:.0f} s there were {done} faults and {len(promised)} takes.")
        time.sleep(dice.uniform(*pauses))
        if done < options["faults"]:
            done += strike(memory, place, faults.draw(dice), dice)
    say(f"  {done} faults and {len(promised)} takes in {time.monotonic() - begun:.0f} s.")


def judged(feed: Any, studios: list[Any], url: str, wrong: list[str]) -> dict[str, Any]:
    """The figures of the leg, and all that was wrong."""
    from drills import asked, explained, truth

    jobs, refused = truth.ended_log(url), explained.refusals(url)
    wrong = [
        *wrong,
        *truth.violations(studios, jobs),
        *asked.lost(feed.promised),
        *explained.violations(jobs, refused),
    ]
    return {
        "takes": len(feed.promised),
        **states(),
        "asked_again": feed.repeated,
        "jobs": len(jobs),
        **truth.figures(),
        "met": met(jobs, refused),
        "violations": wrong,
    }


def strike(memory: Any, place: Any, fault: Any, dice: random.Random) -> bool:
    """One fault; False where it could not begin, or hit nothing."""
    if fault.kind != "kill":
        told = place.strike(fault, dice)
        if told is not None:
            memory.struck({**told, "at": round(time.time(), 3)})
        return told is not None
    return shoot(memory, place, dice)


def shoot(memory: Any, place: Any, dice: random.Random) -> bool:
    """One kill, as the kill drill's: most wait until the engine moves, most of these for a scarce state."""
    from drills import aim, moment

    moves = dice.random() < MOVING_SHARE and moment.wait_until_it_moves()
    target = place.choose(dice)
    wanted = memory.scarce()[:3] if moves and dice.random() < AIMED_SHARE else ()
    found = moment.wait_for(wanted)
    if target is None or found is None or not aim.kill(target[1]):
        return False
    memory.killed({"part": target[0], "runs": found.runs, "moves": moves, "at": round(time.time(), 3)})
    return True


def states() -> dict[str, int]:
    """How many takes ended how."""
    from projects.models import Take

    counts = collections.Counter(Take.objects.values_list("state", flat=True))
    return {name: counts[state] for state, name in STATES.items()}


def met(jobs: list[Any], refused: list[Any]) -> dict[str, int]:
    """How often submits and jobs met which fault, by the provider's log."""
    counts = collections.Counter(f"submit {one['name']}" for one in refused)
    for job in jobs:
        counts.update(f"{name} {value}" for name, value in job["faults"].items())
        counts.update(f"webhook {hook['kind']}" for hook in job["webhooks"] if hook["kind"] != "once")
    return dict(sorted(counts.items()))


if __name__ == "__main__":
    main()
