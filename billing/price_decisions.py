"""Approving and declining proposed prices: finance's word, by another person than the one who proposed.

A price row is proposed until a decision stands beside it. What is proposed prices takes only where nothing
is approved (see `billing.prices.in_force`); what is declined prices nothing.
"""

from __future__ import annotations

import datetime
import uuid
from collections.abc import Collection, Iterable

from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from billing.models import PriceDecision, PriceRow
from projects import access, events
from projects.access import Right
from projects.models import Membership, Role, Workspace
from projects.problems import Invalid, Refused

MOST_AT_ONCE = 2000


class OwnProposal(Refused):
    """Somebody approves a price that they proposed, and another person of finance could."""

    status = 403

    title = "This is your own proposal"


class AlreadyDecided(Refused):
    """The price was approved or declined before."""

    title = "This was decided already"


def approve(
    *, row: PriceRow, by: Membership, note: str = "", now: datetime.datetime | None = None
) -> PriceDecision:
    """Approves a proposed price; needs the right to keep the books.

    Raises OwnProposal (403) where `by` proposed it and the workspace has another person of finance, and
    AlreadyDecided (409).
    """
    access.require(by, Right.KEEP_BOOKS)
    if row.author_id == by.person_id and (others := others_of_finance(by)):
        raise OwnProposal(
            f"You proposed the price of {row.model_key}; another person of finance approves it.",
            remedy=f"Ask {' or '.join(others[:3])}.",
        )
    return _decide(row, PriceDecision.Kind.APPROVED, by, note, now)


def decline(
    *, row: PriceRow, by: Membership, note: str, now: datetime.datetime | None = None
) -> PriceDecision:
    """Declines a proposed price, with a reason; it prices nothing from then on. Raises AlreadyDecided."""
    access.require(by, Right.KEEP_BOOKS)
    if not note.strip():
        raise Invalid({"note": ["Say why, so that the next proposal fits."]})
    return _decide(row, PriceDecision.Kind.DECLINED, by, note, now)


def approve_all(
    *, rows: Iterable[PriceRow], by: Membership, note: str = "", now: datetime.datetime | None = None
) -> int:
    """Approves those of the rows that wait for somebody else than who proposed them; answers how many."""
    access.require(by, Right.KEEP_BOOKS)
    now = now or timezone.now()
    own = by.person_id if others_of_finance(by) else None
    decisions = [
        PriceDecision(
            row=row,
            workspace_id=row.workspace_id,
            decision=PriceDecision.Kind.APPROVED,
            note=note.strip()[:300],
            decided_by=by.person,
            decided_at=now,
        )
        for row in rows
        if own is None or row.author_id != own
    ]
    with transaction.atomic():
        before = PriceDecision.objects.filter(workspace=by.workspace).count()
        PriceDecision.objects.bulk_create(decisions, ignore_conflicts=True, batch_size=500)
        done = PriceDecision.objects.filter(workspace=by.workspace).count() - before
        if done:
            events.record(workspace=by.workspace, kind="price.all_approved", by=by, at=now, rows=done)
    return done


def proposed(workspace: Workspace) -> QuerySet[PriceRow]:
    """Price rows that nobody has decided on yet."""
    return PriceRow.objects.filter(workspace=workspace, decision=None)


def without_approval(row_ids: Collection[uuid.UUID]) -> set[uuid.UUID]:
    """Those of these price rows that nobody has approved; no query without any."""
    if not row_ids:
        return set()
    rows = PriceDecision.objects.filter(row__in=row_ids, decision=PriceDecision.Kind.APPROVED)
    return set(row_ids) - set(rows.values_list("row_id", flat=True))


def may_approve(row: PriceRow, by: Membership, *, others: bool) -> bool:
    """Whether this person may approve the row; `others`: somebody else of finance could."""
    return not (others and row.author_id == by.person_id)


def others_of_finance(by: Membership) -> list[str]:
    """The other members who keep the books, by name."""
    rows = Membership.objects.filter(
        Q(roles__contains=[Role.FINANCE]), workspace=by.workspace_id, ended_at__isnull=True
    )
    people = rows.exclude(person=by.person_id).select_related("person").order_by("person__name")
    return [str(row.person) for row in people]


def _decide(
    row: PriceRow, kind: str, by: Membership, note: str, now: datetime.datetime | None
) -> PriceDecision:
    now = now or timezone.now()
    try:
        with transaction.atomic():
            made: PriceDecision = PriceDecision.objects.create(
                row=row,
                workspace_id=row.workspace_id,
                decision=kind,
                note=note.strip()[:300],
                decided_by=by.person,
                decided_at=now,
            )
            events.record(
                workspace=by.workspace,
                kind=f"price.{kind}",
                by=by,
                at=now,
                model=row.model_key,
                row=row.pk.hex,
            )
    except IntegrityError:
        raise AlreadyDecided(
            f"The price of {row.model_key} from {row.starts_at:%Y-%m-%d} was decided on already.",
            remedy="Reload the page. A price is changed by a new row.",
        ) from None
    return made
