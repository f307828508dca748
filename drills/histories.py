"""The audit against the naive reference: `python -m drills.histories [--count 500] [--folder …]`.

Each seed makes a random history, half of them imported whole, half of them imported in part and then kept
through the program's own verbs (`tests/billing/histories.py`). Every month of it is compared with the
reference by every dimension, to the last digit, and the month after the last as well; then the sums of months
are folded, and the last month is compared by the dimensions that are kept. `histories.json` in the folder
keeps how many are done, from which seed on, what differed, and how many histories contained what; a drill
that was broken off goes on with its next seed. It fails where a document differs, or where a class of
histories is below 5 %.

With DATABASE_URL it runs on that server instead of an embedded one.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from drills import database

if TYPE_CHECKING:
    from tests.billing.histories import History

FIRST_SEED, BATCH = 50_000, 25
NOTHING: dict[str, Any] = {"done": 0, "documents": 0, "seconds": 0.0, "counts": {}, "differences": {}}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=500)
    parser.add_argument("--seed", type=int, default=FIRST_SEED, help="of the first history")
    parser.add_argument("--folder", type=Path, default=Path("/tmp/circletake-histories"))
    options = parser.parse_args()
    database.prepare(options.folder)
    with database.server(options.folder):
        database.migrate()
        raise SystemExit(run(options))


def run(options: argparse.Namespace) -> int:
    from tests.billing import covered, playing

    path = options.folder / "histories.json"
    kept: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
    done = {**NOTHING, "seed": options.seed, **kept}
    coverage = covered.Coverage(done["done"], Counter(done["counts"]))
    while done["done"] < options.count:
        with playing.in_one_piece():
            for _ in range(min(BATCH, options.count - done["done"])):
                step(done, coverage)
                path.write_text(json.dumps(done))
        print(f"{done['done']} histories from seed {done['seed']} on: {done['seconds']:.0f} s", flush=True)
    last = done["seed"] + done["done"] - 1
    print(f"Seeds {done['seed']} to {last}, {done['documents']} documents, {done['seconds']:.0f} s.")
    print(f"{coverage.report()}\nHistories that differ: {len(done['differences']) or 'none'}.")
    return bool(done["differences"] or coverage.rare())


def step(done: dict[str, Any], coverage: Any) -> None:
    """The next history, added to what was done."""
    from tests.billing import histories

    seed, begun = done["seed"] + done["done"], time.monotonic()
    documents, differences = one(histories.seeded_either(seed), coverage)
    if differences:
        done["differences"][str(seed)] = differences[:20]
        print(f"Seed {seed} differs:", *differences[:20], sep="\n  ", flush=True)
    done.update(done=done["done"] + 1, documents=done["documents"] + documents, counts=coverage.counts)
    done["seconds"] = round(done["seconds"] + time.monotonic() - begun, 2)


def one(history: History, coverage: Any) -> tuple[int, list[str]]:
    """How many documents of a history were compared, and where they differ."""
    from billing import month_sums
    from tests.billing import comparing, naive, playing
    from tests.billing.naive_rows import month_after

    reading = naive.Reading.of(history)
    coverage.add(history, reading)
    months = (*history.months, month_after(history.months[-1]))
    found: list[str] = []
    with playing.imported(history) as workspace:
        for month in months:
            found += comparing.by_each(workspace, reading, month, naive.DIMENSIONS)
        month_sums.fold()
        found += month_sums.problems()
        found += comparing.by_each(workspace, reading, history.months[-1], naive.WHOLE)
    return len(months) * len(naive.DIMENSIONS) + len(naive.WHOLE), found


if __name__ == "__main__":
    main()
