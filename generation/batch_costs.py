"""What a batch cost: money posted and held by what became of its takes, beside what was confirmed."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from django.db.models import Count, QuerySet, Sum

from billing.models import Entry, Hold
from billing.models.ledger import EntryKind
from generation.figures import money_words, shared_digits
from projects.models import Batch, BatchSlot, Take
from projects.models.batches import SlotState
from projects.models.takes import TakeMark, TakeState

ZERO = Decimal(0)
#: What becomes of a take, in the order in which it is shown.
OUTCOMES: dict[str, str] = {
    "accepted": "Signed off",
    "selected": "Selected",
    "undecided": "Ready, not decided on",
    "rejected": "Rejected",
    "in_flight": "In the making",
    "waiting": "Not asked for yet",
    "failed": "Failed",
    "cancelled": "Cancelled",
    "stopped": "Stopped by budget",
}
_MARKS = {TakeMark.ACCEPTED: "accepted", TakeMark.SELECTED: "selected", TakeMark.REJECTED: "rejected"}
_STATES = {
    TakeState.READY: "undecided",
    TakeState.FAILED: "failed",
    TakeState.CANCELLED: "cancelled",
    TakeState.STOPPED_BY_BUDGET: "stopped",
}
_SLOTS = {
    SlotState.WAITING: "waiting",
    SlotState.REFUSED: "failed",
    SlotState.STOPPED: "stopped",
    SlotState.CANCELLED: "cancelled",
}


@dataclasses.dataclass
class Line:
    """Takes that came to the same end: `posted` is their cash, refunds deducted, `held` what is held."""

    outcome: str
    takes: int = 0
    posted: Decimal = ZERO
    held: Decimal = ZERO

    @property
    def label(self) -> str:
        """What a page calls it."""
        return OUTCOMES.get(self.outcome, "Together")


@dataclasses.dataclass(frozen=True)
class Costs:
    """A batch's money by outcome, in the workspace's currency."""

    lines: list[Line]
    amount: Decimal
    at_most: Decimal
    currency: str

    @property
    def total(self) -> Line:
        return Line(
            "",
            sum(line.takes for line in self.lines),
            sum((line.posted for line in self.lines), ZERO),
            sum((line.held for line in self.lines), ZERO),
        )

    @property
    def unused(self) -> Decimal:
        """What was confirmed and is neither posted nor held; below zero where providers charged more."""
        return self.at_most - self.total.posted - self.total.held

    @property
    def over(self) -> Decimal:
        """By how much that is below zero."""
        return -self.unused

    @property
    def about(self) -> str:
        """What was expected, in words."""
        return f"expected about {money_words(self.amount, self.currency)}" if self.amount else ""

    @property
    def digits(self) -> int:
        """The fewest digits behind the point in which the lines add up; four at most."""
        amounts = [amount for line in self.lines for amount in (line.posted, line.held)]
        return shared_digits(amounts, self.currency)


def of(batch: Batch) -> Costs:
    """The batch's takes and money by outcome; four queries whatever its size."""
    found = {outcome: Line(outcome) for outcome in OUTCOMES}
    made = Take.objects.filter(round__batch=batch).values_list("state", "mark")
    for state, mark, number in made.annotate(Count("pk")).order_by():
        found[_outcome(state, mark)].takes += number
    unmade = BatchSlot.objects.filter(batch=batch, take__isnull=True).values_list("state")
    for slot, number in unmade.annotate(Count("pk")).order_by():
        found[_SLOTS[slot]].takes += number
    entries = Entry.objects.filter(take__round__batch=batch).exclude(kind=EntryKind.TRANSFER)
    for outcome, amount in _sums(entries):
        found[outcome].posted += amount
    for outcome, amount in _sums(Hold.objects.filter(take__round__batch=batch, outcome__isnull=True)):
        found[outcome].held += amount
    lines = [line for line in found.values() if line.takes]
    return Costs(lines, batch.amount, batch.at_most, batch.workspace.currency)


def _sums(rows: QuerySet[Any]) -> Iterator[tuple[str, Decimal]]:
    """Amounts by what became of the take; the same outcome may come twice."""
    by_take = rows.values_list("take__state", "take__mark").annotate(Sum("amount")).order_by()
    for state, mark, amount in by_take:
        yield _outcome(state, mark), amount


def _outcome(state: str, mark: str) -> str:
    """A mark goes before the state: only a take with media has one."""
    return _MARKS.get(TakeMark(mark)) or _STATES.get(TakeState(state), "in_flight")
