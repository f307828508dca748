"""Charges that belong to no take: period costs of their month, until somebody says whose they are.

Assigning one is a pair of entries dated at the assignment: out of the period costs, and into the campaign,
deliverable or take.
"""

from __future__ import annotations

import dataclasses
import datetime
import uuid
from collections.abc import Sequence
from typing import Any, cast

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce
from django.utils import timezone

from billing import entries, pots
from billing.models import Assignment, AssignmentRule, DifferenceStep, Entry
from billing.models.ledger import EntryKind, Stage
from billing.models.reconciliation import DifferenceKind
from projects import access
from projects.access import Right
from projects.models import Campaign, Deliverable, Membership, Take
from projects.problems import Invalid, Refused

#: What a provider charged for; a fee's rest or expired credits name none of these.
CHARGED = Q(kind=EntryKind.CHARGE) & (Q(model__gt="") | Q(stage__gt="") | Q(external_id__gt=""))
UNCLAIMED_KINDS = (DifferenceKind.MISSING_HERE, DifferenceKind.CUT_OFF)
MOST = 20_000
#: What both entries of a pair repeat of the charge.
COPIED = ("provider", "model", "tier", "price_row", "external_id")


class AssignedBefore(Refused):
    """The charge was assigned already."""

    title = "This charge has an owner"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Filter:
    """Which unclaimed charges are meant; an empty field fits everything. `until` is exclusive."""

    provider: str = ""
    model: str = ""
    key: str = ""
    since: datetime.datetime | None = None
    until: datetime.datetime | None = None


def listed(by: Membership, wanted: Filter | None = None) -> QuerySet[Any]:
    """Unclaimed charges, oldest first, with `key_name`: the provider's name of the API key, where known."""
    wanted = wanted or Filter()
    steps = DifferenceStep.objects.filter(entry=OuterRef("id"), difference__kind__in=UNCLAIMED_KINDS)
    rows = (
        Entry.objects.visible_to(by)
        .filter(
            project=None, campaign=None, deliverable=None, kind__in=(EntryKind.CHARGE, EntryKind.ADJUSTMENT)
        )
        .exclude(provider="")
        .exclude(amount=0)
        .exclude(Exists(Assignment.objects.filter(entry=OuterRef("id"))))
        .filter(CHARGED | Exists(steps))
        .annotate(key_name=Coalesce(Subquery(steps.values("difference__line__key")[:1]), Value("")))
    )
    if wanted.provider:
        rows = rows.filter(provider=wanted.provider)
    if wanted.model:
        rows = rows.filter(model=wanted.model)
    if wanted.key:
        rows = rows.filter(key_name=wanted.key)
    if wanted.since:
        rows = rows.filter(service_at__gte=wanted.since)
    if wanted.until:
        rows = rows.filter(service_at__lt=wanted.until)
    return rows.order_by("service_at", "id")


def assign(
    *,
    ids: Sequence[uuid.UUID],
    target: Campaign | Deliverable | Take,
    by: Membership,
    stage: str = Stage.GENERATION,
    now: datetime.datetime | None = None,
) -> list[Assignment]:
    """Gives unclaimed charges to a campaign, deliverable or take. Needs the right to keep the books.

    All or none. Raises AssignedBefore (409) where one of them is not unclaimed any more, Invalid (422) where
    none is named. On an open deliverable the cost is work in progress, on others it goes where theirs is.
    """
    access.require(by, Right.KEEP_BOOKS)
    if not ids:
        raise Invalid({"entries": ["Choose at least one charge."]})
    with transaction.atomic():
        rows = list(listed(by).filter(id__in=ids)[: len(set(ids))])
        if len(rows) != len(set(ids)):
            raise AssignedBefore(
                f"{len(set(ids)) - len(rows)} of {len(set(ids))} charges are not unclaimed any more.",
                remedy="Reload the list and choose again; nothing was assigned.",
            )
        return _assign(rows, target, by, stage, None, now or timezone.now())


def assign_by_rule(
    *,
    wanted: Filter,
    target: Campaign | Deliverable | Take,
    by: Membership,
    stage: str = Stage.GENERATION,
    now: datetime.datetime | None = None,
) -> AssignmentRule:
    """Gives every unclaimed charge that fits to the target, and keeps the rule beside them.

    Raises Invalid (422) for a rule without a condition, or where nothing fits.
    """
    access.require(by, Right.KEEP_BOOKS)
    if wanted == Filter():
        raise Invalid({"rule": ["Name a provider, a model, a key or a time; a rule for everything is none."]})
    now = now or timezone.now()
    with transaction.atomic():
        rows = list(listed(by, wanted)[: MOST + 1])
        if not rows:
            raise Invalid({"rule": ["No unclaimed charge fits."]})
        if len(rows) > MOST:
            raise Invalid({"rule": [f"More than {MOST:,} charges fit; name a shorter time."]})
        rule: AssignmentRule = AssignmentRule.objects.create(
            workspace=by.workspace, by=by.person, at=now, **dataclasses.asdict(wanted)
        )
        _assign(rows, target, by, stage, rule, now)
    return rule


def _assign(
    rows: Sequence[Entry],
    target: Campaign | Deliverable | Take,
    by: Membership,
    stage: str,
    rule: AssignmentRule | None,
    now: datetime.datetime,
) -> list[Assignment]:
    if stage not in Stage.values:
        raise Invalid({"stage": [f"Give one of {', '.join(Stage.values)}."]})
    scope = _scope(target, by)
    pots.lock([scope.deliverable_id])
    held = Entry.objects.filter(workspace=by.workspace, id__in=[row.id for row in rows]).order_by("id")
    list(held.select_for_update(no_key=True).values_list("id"))
    taken = Assignment.objects.filter(entry__in=[row.id for row in rows])
    if taken.exists():
        raise AssignedBefore(
            "Somebody has just assigned one of these charges.",
            remedy="Reload the list and choose again; nothing was assigned.",
        )
    pairs = [(row, *_pair(row, scope, stage, by, now)) for row in rows]
    pots.book([entry for _, out, back in pairs for entry in (out, back)])
    return Assignment.objects.bulk_create(
        Assignment(
            workspace=by.workspace,
            entry=row.id,
            taken_out=out.id,
            put_in=back.id,
            campaign_id=cast(uuid.UUID, scope.campaign_id),
            deliverable_id=scope.deliverable_id,
            take_id=scope.take_id,
            rule=rule,
            by=by.person,
            at=now,
        )
        for row, out, back in pairs
    )


def _scope(target: Campaign | Deliverable | Take, by: Membership) -> entries.Scope:
    if target.workspace_id != by.workspace_id:
        raise ValueError(f"{target} belongs to another workspace.")
    if isinstance(target, Take):
        return entries.scope_of_take(target.pk)
    if isinstance(target, Deliverable):
        return entries.scope_of_deliverable(target)
    return entries.scope_of(workspace=by.workspace, campaign=target)


def _pair(
    row: Entry, scope: entries.Scope, stage: str, by: Membership, now: datetime.datetime
) -> tuple[Entry, Entry]:
    said = {name: getattr(row, name) for name in COPIED}
    said |= {
        "kind": EntryKind.ADJUSTMENT,
        "credit": entries.owed_to(row.provider),
        "service_at": now,
        "booked_at": now,
        "effective_at": now,
        "corrects": row.id,
        "calculation": f"assigned by {by.person.email}: charge of {row.service_at:%Y-%m-%d}"[:300],
    }
    out = Entry(workspace_id=row.workspace_id, amount=-row.amount, stage=row.stage, **said)
    back = Entry(**dataclasses.asdict(scope), amount=row.amount, stage=stage, **said)
    return out, back
