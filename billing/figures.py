"""Figures of accepted deliverables: sums, exact ratios, and how they are printed."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from decimal import Decimal
from fractions import Fraction

NOUGHT = Decimal(0)
SCALE = 10**8
NOTHING_BELOW = "-0.00000000"


@dataclasses.dataclass
class Sums:
    """What is added up, life to date: counts, cash by stage, time, shares of shared costs, in the workspace's
    currency."""

    accepted: int = 0
    takes: int = 0
    rounds: int = 0
    generation: Decimal = NOUGHT
    control: Decimal = NOUGHT
    refinement: Decimal = NOUGHT
    time: Decimal = NOUGHT
    shared: Decimal = NOUGHT

    @property
    def cash(self) -> Decimal:
        return self.generation + self.control + self.refinement

    def add(self, other: Sums) -> None:
        self.accepted += other.accepted
        self.takes += other.takes
        self.rounds += other.rounds
        self.generation += other.generation
        self.control += other.control
        self.refinement += other.refinement
        self.time += other.time
        self.shared += other.shared

    def is_empty(self) -> bool:
        return self == Sums()


#: A part of the accepted deliverables' life: category, phase (of entry or take), key of the dimension.
Cell = tuple[str, str, str]
Cells = dict[Cell, Sums]


def total(parts: Iterable[Sums]) -> Sums:
    whole = Sums()
    for part in parts:
        whole.add(part)
    return whole


def ratio(amount: Decimal | Fraction | int, by: int) -> Fraction | None:
    """The exact fraction; None where it would be divided by nothing."""
    return Fraction(amount) / by if by else None


def printed(amount: Decimal | Fraction | int) -> str:
    """Eight decimals, half-even, from the exact value."""
    if isinstance(amount, Decimal):
        text = f"{amount:.8f}"  # of all its digits, whatever the context's precision
        return text.removeprefix("-") if text == NOTHING_BELOW else text
    units = round(Fraction(amount) * SCALE)
    sign, rest = "-" if units < 0 else "", abs(units)
    return f"{sign}{rest // SCALE}.{rest % SCALE:08d}"


def printed_or_none(amount: Fraction | None) -> str | None:
    return None if amount is None else printed(amount)


def of(sums: Sums) -> dict[str, int | str | None]:
    """The figures of a row or of the totals, as the API prints them."""
    return {
        "accepted": sums.accepted,
        "takes": sums.takes,
        "rounds": sums.rounds,
        "multiplier": printed_or_none(ratio(sums.takes, sums.accepted)),
        "base": printed_or_none(ratio(sums.generation, sums.takes)),
        "generation": printed(sums.generation),
        "control": printed(sums.control),
        "refinement": printed(sums.refinement),
        "time": printed(sums.time),
        "cash": printed(sums.cash),
        "cash_per_acceptable": printed_or_none(ratio(sums.cash, sums.accepted)),
        "cost_per_acceptable": printed_or_none(ratio(sums.cash + sums.time, sums.accepted)),
        "shared": printed(sums.shared),
        "cost_per_acceptable_with_shared": printed_or_none(
            ratio(sums.cash + sums.time + sums.shared, sums.accepted)
        ),
    }
