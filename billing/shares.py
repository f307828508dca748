"""Shared costs in the books: each share is a transfer out of the campaign's work in progress.

`follow` compares what the rule (`billing.spreading`) says with what is booked and books the difference, at
the instant of the decision; so it may be called at any time, and again. What is closed stays as booked.
"""

from __future__ import annotations

import collections
import datetime
import uuid
from collections.abc import Collection, Iterable, Mapping
from decimal import Decimal

from django.db import connection, transaction
from django.db.models import Sum
from django.utils import timezone

from billing import entries, money, periods, spreading
from billing.models import CostShare, Entry, Pot
from billing.models.ledger import SHARE, EntryKind
from billing.spreading import Closed, Decided, Facts, Place, Taken
from projects import campaign_order
from projects.identifiers import new_id
from projects.models import Campaign, Decision, Deliverable, Workspace
from projects.models.decisions import DecisionKind

MOVING = (
    *(DecisionKind.ACCEPT, DecisionKind.REVERSE, DecisionKind.WRITE_OFF, DecisionKind.REOPEN),
    DecisionKind.END_CAMPAIGN,
)
#: By the index of entries without a deliverable: there are few of them.
CASH = """
    SELECT campaign_id, effective_at, sum(amount) FROM billing_entry
    WHERE workspace_id = %(workspace)s AND deliverable_id IS NULL AND kind <> 'transfer'
      AND campaign_id = ANY(%(campaigns)s) AND effective_at < %(until)s
    GROUP BY 1, 2 ORDER BY 1, 2
"""
WITH_CASH = """
    SELECT DISTINCT campaign_id FROM billing_entry
    WHERE workspace_id = %(workspace)s AND deliverable_id IS NULL AND kind <> 'transfer'
      AND campaign_id IS NOT NULL AND effective_at < %(until)s
"""
FOR_EVER = datetime.datetime.max.replace(tzinfo=datetime.UTC)
Cash = dict[uuid.UUID, list[tuple[datetime.datetime, Decimal]]]


def follow(workspace_id: uuid.UUID, campaign_ids: Iterable[uuid.UUID | None]) -> int:
    """Books what the shares of these campaigns lack or have too much; answers how many transfers.

    Runs in the caller's transaction, after the cash and the decisions are written, and lets nobody else
    spread the costs of these campaigns until that ends.
    """
    ids = sorted({key for key in campaign_ids if key is not None})
    if not ids:
        return 0
    campaign_order.lock(ids)
    cash = _cash(workspace_id, ids, FOR_EVER)
    if not cash:
        return 0
    first = periods.open_from(workspace_id)
    facts, booked = _facts(cash, FOR_EVER), _booked(cash)
    return sum(
        _settle(campaign, facts[campaign.pk], Closed(first, booked[campaign.pk]))
        for campaign in _campaigns(cash)
    )


def follow_all() -> int:
    """Follows every campaign that has shared costs, each workspace in a transaction of its own."""
    return sum(_follow_workspace(workspace) for workspace in Workspace.objects.order_by("pk"))


def _follow_workspace(workspace: Workspace) -> int:
    with transaction.atomic():
        return follow(workspace.pk, _with_cash(workspace, FOR_EVER))


def recomputed(workspace: Workspace, until: datetime.datetime) -> dict[uuid.UUID, dict[Place, Taken]]:
    """By campaign, the shares of everything effective before an instant, from the rows alone.

    The number of queries does not depend on that of campaigns.
    """
    cash = _cash(workspace.pk, _with_cash(workspace, until), until)
    first = periods.open_from(workspace.pk)
    facts, booked = _facts(cash, until), _booked(cash)
    return {key: spreading.spread(facts[key], Closed(first, booked[key])) for key in cash}


def unspread(campaign: Campaign) -> Decimal:
    """What of a campaign's shared costs waits for acceptances: booked, and neither spread nor written off."""
    rows = Entry.objects.filter(workspace=campaign.workspace_id, campaign=campaign, deliverable=None)
    cash = rows.exclude(kind=EntryKind.TRANSFER).aggregate(total=Sum("amount"))["total"]
    taken = CostShare.objects.filter(campaign=campaign).aggregate(total=Sum("amount"))["total"]
    return (cash or Decimal(0)) - (taken or Decimal(0))


def _settle(campaign: Campaign, facts: Facts, closed: Closed) -> int:
    booked, wanted = closed.booked, spreading.spread(facts, closed)
    nothing = Taken(Decimal(0), Decimal(0), 0)
    missing = {
        place: found._replace(amount=lack)
        for place in sorted({*wanted, *booked}, key=lambda place: (place.at, place.decision))
        if (lack := (found := wanted.get(place, nothing)).amount - booked.get(place, Decimal(0)))
    }
    if missing:
        _book(campaign, missing, timezone.now())
    return len(missing)


def _book(campaign: Campaign, missing: Mapping[Place, Taken], now: datetime.datetime) -> None:
    ids = {place.deliverable_id for place in missing if place.deliverable_id}
    rows = Deliverable.objects.filter(pk__in=ids)
    categories: dict[uuid.UUID | None, str] = dict(rows.values_list("pk", "category__key"))
    transfers = [
        Entry(
            id=new_id(),
            workspace_id=campaign.workspace_id,
            project_id=campaign.project_id,
            campaign_id=campaign.pk,
            deliverable_id=place.deliverable_id,
            category=categories.get(place.deliverable_id, ""),
            kind=EntryKind.TRANSFER,
            stage=SHARE,
            debit=Pot.ACCEPTED if place.deliverable_id else Pot.WRITTEN_OFF,
            credit=Pot.WIP,
            amount=taken.amount,
            decision=place.decision,
            service_at=place.at,
            effective_at=place.at,
            booked_at=now,
            calculation=_words(place, taken),
        )
        for place, taken in missing.items()
    ]
    entries.insert(transfers)
    CostShare.objects.bulk_create(
        CostShare(
            workspace_id=campaign.workspace_id,
            campaign=campaign,
            deliverable_id=place.deliverable_id,
            decision=place.decision,
            at=place.at,
            amount=taken.amount,
            unspread=taken.unspread,
            among=taken.among,
            entry=transfer.id,
            booked_at=now,
        )
        for transfer, (place, taken) in zip(transfers, missing.items(), strict=True)
    )


def _words(place: Place, taken: Taken) -> str:
    if place.deliverable_id is None:
        return "shared costs written off: the campaign has ended"
    if taken.amount < 0:
        return "share of shared costs, given back or corrected"
    return f"share of shared costs: {money.exact(taken.unspread)} among {taken.among} open"


def _campaigns(cash: Cash) -> list[Campaign]:
    return list(Campaign.objects.filter(pk__in=cash).order_by("pk"))


def _with_cash(workspace: Workspace, until: datetime.datetime) -> list[uuid.UUID]:
    """Campaigns with shared costs before an instant."""
    with connection.cursor() as cursor:
        cursor.execute(WITH_CASH, {"workspace": workspace.pk, "until": until})
        return [campaign_id for (campaign_id,) in cursor.fetchall()]


def _cash(workspace_id: uuid.UUID, ids: Collection[uuid.UUID], until: datetime.datetime) -> Cash:
    found: Cash = collections.defaultdict(list)
    with connection.cursor() as cursor:
        cursor.execute(CASH, {"workspace": workspace_id, "campaigns": list(ids), "until": until})
        for campaign_id, at, amount in cursor.fetchall():
            found[campaign_id].append((at, amount))
    return dict(found)


def _facts(cash: Cash, until: datetime.datetime) -> dict[uuid.UUID, Facts]:
    """By campaign, what the rule looks at; two queries."""
    decided: dict[uuid.UUID, list[Decided]] = collections.defaultdict(list)
    began: dict[uuid.UUID, dict[uuid.UUID, datetime.datetime]] = collections.defaultdict(dict)
    decisions = Decision.objects.filter(campaign__in=list(cash), decision__in=MOVING, at__lt=until).order_by()
    columns = ("campaign_id", "at", "sequence", "decision", "deliverable_id")
    for campaign_id, *row in decisions.values_list(*columns):
        decided[campaign_id].append(Decided(*row))
    rows = Deliverable.objects.filter(campaign__in=list(cash)).values_list("campaign_id", "pk", "created_at")
    for campaign_id, key, at in rows:
        began[campaign_id][key] = at
    return {key: Facts(own, decided[key], began[key]) for key, own in cash.items()}


def _booked(campaigns: Collection[uuid.UUID]) -> dict[uuid.UUID, dict[Place, Decimal]]:
    """By campaign, what is booked at each place; one query."""
    found: dict[uuid.UUID, dict[Place, Decimal]] = {key: {} for key in campaigns}
    rows = CostShare.objects.filter(campaign__in=campaigns).order_by()
    sums = rows.values_list("campaign_id", "deliverable_id", "decision", "at").annotate(total=Sum("amount"))
    for campaign_id, *where, total in sums:
        if total:
            found[campaign_id][Place(*where)] = total
    return found
