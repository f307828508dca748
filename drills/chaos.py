"""A thousand faults of every kind: `python -m drills.chaos [--faults 1000] [--takes 10000] [--shipped] …`.

A site of two worker hosts (network namespaces, so root and `ip` are needed; one with a clock 90 s ahead), a
web server, PostgreSQL, Redis, storage and an emulated provider makes takes without end, while a seeded dice
draws faults (`drills.faults`): SIGKILL of every part, Redis emptied or down, a cable cut, a host gone whole,
storage without room (a bucket that is full or asks to slow down; in every other leg a small folder that is
full), and a provider that refuses, fails, stalls, lies or forgets in every way the emulator knows.

It works in legs on fresh data, each with its seed. After a leg nothing is broken any more: every take has to
end, or wait as *unknown* with its hold open and its evidence; each of these is settled by the provider's log,
and everything is judged (`drills.truth`, `drills.asked`, `drills.explained`). Legs are repeated until there
were enough faults, takes, and kills in each state of a run. `chaos.json` in the folder keeps what each leg
found; a drill that was broken off goes on with its next leg.

Sweep and leases take 2 s. The canary is CANARY_SECONDS: it counts from the start of a group of workers, whose
processes need longer than 2 s until they answer at all, the more so while two hosts start beside each other.
With `--shipped` the program's own times hold (60, 120 and 60 s), in a file of its own (`shipped.json`).
"""

from __future__ import annotations

import argparse
import collections
import json
import os
import secrets
import subprocess
import sys
from pathlib import Path
from typing import Any

from bench import stage
from drills.kill import say

CANARY_SECONDS = 30
NETWORK = "17"
"""Another one than that of the drill of several hosts, which may run at the same time."""

MOST_BROKEN = 3
SHIPPED = {"faults": 20, "takes": 100, "leg": 20}
USUAL = {"faults": 1000, "takes": 10_000, "leg": 100}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--faults", type=int)
    parser.add_argument("--takes", type=int)
    parser.add_argument("--leg", type=int, help="faults between two settlements")
    parser.add_argument("--seed", type=int, help="of the first leg; the next ones count up")
    parser.add_argument("--canary", type=int, default=CANARY_SECONDS)
    parser.add_argument("--shipped", action="store_true", help="the program's own times")
    parser.add_argument("--folder", type=Path, default=Path("/tmp/circletake-chaos"))
    options = parser.parse_args()
    for name, value in (SHIPPED if options.shipped else USUAL).items():
        if getattr(options, name) is None:
            setattr(options, name, value)
    os.environ.setdefault("DRILL_NETWORK", NETWORK)
    os.environ.setdefault("SECRET_KEY", "drill-" + "0123456789" * 5)
    from drills import network

    if not network.possible():
        sys.exit("Network namespaces cannot be made here: the drill needs root and iproute2.")
    options.folder.mkdir(parents=True, exist_ok=True)
    options.folder.chmod(0o711)
    raise SystemExit(run(options))


def run(options: argparse.Namespace) -> int:
    memory = remembered(options)
    seed, broken = options.seed or secrets.randbelow(1_000_000), 0
    while not enough(memory, options):
        legs = len(memory.legs)
        least = max(1, -(-options.faults // options.leg))
        told = {
            **{name: getattr(options, name) for name in ("canary", "shipped")},
            "folder": str(options.folder),
            "memory": memory.path.name,
            "seed": seed,
            "faults": options.leg,
            "takes": -(-options.takes // least),
            "shelf": "folder" if legs % 2 else "bucket",
        }
        # each in a process of its own: the database's address is read once
        subprocess.run(
            [sys.executable, "-m", "drills.chaos_leg", json.dumps(told)], cwd=stage.ROOT, check=False
        )
        memory = remembered(options)
        if len(memory.legs) == legs or memory.broke_off():
            broken += 1
            if broken == MOST_BROKEN:
                sys.exit(f"{MOST_BROKEN} legs could not be judged.")
        sum_up(memory)
        seed += 1
    for line in memory.violations():
        say(f"VIOLATION {line}")
    say(f"{len(memory.legs)} legs, {len(memory.violations())} violations.")
    return 1 if memory.violations() else 0


def remembered(options: argparse.Namespace) -> Any:
    """What the legs so far have found; the models are only needed for the names of their states."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "circletake.settings")
    import django

    django.setup()
    from drills.memory import Memory

    return Memory.of(options.folder, "shipped.json" if options.shipped else "chaos.json")


def takes_of(memory: Any) -> int:
    return sum(leg["takes"] for leg in memory.legs if leg["finished"])


def enough(memory: Any, options: argparse.Namespace) -> bool:
    """The twenty faults at the shipped times are too few to meet every state often."""
    from drills.memory import LEAST

    met = options.shipped or min(memory.by_state().values()) >= LEAST
    many = len(memory.kills()) + len(memory.faults()) >= options.faults
    return bool(met and many and takes_of(memory) >= options.takes)


def sum_up(memory: Any) -> None:
    """What all judged legs found together."""
    judged = [leg for leg in memory.legs if leg["finished"]]
    kinds = collections.Counter(fault["kind"] for fault in memory.faults())
    names = collections.Counter(fault["name"] for fault in memory.faults())
    figures: collections.Counter[str] = collections.Counter()
    for leg in judged:
        figures.update({name: leg[name] for name in FIGURES})
        figures.update({f"settled: {said}": n for said, n in leg["settled_by_the_log"].items()})
    say(
        f"So far {len(memory.kills())} kills and {sum(kinds.values())} other faults,"
        f" seeds {[leg['seed'] for leg in judged]}"
    )
    say(f"  by part {memory.by_part()}")
    say(f"  with runs in the state at that moment: {memory.by_state()}")
    say(f"  other faults {dict(sorted(names.items()))}")
    say(f"  {dict(figures)}")
    for line in memory.violations():
        say(f"  VIOLATION {line}")


FIGURES = (
    "takes",
    "ready",
    "failed",
    "takes_cancelled",
    "jobs",
    "unknown",
    "unknown_by_a_dead_worker",
    "sent_once_more",
)

if __name__ == "__main__":
    main()
