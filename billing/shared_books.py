"""Shared costs as pages and files show them: by campaign, and each share with how it came about."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from django.db import connection
from django.db.models import OuterRef, Q, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce

from billing import money
from billing.models import CostShare, Entry
from billing.models.ledger import EntryKind
from projects.models import Campaign, Decision, Membership

COLUMNS = ("campaign", "name", "booked", "taken", "written_off", "unspread", "ended")
BY_CAMPAIGN = """
    WITH booked AS (
        SELECT campaign_id, sum(amount) AS amount FROM billing_entry
        WHERE workspace_id = %(workspace)s AND deliverable_id IS NULL AND campaign_id IS NOT NULL
          AND kind <> 'transfer'
        GROUP BY 1
    ), spread AS (
        SELECT campaign_id,
               COALESCE(sum(amount) FILTER (WHERE deliverable_id IS NOT NULL), 0) AS taken,
               COALESCE(sum(amount) FILTER (WHERE deliverable_id IS NULL), 0) AS written_off
        FROM billing_costshare WHERE workspace_id = %(workspace)s GROUP BY 1
    )
    SELECT g.id, p.key || '/' || g.key, g.name, b.amount, COALESCE(s.taken, 0), COALESCE(s.written_off, 0),
           b.amount - COALESCE(s.taken, 0) - COALESCE(s.written_off, 0),
           (g.ended_at AT TIME ZONE %(zone)s)::date
    FROM booked b
    JOIN projects_campaign g ON g.id = b.campaign_id
    JOIN projects_project p ON p.id = g.project_id
    LEFT JOIN spread s ON s.campaign_id = b.campaign_id
    ORDER BY b.amount DESC, 2
"""


class OfCampaign(NamedTuple):
    """A campaign's shared costs: booked = taken by sign-offs + written off + not yet spread."""

    id: uuid.UUID
    campaign: str
    name: str
    booked: Decimal
    taken: Decimal
    written_off: Decimal
    unspread: Decimal
    ended: Any


class Sums(NamedTuple):
    booked: Decimal
    taken: Decimal
    written_off: Decimal
    unspread: Decimal


def by_campaign(by: Membership) -> list[OfCampaign]:
    """Campaigns of the workspace that ever had a shared cost, the dearest first."""
    with connection.cursor() as cursor:
        cursor.execute(BY_CAMPAIGN, {"workspace": by.workspace_id, "zone": by.workspace.time_zone})
        return [OfCampaign(*row) for row in cursor.fetchall()]


def total(rows: Sequence[OfCampaign]) -> Sums:
    return Sums(*(sum((getattr(row, name) for row in rows), money.ZERO) for name in Sums._fields))


def sums(campaign: Campaign) -> Sums:
    cash = Entry.objects.filter(workspace=campaign.workspace_id, campaign=campaign, deliverable=None)
    booked = cash.exclude(kind=EntryKind.TRANSFER).aggregate(total=Coalesce(Sum("amount"), money.ZERO))[
        "total"
    ]
    found = CostShare.objects.filter(campaign=campaign).aggregate(
        taken=Coalesce(Sum("amount", filter=Q(deliverable__isnull=False)), money.ZERO),
        written_off=Coalesce(Sum("amount", filter=Q(deliverable=None)), money.ZERO),
    )
    taken, written_off = found["taken"], found["written_off"]
    return Sums(booked, taken, written_off, booked - taken - written_off)


def shares(campaign: Campaign, *, offset: int, limit: int) -> list[CostShare]:
    """Shares, the newest first, each with the `word` of its decision."""
    return list(_shares(campaign).order_by("-at", "-id")[offset : offset + limit])


def share_rows(campaign: Campaign) -> Iterator[Sequence[Any]]:
    """All shares in their order, for CSV."""
    yield ("at", "decision", "deliverable", "name", "unspread", "open", "amount", "booked_at")
    for row in _shares(campaign).order_by("at", "id").iterator(2000):
        key, name = (row.deliverable.key, row.deliverable.name) if row.deliverable else ("", "written off")
        yield (row.at, row.word, key, name, row.unspread, row.among, row.amount, row.booked_at)


def _shares(campaign: Campaign) -> QuerySet[Any]:
    word = Decision.objects.filter(pk=OuterRef("decision")).values("decision")[:1]
    rows = CostShare.objects.filter(campaign=campaign).select_related("deliverable")
    return rows.annotate(word=Subquery(word))
