"""Several hosts, one after the other gone: `python -m drills.hosts [--legs vanish,cut,…] [--rounds 3]`.

Two worker hosts (network namespaces of this machine, so root and `ip` are needed), a web server, PostgreSQL,
Redis, a bucket and an emulated provider. Each leg starts on fresh data, keeps takes flowing, and lets

  vanish   every process of a worker host be killed at once, and the host come back later
  cut      a worker host's network fall silent for two minutes while its programs run on, and come back
  redis    Redis be emptied, and be down for a while
  rolling  a next version come: migrate, new web, new workers, and the old ones drained one by one
  clock    one worker host be 90 s ahead

Then the site is left in peace: every take has to end or wait as unknown, which the provider's log settles,
and the judge of the kill drill says what was lost, repeated or booked wrongly. `hosts.json` in the folder
keeps what each leg found; a drill that was broken off goes on with its next leg.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from bench import stage
from drills import network
from drills.kill import say

LEGS = ("vanish", "cut", "redis", "rolling", "clock")
CUT_SECONDS = 120.0


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--legs", default=",".join(LEGS))
    parser.add_argument("--rounds", type=int, default=3, help="of what a leg does, before it is judged")
    parser.add_argument("--cut-seconds", type=float, default=CUT_SECONDS)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--folder", type=Path, default=Path("/tmp/circletake-hosts"))
    options = parser.parse_args()
    if not network.possible():
        sys.exit("Network namespaces cannot be made here: the drill needs root and iproute2.")
    options.folder.mkdir(parents=True, exist_ok=True)
    options.folder.chmod(0o711)
    path = options.folder / "hosts.json"
    done: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
    for name in options.legs.split(","):
        if name in done:
            say(f"{name}: done already.")
            continue
        # each in a process of its own: the database's address is read once
        command = [sys.executable, "-m", "drills.hosts_leg", name, json.dumps(_plain(options))]
        answer = subprocess.run(command, cwd=stage.ROOT, check=False)
        found = options.folder / f"{name}.json"
        if answer.returncode or not found.exists():
            sys.exit(f"The leg {name} could not be judged.")
        done[name] = json.loads(found.read_text())
        path.write_text(json.dumps(done, indent=1))
    wrong = [f"{name}: {line}" for name, found in done.items() for line in found["violations"]]
    for line in wrong:
        say(f"VIOLATION {line}")
    say(f"{len(done)} legs, {len(wrong)} violations.")
    raise SystemExit(1 if wrong else 0)


def _plain(options: argparse.Namespace) -> dict[str, Any]:
    return {**vars(options), "folder": str(options.folder)}


if __name__ == "__main__":
    main()
