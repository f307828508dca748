"""Approving many small hero renders at once, up to a price each and for exactly the sum that was shown."""

from __future__ import annotations

import dataclasses
import datetime
from collections.abc import Sequence
from decimal import Decimal

from django.utils import timezone

from generation import heroes
from projects import access
from projects.access import Right
from projects.models import HeroRequest, Membership
from projects.models.decisions import RequestState
from projects.problems import Refused


class BulkRefused(Refused):
    """What would be approved is not what was shown; nothing was approved."""

    title = "Nothing was approved"


@dataclasses.dataclass(frozen=True)
class Choice:
    """What would be approved together, and what is left out, each with the reason."""

    rows: Sequence[HeroRequest]
    left_out: Sequence[tuple[HeroRequest, str]]

    @property
    def total(self) -> Decimal:
        return sum((row.at_most for row in self.rows), Decimal(0))


@dataclasses.dataclass(frozen=True)
class Outcome:
    """Each request was decided on its own: some may be refused by a budget while others go on."""

    approved: Sequence[HeroRequest]
    refused: Sequence[tuple[HeroRequest, str]]

    @property
    def total(self) -> Decimal:
        return sum((row.at_most for row in self.approved), Decimal(0))


def choose(*, requests: Sequence[HeroRequest], limit: Decimal, by: Membership) -> Choice:
    """Those of the requests that this member may approve and that cost at most `limit` each."""
    rows: list[HeroRequest] = []
    left_out: list[tuple[HeroRequest, str]] = []
    for row in requests:
        if row.state != RequestState.WAITING:
            left_out.append((row, "was decided already"))
        elif row.requested_by_id == by.person_id:
            left_out.append((row, "was asked for by you"))
        elif row.at_most > limit:
            left_out.append((row, "costs more than that"))
        else:
            rows.append(row)
    return Choice(rows, left_out)


def approve(
    *,
    requests: Sequence[HeroRequest],
    limit: Decimal,
    total: Decimal,
    by: Membership,
    now: datetime.datetime | None = None,
) -> Outcome:
    """Approves all of the requests, each in a transaction of its own, as `heroes.approve` does.

    Raises MissingRight, or BulkRefused where one of them may not be approved so, or where together they
    cost another sum than `total`, the one that was confirmed; then nothing was approved.
    """
    access.require(by, Right.APPROVE)
    now = now or timezone.now()
    choice = choose(requests=requests, limit=limit, by=by)
    if choice.left_out or not choice.rows:
        words = "; ".join(f"{row.deliverable.name} {why}" for row, why in choice.left_out)
        raise BulkRefused(words or "Nothing was chosen.", remedy="Look at the list again.")
    if choice.total != total:
        raise BulkRefused(
            f"Together they cost at most {choice.total:.2f} now, not {total:.2f}.",
            remedy="Look at the list again, and confirm the new sum if it is right.",
        )
    approved: list[HeroRequest] = []
    refused: list[tuple[HeroRequest, str]] = []
    for row in choice.rows:
        try:
            approved.append(heroes.approve(hero_request=row, by=by, now=now))
        except Refused as refusal:
            refused.append((row, refusal.detail))
    return Outcome(approved, refused)
