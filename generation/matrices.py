"""Matrices: deliverables × variants × columns, what each cell would run, and what all of it costs.

A variant changes the prompt or the control profile; a column is a model asked for, a switch followed, or the
route as it stands. All cells of a deliverable begin with the same seed and count up from it, so that what
differs between two of them is what was varied.
"""

from __future__ import annotations

import collections
import dataclasses
import datetime
import uuid
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from django.db.models import prefetch_related_objects

from billing.money import booked
from generation import orders, requests, steps, takes
from generation.grounds import Grounds
from generation.orders import Order
from generation.prompts import Wording
from projects.models import Deliverable, Phase
from projects.problems import Invalid, Refused
from routing.brief import BudgetLeft

MOST_DELIVERABLES = 200
MOST_VARIANTS = 40
MOST_COLUMNS = 12
MOST_TAKES = 2000
ZERO = Decimal(0)


@dataclasses.dataclass(frozen=True)
class Variant:
    """What is varied beside the model: words added to the prompt, values of its variables, the profile."""

    words: str = ""
    variables: Mapping[str, str] = dataclasses.field(default_factory=dict)
    control_profile: str = ""
    name: str = ""

    @property
    def label(self) -> str:
        """What a page calls it."""
        said = [self.words, *(f"{name}: {value}" for name, value in self.variables.items())]
        return self.name or " · ".join(part for part in [*said, self.control_profile] if part) or "As briefed"


@dataclasses.dataclass(frozen=True)
class Column:
    """A model by its key, or a switching criterion to follow; neither: as the route says."""

    model: str = ""
    switch: str = ""

    @property
    def label(self) -> str:
        """What a page calls it."""
        return self.model or (f"Switch: {self.switch}" if self.switch else "As the route says")


@dataclasses.dataclass(frozen=True)
class Asked:
    """A matrix as it is asked for: `count` takes of each cell, from `seed` on where one is given."""

    deliverables: Sequence[Deliverable]
    count: int = 1
    variants: Sequence[Variant] = (Variant(),)
    columns: Sequence[Column] = (Column(),)
    seed: int | None = None

    def document(self) -> dict[str, Any]:
        """All but the deliverables, as a batch keeps it."""
        return {
            "count": self.count,
            "seed": self.seed,
            "variants": [dataclasses.asdict(variant) for variant in self.variants],
            "columns": [dataclasses.asdict(column) for column in self.columns],
        }


def kept(asked: Mapping[str, Any]) -> tuple[list[Variant], list[Column]]:
    """The variants and columns of a batch; batches of earlier versions have one of each."""
    variants = [Variant(**entry) for entry in asked.get("variants", ())]
    columns = [Column(**entry) for entry in asked.get("columns", ())]
    return variants or [Variant()], columns or [Column()]


@dataclasses.dataclass(frozen=True)
class Cell:
    """One field: what one of its takes costs, or why it cannot be made."""

    row: int
    variant: int
    column: int
    deliverable: Deliverable
    order: Order | None = None
    expected: Decimal = ZERO
    at_most: Decimal = ZERO
    more_takes: int = 0
    refusal: Refused | None = None

    @property
    def why(self) -> str:
        return self.refusal.detail if self.refusal else ""


@dataclasses.dataclass(frozen=True)
class Line:
    """The price of some cells together."""

    takes: int
    amount: Decimal
    at_most: Decimal


@dataclasses.dataclass(frozen=True)
class Shortage:
    """A hard budget that has less left than these takes may cost."""

    budget: BudgetLeft
    needed: Decimal


@dataclasses.dataclass(frozen=True)
class Plan:
    """A matrix with everything known about it before it starts."""

    asked: Asked
    cells: Sequence[Cell]
    shortages: Sequence[Shortage]
    lefts: Sequence[tuple[BudgetLeft, Decimal]]  # each budget that covers it, and what is needed of it

    @property
    def makeable(self) -> list[Cell]:
        return [cell for cell in self.cells if cell.order]

    @property
    def impossible(self) -> list[Cell]:
        return [cell for cell in self.cells if not cell.order]

    @property
    def total(self) -> Line:
        return self.line(self.cells)

    def line(self, cells: Sequence[Cell]) -> Line:
        """The price of these cells, in the workspace's currency."""
        count = self.asked.count
        return Line(
            takes=count * sum(1 for cell in cells if cell.order),
            amount=booked(count * sum((cell.expected for cell in cells), ZERO)),
            at_most=booked(count * sum((cell.at_most for cell in cells), ZERO)),
        )

    def rows(self) -> list[tuple[Deliverable, list[Cell], Line]]:
        """The cells of each deliverable in their order, with their price."""
        found: dict[int, list[Cell]] = collections.defaultdict(list)
        for cell in self.cells:
            found[cell.row].append(cell)
        return [(group[0].deliverable, group, self.line(group)) for group in found.values()]

    def columns(self) -> list[tuple[int, Variant, Column, Line]]:
        """The price of each variant (with its place) with each column, over all deliverables."""
        found: dict[tuple[int, int], list[Cell]] = collections.defaultdict(list)
        for cell in self.cells:
            found[cell.variant, cell.column].append(cell)
        return [
            (variant, self.asked.variants[variant], self.asked.columns[column], self.line(group))
            for (variant, column), group in found.items()
        ]


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
            cell = Cell(row=row, variant=variant, column=column, deliverable=deliverable)
            try:
                made = _resolved(cell, varied, chosen, seed, on)
                _check_cap(made, asked.count, planned)
            except Refused as refused:
                yield dataclasses.replace(cell, refusal=refused)
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
    )


def _check_cap(cell: Cell, count: int, planned: int) -> None:
    assert cell.order  # noqa: S101 - narrows the type
    used = cell.order.decision.cap.used + planned
    takes.check_room(cell.order.decision, used=used, count=count)


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
