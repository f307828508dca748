"""What a matrix would run now, cell by cell, and what all of it costs; nothing is written."""

from __future__ import annotations

import collections
import dataclasses
import datetime
import uuid
from collections.abc import Iterator, Sequence
from decimal import Decimal

from django.db.models import prefetch_related_objects

from billing.money import booked
from generation import orders, requests, steps, takes
from generation.grounds import Grounds
from generation.matrices import (
    MOST_COLUMNS,
    MOST_DELIVERABLES,
    MOST_TAKES,
    MOST_VARIANTS,
    ZERO,
    Asked,
    Cell,
    Column,
    Plan,
    Shortage,
    Variant,
)
from generation.prompts import Wording
from projects.models import Deliverable, Phase
from projects.problems import Invalid, Refused
from routing.brief import BudgetLeft


def plan(asked: Asked, *, person_id: uuid.UUID | None, now: datetime.datetime) -> Plan:
    """What the matrix would run now and what it costs; nothing is written.

    The number of queries does not grow with the cells. Raises Invalid for what is no matrix, and NoTable;
    what keeps a single cell from being made stands in the cell.
    """
    asked = _checked(asked)
    prefetch_related_objects(asked.deliverables, *takes.ABOVE)
    on = Grounds(asked.deliverables[0].workspace, now=now, person_id=person_id)
    on.gather(asked.deliverables, Phase.DRAFT, {column.model for column in asked.columns} - {""})
    cells = [
        cell
        for row, deliverable in enumerate(asked.deliverables)
        for cell in _of_deliverable(asked, row, deliverable, on)
    ]
    lefts = _needed(asked, cells, on)
    shortages = [Shortage(row, needed) for row, needed in lefts if row.hard and needed > row.left]
    return Plan(asked=asked, cells=cells, shortages=shortages, lefts=lefts)


def _checked(asked: Asked) -> Asked:
    takes.check_count(asked.count)
    unique = {row.pk: row for row in asked.deliverables}
    for name, found, most in (
        ("deliverables", unique, MOST_DELIVERABLES),
        ("variants", asked.variants, MOST_VARIANTS),
        ("models", asked.columns, MOST_COLUMNS),
    ):
        if not 1 <= len(found) <= most:
            raise Invalid({name: [f"Choose 1 to {most} {name}."]})
    said = [{**dataclasses.asdict(variant), "name": ""} for variant in asked.variants]
    if any(entry in said[:place] for place, entry in enumerate(said)):
        raise Invalid({"variants": ["Two variants are the same."]})
    if len(set(asked.columns)) < len(asked.columns):
        raise Invalid({"models": ["A model is chosen twice."]})
    number = len(unique) * len(asked.variants) * len(asked.columns) * asked.count
    if number > MOST_TAKES:
        raise Invalid(
            {"count": [f"These are {number} takes; a batch has at most {MOST_TAKES}."]},
            remedy="Choose fewer deliverables, variants, models or takes of each.",
        )
    return dataclasses.replace(asked, deliverables=list(unique.values()))


def _of_deliverable(asked: Asked, row: int, deliverable: Deliverable, on: Grounds) -> Iterator[Cell]:
    """The cells of one deliverable; they share its first seed and what its cap leaves."""
    seed, planned = asked.seed, 0
    for variant, varied in enumerate(asked.variants):
        for column, chosen in enumerate(asked.columns):
            cell = Cell(row, variant, column, deliverable, count=asked.count)
            try:
                cell = made = _resolved(cell, varied, chosen, seed, on)
                _check_cap(made, asked.count, planned)
            except Refused as refused:
                yield dataclasses.replace(cell, order=None, expected=ZERO, at_most=ZERO, refusal=refused)
                continue
            assert made.order  # noqa: S101 - narrows the type
            seed = made.order.request["seed"] if seed is None else seed
            planned += asked.count
            yield made


def _resolved(cell: Cell, varied: Variant, chosen: Column, seed: int | None, on: Grounds) -> Cell:
    takes.check_open(cell.deliverable)
    found = requests.resolve(
        deliverable=cell.deliverable,
        phase=Phase.DRAFT,
        seed=seed,
        control_profile=varied.control_profile or None,
        model=chosen.model or None,
        switch=chosen.switch,
        wording=Wording(words=varied.words, variables=varied.variables),
        now=on.now,
        grounds=on,
    )
    followed = [rule for rule in found.decision.criteria if rule.applied]
    if chosen.switch and chosen.switch not in {rule.key for rule in followed}:
        raise Refused(f"The switch {chosen.switch} does not apply to {cell.deliverable.name} now.")
    takes.check_possible(found.decision)
    return dataclasses.replace(
        cell,
        order=orders.of_resolved(found),
        expected=found.decision.expected,
        at_most=found.decision.at_most,
        more_takes=sum(rule.more_takes for rule in followed),
        cap=found.decision.cap,
        in_flight=on.in_flight(cell.deliverable, Phase.DRAFT),
    )


def _check_cap(cell: Cell, count: int, planned: int) -> None:
    assert cell.order  # noqa: S101 - narrows the type
    decision = cell.order.decision
    takes.check_room(decision, used=decision.cap.used, count=count, in_flight=cell.in_flight, batch=planned)


def _needed(asked: Asked, cells: Sequence[Cell], on: Grounds) -> list[tuple[BudgetLeft, Decimal]]:
    """What the takes need of each budget that covers some of them; the scarcest first."""
    budgets: dict[str, BudgetLeft] = {}
    needed: dict[str, Decimal] = collections.defaultdict(Decimal)
    for cell in cells:
        if cell.order is None:
            continue
        amounts = steps.amounts_by_provider(cell.order.decision)
        for row in on.facts(cell.deliverable, Phase.DRAFT, ()).budgets:
            budgets[row.key] = row
            of_cell = sum((each for name, each in amounts.items() if row.provider in ("", name)), ZERO)
            needed[row.key] += of_cell * asked.count
    found = [(row, booked(needed[key])) for key, row in budgets.items() if needed[key]]
    return sorted(found, key=lambda pair: (pair[0].left - pair[1], pair[0].name))
