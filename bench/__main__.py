"""What can be measured: `make bench` lists and runs all, `make bench BENCH=pages` one of them.

What stands after the name goes to it: `python -m bench in_flight --takes 500`.
"""

from __future__ import annotations

import subprocess
import sys

MEASUREMENTS = {
    "in_flight": "2,000 takes in flight at once against an emulated provider",
    "jobs": "10,000 films in flight, and short jobs one after the other, beside the plain way",
    "bills": "a provider's bill of 200,000 lines against its month",
    "history": "a history import of 50,000 rows",
    "pages": "pages of the demo as a signed-in person gets them",
    "scale": "10,000,000 entries in 50 workspaces: pages, exports, a close, an import, beside DuckDB",
    "webhooks": "200 webhooks a second for a minute, half of them forged, repeated or late",
}


def main(words: list[str]) -> int:
    name, *more = words or [""]
    if name and name not in MEASUREMENTS:
        print(f"There is no measurement called {name}. There are: {', '.join(MEASUREMENTS)}.")
        return 2
    if not name:
        for known, what in MEASUREMENTS.items():
            print(f"{known:10} {what}")
    chosen = [name] if name else list(MEASUREMENTS)
    return max([run(one, more) for one in chosen], default=0)


def run(name: str, words: list[str]) -> int:
    print(f"== {name}", flush=True)
    return subprocess.run([sys.executable, "-m", f"bench.{name}", *words]).returncode


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
