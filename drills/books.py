"""The books under every verb, for long: `python -m drills.books [--steps 1000000] [--folder …]`.

The state machine of `tests/billing/books_machine.py` runs in legs, each of its own seed: every verb that
moves money, over the ends of months, and one in four dies before one of its statements. All that the books
say is compared with the machine's plain account after every 50 steps and at the end of each sequence.
`books.json` in the folder adds up what the legs did: a drill that was broken off goes on with its next leg.
With DATABASE_URL it runs on that server; the embedded one runs without durability, since here transactions
break off and the machine does not. Nothing stays in the database: each leg ends with a rollback.
"""

from __future__ import annotations

import argparse
import gc
import json
import time
from pathlib import Path
from typing import Any

from drills import database

SEQUENCES, SEQUENCE_STEPS = 20, 100
LOOKS_EVERY = 50


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=1_000_000)
    parser.add_argument("--folder", type=Path, default=Path("/tmp/circletake-books"))
    options = parser.parse_args()
    database.prepare(options.folder)
    with database.server(options.folder, durable=False):
        database.migrate()
        raise SystemExit(run(options))


def run(options: argparse.Namespace) -> int:
    from billing import ledger
    from tests.billing import books_machine

    ledger.ensure_partitions(books_machine.FIRST, books_machine.LATEST)
    gc.freeze()  # what the program loaded stays, and is not looked through again and again
    gc.set_threshold(50_000)
    path = options.folder / "books.json"
    done: dict[str, Any] = (
        json.loads(path.read_text()) if path.exists() else {"legs": 0, "seconds": 0, "seen": {}}
    )
    while done["seen"].get("steps", 0) < options.steps:
        books_machine.seen.clear()
        begun = time.monotonic()
        one_leg(done["legs"])
        done["legs"] += 1
        done["seconds"] += round(time.monotonic() - begun)
        for name, number in books_machine.seen.items():
            done["seen"][name] = done["seen"].get(name, 0) + number
        path.write_text(json.dumps(done))
        if done["legs"] % 10 == 0:
            print(json.dumps(done), flush=True)
    missing = [verb for verb in books_machine.VERBS if not done["seen"].get(verb)]
    print(f"No violation. Never done: {', '.join(missing) or 'nothing'}. {json.dumps(done)}")
    return 1 if missing else 0


def one_leg(number: int) -> None:
    """So many sequences; raises what hypothesis found, with the verbs that lead there."""
    from django.db import transaction
    from hypothesis import HealthCheck, Phase, seed, settings
    from hypothesis.stateful import run_state_machine_as_test

    from tests.billing import books_machine

    class Leg(books_machine.Books):
        looks_every = LOOKS_EVERY

    with transaction.atomic():
        Leg.ground_of = books_machine.make_ground()
        run_state_machine_as_test(
            seed(number)(Leg),
            settings=settings(
                max_examples=SEQUENCES,
                stateful_step_count=SEQUENCE_STEPS,
                deadline=None,
                database=None,
                phases=[Phase.generate, Phase.shrink],
                suppress_health_check=list(HealthCheck),
            ),
        )
        transaction.set_rollback(True)


if __name__ == "__main__":
    main()
