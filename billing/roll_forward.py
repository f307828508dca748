"""Work in progress rolls forward: the kept pots, and the same terms worked out from entries × decisions.

    opening WIP + spend = cost of accepted + written off + period + closing WIP

Kept terms are sums of debits and credits, as they were booked with each write. The check works the same
terms out anew, from cash entries and decisions alone, and compares term by term: for the workspace, each
campaign and each deliverable. So it can fail.
"""

from __future__ import annotations

import collections
import dataclasses
import datetime
import uuid
from collections.abc import Iterable
from decimal import Decimal
from typing import NamedTuple

from django.db import connection

from billing import money, months, shares
from billing.models import Pot
from projects.models import Workspace

#: By deliverable, or by campaign where there is none: what was booked into and out of each pot.
KEPT = """
    SELECT campaign_id, deliverable_id, pot, sum(amount) FROM (
        SELECT campaign_id, deliverable_id, debit AS pot, amount FROM billing_entry
        WHERE workspace_id = %(workspace)s AND effective_at < %(until)s
        UNION ALL
        SELECT campaign_id, CASE WHEN stage = 'shared' THEN NULL ELSE deliverable_id END, credit, -amount
        FROM billing_entry
        WHERE workspace_id = %(workspace)s AND effective_at < %(until)s AND kind = 'transfer'
    ) booked GROUP BY 1, 2, 3
"""
RECOMPUTED = """
    SELECT e.campaign_id, e.deliverable_id,
           CASE WHEN e.campaign_id IS NULL THEN 'period'
                WHEN d.decision = 'accept' THEN 'accepted'
                WHEN d.decision = 'write_off' THEN 'written_off'
                ELSE 'wip' END,
           sum(e.amount)
    FROM billing_entry e
    LEFT JOIN (
        SELECT DISTINCT ON (deliverable_id) deliverable_id, decision FROM projects_decision
        WHERE workspace_id = %(workspace)s AND at < %(until)s
          AND decision IN ('accept', 'reverse', 'write_off', 'reopen')
        ORDER BY deliverable_id, at DESC, sequence DESC
    ) d ON d.deliverable_id = e.deliverable_id
    WHERE e.workspace_id = %(workspace)s AND e.effective_at < %(until)s AND e.kind <> 'transfer'
    GROUP BY 1, 2, 3
"""
SPEND_KEPT = """
    SELECT campaign_id, sum(amount) FROM billing_entry
    WHERE workspace_id = %(workspace)s AND effective_at >= %(start)s AND effective_at < %(until)s
      AND credit LIKE 'provider:%%' GROUP BY 1
"""
SPEND_RECOMPUTED = """
    SELECT campaign_id, sum(amount) FROM billing_entry
    WHERE workspace_id = %(workspace)s AND effective_at >= %(start)s AND effective_at < %(until)s
      AND kind <> 'transfer' GROUP BY 1
"""


class Place(NamedTuple):
    """Where cash lies."""

    campaign_id: uuid.UUID | None
    deliverable_id: uuid.UUID | None
    pot: str


Content = dict[Place, Decimal]
Spend = dict[uuid.UUID | None, Decimal]


@dataclasses.dataclass(frozen=True)
class Terms:
    """The six terms of one month, in the workspace's currency."""

    opening_wip: Decimal
    spend: Decimal
    accepted: Decimal
    written_off: Decimal
    period: Decimal
    closing_wip: Decimal

    def off_by(self) -> Decimal:
        """Zero where the identity holds."""
        out = self.accepted + self.written_off + self.period + self.closing_wip
        return self.opening_wip + self.spend - out


@dataclasses.dataclass(frozen=True)
class RollForward:
    """Kept and recomputed terms of a month; `differences` says in words where they part."""

    month: str
    kept: Terms
    recomputed: Terms
    by_campaign: dict[uuid.UUID | None, Terms]
    differences: list[str]

    @property
    def holds(self) -> bool:
        return not self.differences


def roll_forward(workspace: Workspace, month: str) -> RollForward:
    """Checks the month (YYYY-MM) term by term; a month with a difference cannot be closed."""
    start, until = months.span(workspace, month)
    opening, closing = (_ask(KEPT, workspace, at) for at in (start, until))
    opening_true, closing_true = (_recomputed(workspace, at) for at in (start, until))
    spend = _spend(SPEND_KEPT, workspace, start, until)
    spend_true = _spend(SPEND_RECOMPUTED, workspace, start, until)
    kept = by_campaign(opening, closing, spend)
    true = by_campaign(opening_true, closing_true, spend_true)
    whole, whole_true = total(kept.values()), total(true.values())
    differences = [
        *_compare("The workspace", whole, whole_true),
        *(
            line
            for campaign in sorted({*kept, *true}, key=str)
            for line in _compare(
                f"Campaign {campaign}", kept.get(campaign, NOTHING), true.get(campaign, NOTHING)
            )
        ),
        *_misplaced("the opening", opening, opening_true),
        *_misplaced("the end", closing, closing_true),
    ]
    return RollForward(month, whole, whole_true, kept, differences)


def by_campaign(opening: Content, closing: Content, spend: Spend) -> dict[uuid.UUID | None, Terms]:
    """The terms of each campaign from the pots at both ends of the month and its spend."""
    first, last = _by_campaign_and_pot(opening), _by_campaign_and_pot(closing)
    campaigns = {campaign for campaign, _ in {*first, *last}} | set(spend)
    return {
        campaign: Terms(
            opening_wip=first[campaign, Pot.WIP],
            spend=spend.get(campaign, Decimal(0)),
            accepted=last[campaign, Pot.ACCEPTED] - first[campaign, Pot.ACCEPTED],
            written_off=last[campaign, Pot.WRITTEN_OFF] - first[campaign, Pot.WRITTEN_OFF],
            period=last[campaign, Pot.PERIOD] - first[campaign, Pot.PERIOD],
            closing_wip=last[campaign, Pot.WIP],
        )
        for campaign in campaigns
    }


def total(terms: Iterable[Terms]) -> Terms:
    rows = [dataclasses.astuple(each) for each in terms]
    return Terms(*(sum(column, Decimal(0)) for column in zip(*rows, strict=True))) if rows else NOTHING


def misplaced(workspace: Workspace, until: datetime.datetime) -> list[str]:
    """Where the kept pots differ from entries × decisions up to an instant; empty in sound books."""
    kept, true = _ask(KEPT, workspace, until), _recomputed(workspace, until)
    return _misplaced(f"{until:%Y-%m-%d %H:%M} UTC", kept, true)


NOTHING = Terms(*[Decimal(0)] * 6)


def _by_campaign_and_pot(content: Content) -> dict[tuple[uuid.UUID | None, str], Decimal]:
    sums: dict[tuple[uuid.UUID | None, str], Decimal] = collections.defaultdict(Decimal)
    for place, amount in content.items():
        sums[place.campaign_id, place.pot] += amount
    return sums


def _compare(whose: str, kept: Terms, true: Terms) -> list[str]:
    lines = [
        f"{whose}: {field.name.replace('_', ' ')} is kept as {money.exact(is_)}, "
        f"the rows say {money.exact(should)}."
        for field in dataclasses.fields(Terms)
        if (is_ := getattr(kept, field.name)) != (should := getattr(true, field.name))
    ]
    if kept.off_by():
        lines.append(f"{whose}: the two sides of the roll-forward differ by {money.exact(kept.off_by())}.")
    return lines


def _misplaced(when: str, kept: Content, true: Content) -> list[str]:
    return [
        f"Deliverable {place.deliverable_id}: at {when} {place.pot} holds {money.exact(is_)}, "
        f"the rows say {money.exact(should)}."
        for place in sorted({*kept, *true}, key=str)
        if place.deliverable_id
        and (is_ := kept.get(place, Decimal(0))) != (should := true.get(place, Decimal(0)))
    ]


def _recomputed(workspace: Workspace, until: datetime.datetime) -> Content:
    """From entries × decisions, and the shares of shared costs as the rule makes them of both."""
    content = collections.defaultdict(Decimal, _ask(RECOMPUTED, workspace, until))
    for campaign_id, taken in shares.recomputed(workspace, until).items():
        for place, found in taken.items():
            pot = Pot.ACCEPTED if place.deliverable_id else Pot.WRITTEN_OFF
            content[Place(campaign_id, place.deliverable_id, pot)] += found.amount
            content[Place(campaign_id, None, Pot.WIP)] -= found.amount
    return {place: amount for place, amount in content.items() if amount}


def _ask(statement: str, workspace: Workspace, until: datetime.datetime) -> Content:
    with connection.cursor() as cursor:
        cursor.execute(statement, {"workspace": workspace.pk, "until": until})
        rows = [(Place(*where), amount) for *where, amount in cursor.fetchall()]
    return {place: amount for place, amount in rows if amount}


def _spend(statement: str, workspace: Workspace, start: datetime.datetime, until: datetime.datetime) -> Spend:
    with connection.cursor() as cursor:
        cursor.execute(statement, {"workspace": workspace.pk, "start": start, "until": until})
        return dict(cursor.fetchall())
