"""Matrices: deliverables × variants × columns as they are asked for, and their plan: each cell and its price.

A variant changes the prompt or the control profile; a column is a model asked for, a switch followed, or the
route as it stands. All cells of a deliverable begin with the same seed and count up from it, so that what
differs between two of them is what was varied.
"""

from __future__ import annotations

import collections
import dataclasses
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from billing.money import booked
from generation.figures import decimals, shared_digits
from generation.orders import Order
from projects.models import Deliverable
from projects.problems import Refused
from routing.brief import BudgetLeft
from routing.decision import Cap

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
    cap: Cap | None = None  # of the deliverable with this column, where it was resolved
    in_flight: int = 0  # of the takes that its deliverable has used

    count: int = 1  # of its takes

    @property
    def why(self) -> str:
        return self.refusal.detail if self.refusal else ""

    @property
    def together(self) -> Decimal:
        """What all its takes cost."""
        return self.count * self.expected


@dataclasses.dataclass(frozen=True)
class Line:
    """The price of some cells together."""

    takes: int
    amount: Decimal
    at_most: Decimal


@dataclasses.dataclass(frozen=True)
class Room:
    """How far a deliverable's cap goes: takes used, those `in_flight` among them, and what a batch takes."""

    limit: int
    used: int
    in_flight: int
    takes: int


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

    @property
    def digits(self) -> int:
        """The digits behind the point of every price, so that they add up as they are shown."""
        return shared_digits((cell.expected for cell in self.cells), self._currency)

    @property
    def rounded(self) -> bool:
        """Whether some price has more digits than are shown."""
        return any(decimals(cell.expected) > self.digits for cell in self.cells)

    @property
    def labels(self) -> list[str]:
        """The variants as a page calls them."""
        return [variant.label for variant in self.asked.variants]

    @property
    def _currency(self) -> str:
        return self.asked.deliverables[0].workspace.currency

    def room(self, cells: Sequence[Cell]) -> Room | None:
        """The cap of these cells of one deliverable; None where it has none, or is not known."""
        limits = [cell.cap.limit for cell in cells if cell.cap and cell.cap.limit is not None]
        if not limits:
            return None
        known = next(cell for cell in cells if cell.cap)
        assert known.cap  # noqa: S101 - narrows the type
        return Room(max(limits), known.cap.used, known.in_flight, self.line(cells).takes)

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


def obstacles(cells: Sequence[Cell]) -> list[tuple[str, list[str]]]:
    """What keeps cells from being made, each reason once, with the names of its deliverables."""
    found: dict[str, dict[str, None]] = collections.defaultdict(dict)
    for cell in cells:
        for reason in cell.refusal.points if cell.refusal else ():
            found[reason][cell.deliverable.name] = None
    return [(reason, list(names)) for reason, names in found.items()]
