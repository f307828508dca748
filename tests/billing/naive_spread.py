"""How shared costs are spread over what is accepted, by plain loops over the rows (see `naive`).

Each acceptance takes what is not yet spread, divided by the campaign's deliverables that are still open
(itself included), rounded half-even to eight decimals; the last one takes the rest. A reversal gives back
exactly what was taken. The end of the campaign writes off the rest and whatever comes later. At one instant
costs come before decisions. A deliverable is there from its brief on, an imported one from its
first row on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction

from tests.billing.naive_rows import Charge, Decision, Deliverable, round8

Campaign = tuple[str, str]


@dataclass(frozen=True)
class Portion:
    """What moved out of the campaign's work in progress: to a deliverable, or (None) to written off."""

    at: datetime
    deliverable: Deliverable | None
    amount: Fraction


Briefs = Mapping[Deliverable, datetime]


def portions(charges: Sequence[Charge], decisions: Sequence[Decision], briefs: Briefs) -> list[Portion]:
    """Of all campaigns. Rows and decisions in time order, then file order; when each deliverable came."""
    found = []
    for campaign in sorted({row.deliverable[:2] for row in charges if is_shared(row)}):
        found += of_campaign(campaign, charges, decisions, briefs)
    return found


def is_shared(charge: Charge) -> bool:
    return charge.is_cash and bool(charge.row["campaign"]) and not charge.row["deliverable"]


def of_campaign(
    campaign: Campaign, charges: Sequence[Charge], decisions: Sequence[Decision], briefs: Briefs
) -> list[Portion]:
    own = [row for row in charges if row.deliverable[:2] == campaign]
    costs = [(row.at, 0, row) for row in own if is_shared(row)]
    said = [(row.at, 1, row) for row in decisions if row.deliverable[:2] == campaign]
    waiting, ended = Fraction(0), False
    taken: dict[Deliverable, Fraction] = {}
    settled: set[Deliverable] = set()
    found = []
    for at, _, row in sorted([*costs, *said], key=lambda event: event[:2]):
        if isinstance(row, Charge):
            if ended:
                found.append(Portion(at, None, row.booked))
            else:
                waiting += row.booked
            continue
        word, deliverable = row.row["decision"], row.deliverable
        if word == "end_campaign":
            found.append(Portion(at, None, waiting))
            waiting, ended = Fraction(0), True
        elif word == "accept":
            there = {key for key, since in briefs.items() if key[:2] == campaign and since <= at}
            still_open = len(there - settled)
            share = waiting if still_open == 1 else round8(waiting / still_open)
            settled.add(deliverable)
            taken[deliverable] = share
            waiting -= share
            found.append(Portion(at, deliverable, share))
        elif word == "write_off":
            settled.add(deliverable)
        elif word == "reverse":
            settled.discard(deliverable)
            back = taken.pop(deliverable, Fraction(0))
            found.append(Portion(at, deliverable, -back))
            if ended:
                found.append(Portion(at, None, back))
            else:
                waiting += back
    return found
