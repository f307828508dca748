"""64 clients race for a hard limit of exactly N: `python -m drills.race [--rounds 1000] [--clients 64]`.

Each client is a process with a connection of its own. In a round all of them ask for a hold at the same
instant, under a hard budget that has room for N of them and a bit. The round's seed draws N, the price and
the bit; scope and window take turns. The round is good when exactly N got theirs, each other one was refused
with words, and the database knows of N holds and of nothing else. A drill that was broken off goes on where
it was: `race.json` in the folder. With DATABASE_URL it runs on that server instead of an embedded one.
"""

from __future__ import annotations

import argparse
import collections
import contextlib
import dataclasses
import json
import multiprocessing
import os
import random
import time
from decimal import Decimal
from pathlib import Path
from typing import Any

from drills import database

WAY = [
    ("workspace", "month"), ("project", "rolling"), ("campaign", "campaign"), ("category", "month"),
    ("deliverable", "none"), ("provider", "rolling"), ("person", "month"), ("workspace", "rolling"),
]  # fmt: skip
ROLLING_DAYS = 7
PROVIDER = "fal"
CHECKED_EVERY = 50
PATIENCE_SECONDS = 120
HELD, REFUSED = "held", "refused"


@dataclasses.dataclass(frozen=True)
class Plan:
    """What a round is about: `room` holds of `price` fit under `limit`, and not one more."""

    number: int
    scope: str
    window: str
    room: int
    price: Decimal
    limit: Decimal


def plan_of(number: int, clients: int) -> Plan:
    """The round of that number; always the same."""
    dice = random.Random(number)
    scope, window = WAY[number % len(WAY)]
    room = dice.randrange(clients + 4)  # now and then there is room for all
    price = Decimal(dice.randrange(1, 10**9)).scaleb(-8)
    rest = price * Decimal(dice.randrange(10**6)).scaleb(-6)
    return Plan(number, scope, window, room, price, (price * room + rest).quantize(Decimal("1e-8")))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=1000)
    parser.add_argument("--clients", type=int, default=64)
    parser.add_argument("--folder", type=Path, default=Path("/tmp/circletake-race"))
    options = parser.parse_args()
    database.prepare(options.folder)
    with database.server(options.folder):
        database.migrate()
        raise SystemExit(run(options))


def run(options: argparse.Namespace) -> int:
    from django.db import connections

    path = options.folder / "race.json"
    rounds: list[dict[str, Any]] = json.loads(path.read_text()) if path.exists() else []
    connections.close_all()  # a forked process must not speak on its parent's connection
    clients = Clients(options.clients)
    try:
        while len(rounds) < options.rounds:
            plan = plan_of(len(rounds), options.clients)
            rounds.append(one_round(plan, clients))
            path.write_text(json.dumps(rounds))
            if rounds[-1]["wrong"] or len(rounds) % CHECKED_EVERY == 0:
                print(f"round {len(rounds)} of {options.rounds}: {json.dumps(rounds[-1])}", flush=True)
    finally:
        clients.end()
    return sum_up(rounds)


class Clients:
    """Processes that wait for a take each, and ask for its hold when all have theirs."""

    def __init__(self, number: int) -> None:
        context = multiprocessing.get_context("fork")
        self.number = number
        self.start, self.answers = context.Barrier(number), context.SimpleQueue()
        self.pipes = []
        self.processes = []
        for place in range(number):
            theirs, ours = context.Pipe(duplex=False)
            process = context.Process(target=_client, args=[place, theirs, self.start, self.answers])
            process.start()
            self.pipes.append(ours)
            self.processes.append(process)

    def race(self, takes: list[Any], price: Decimal) -> list[str]:
        """What each was answered."""
        for pipe, take in zip(self.pipes, takes, strict=True):
            pipe.send((take, price))
        found = dict(self.answers.get() for _ in takes)
        return [found[place] for place in range(len(takes))]

    def end(self) -> None:
        for pipe, process in zip(self.pipes, self.processes, strict=True):
            with contextlib.suppress(OSError):
                pipe.send(None)
            process.join(10)


def _client(place: int, pipe: Any, start: Any, answers: Any) -> None:
    from django.db import connection

    while (task := pipe.recv()) is not None:
        connection.ensure_connection()
        start.wait(PATIENCE_SECONDS)
        answers.put((place, _asked(*task)))


def _asked(take: Any, price: Decimal) -> str:
    from billing import budgets, ledger
    from projects.identifiers import new_id

    wanted = ledger.PlannedHold(run=new_id(), model_key=f"{PROVIDER}/flux", provider=PROVIDER, amount=price)
    try:
        ledger.reserve(take=take, holds=[wanted])
    except budgets.BudgetRefused as refused:
        return REFUSED if Decimal(refused.extra["left"]) < price else f"refused with {refused.extra}"
    except Exception as error:
        return repr(error)
    return HELD


def one_round(plan: Plan, clients: Clients) -> dict[str, Any]:
    """Makes a workspace with the budget and a take for each client, and lets them race."""
    from billing import checks
    from billing.models import BudgetWindow, Hold, HoldBudget

    begun = time.monotonic()
    budget, takes = stage_of(plan, clients.number)
    said = collections.Counter(clients.race(takes, plan.price))
    admitted = min(plan.room, clients.number)
    wanted = {HELD: admitted, REFUSED: clients.number - admitted}
    wrong = []
    if said != collections.Counter(wanted):
        wrong.append(f"{dict(said)}, where {wanted} was meant")
    if (there := Hold.objects.filter(workspace=budget.workspace).count()) != admitted:
        wrong.append(f"{there} holds are in the database")
    if (tied := HoldBudget.objects.filter(window__budget=budget).count()) != admitted:
        wrong.append(f"{tied} holds count in the budget")
    windows = BudgetWindow.objects.filter(budget=budget).values_list("spent", "reserved", "overshoot")
    if (
        (kept := set(windows))
        - {(Decimal(0), Decimal(0), Decimal(0))}
        - {(Decimal(0), plan.price * admitted, Decimal(0))}
    ):
        wrong.append(f"the budget's windows say {kept}")
    if plan.number % CHECKED_EVERY == 0:
        wrong += checks.problems()
    return {
        "round": plan.number, "scope": plan.scope, "window": plan.window, "room": plan.room,
        "held": said[HELD], "seconds": round(time.monotonic() - begun, 2), "wrong": wrong,
    }  # fmt: skip


def stage_of(plan: Plan, clients: int) -> tuple[Any, list[Any]]:
    """A workspace of this round alone; beside the tight budget a wide one, which all share as well."""
    from billing import budgets
    from projects.models import Role
    from tests import factories

    studio = factories.workspace(f"race-{plan.number}-{os.urandom(3).hex()}")
    by, producer = (
        factories.membership(studio, role, person=factories.person(f"{role}@{studio.slug}.example"))
        for role in (Role.FINANCE, Role.PRODUCER)
    )
    campaign = factories.campaign(factories.project(studio))
    deliverable = factories.deliverable(campaign)
    others = [factories.deliverable(campaign, category=deliverable.category) for _ in range(3)]
    places = [deliverable] if plan.scope == "deliverable" else [deliverable, *others]
    targets = {
        "project": campaign.project, "campaign": campaign, "category": deliverable.category,
        "deliverable": deliverable, "provider": PROVIDER, "person": producer.person,
    }  # fmt: skip
    tight = budgets.set_budget(
        scope=plan.scope,
        target=targets.get(plan.scope),
        window=plan.window,
        rolling_days=ROLLING_DAYS if plan.window == "rolling" else None,
        limit=plan.limit,
        by=by,
    )
    wide = "none" if (plan.scope, plan.window) != ("workspace", "none") else "month"
    budgets.set_budget(scope="workspace", window=wide, limit=plan.price * (clients + 1), by=by)
    takes = [
        factories.take(places[place % len(places)], requested_by=producer.person) for place in range(clients)
    ]
    return tight, takes


def sum_up(rounds: list[dict[str, Any]]) -> int:
    """Says what was found; the exit status."""
    wrong = [f"round {one['round']}: {line}" for one in rounds for line in one["wrong"]]
    held = sum(one["held"] for one in rounds)
    ways = collections.Counter(f"{one['scope']}/{one['window']}" for one in rounds)
    seconds = sum(one["seconds"] for one in rounds)
    print(f"{len(rounds)} rounds in {seconds:.0f} s, {held} holds. By scope and window: {dict(ways)}.")
    print("\n".join(wrong) or "Exactly as many as fit were admitted, each time.")
    return 1 if wrong else 0


if __name__ == "__main__":
    main()
