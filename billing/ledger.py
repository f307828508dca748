"""The ledger: double entry, append-only, partitioned by month.

A row debits one account and credits another by the same signed amount. Cash is owed to `provider:<name>`
and lies in a pot (see `billing.pots`). Money that is planned goes reserve → post | void (`billing.holds`);
what comes without a plan is charged directly; what is given back is a refund that names its charge.
"""

from __future__ import annotations

import datetime
import itertools
import uuid
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import cast

from django.db import connection, transaction
from django.db.models import Sum
from django.utils import timezone

from billing import credits, entries, holds, money, periods, pots, shares, windows
from billing.entries import Charge
from billing.holds import PlannedHold, alone, post, post_all, reserve, reserve_all, void, void_all
from billing.models import Entry
from billing.models.ledger import EntryKind
from billing.partitions import ensure_partitions
from projects.models import Campaign, Deliverable, Project, Take, Workspace
from projects.problems import Refused

__all__ = [
    "Charge",
    "PlannedHold",
    "alone",
    "book_many",
    "charge_without_hold",
    "ensure_partitions",
    "post",
    "post_all",
    "refund",
    "reserve",
    "reserve_all",
    "void",
    "void_all",
    "write_many",
]

#: What a refund does not repeat of its charge.
NOT_OF_A_REFUND = ("units", "computed_amount", "corrects", "decision", "external_id", "note", "calculation")
BATCH = 20_000


class RefundTooLarge(Refused):
    """More would be given back than was charged."""

    title = "This was given back already"


def charge_without_hold(
    *,
    workspace: Workspace,
    charge: Charge,
    project: Project | None = None,
    campaign: Campaign | None = None,
    deliverable: Deliverable | None = None,
    take: Take | None = None,
    now: datetime.datetime | None = None,
) -> Entry:
    """Books a charge that nobody had planned, in the scope of the innermost object given.

    With a take it counts on the take's budgets, as a hold of nothing that was settled above itself: the
    money is gone, so it is never refused. Without any object it is a period cost of the workspace.
    """
    now = now or timezone.now()
    with transaction.atomic():
        if take is not None:
            pots.lock([take.deliverable_id])
            planned = PlannedHold(
                run=charge.run or take.pk,
                model_key=charge.model or f"{charge.provider}/",
                provider=charge.provider,
                amount=Decimal(0),
                price_row=charge.price_row,
            )
            (hold,) = holds.reserve(take=take, holds=[planned], now=now)
            return cast(Entry, holds.post(hold=hold, charge=charge, now=now))
        scope = entries.scope_of(
            workspace=workspace, project=project, campaign=campaign, deliverable=deliverable
        )
        pots.lock([scope.deliverable_id])
        first = periods.open_from(workspace.pk)
        entry = entries.cash(scope=scope, charge=charge, now=now, open_from=first)
        credits.draw([entry])
        pots.book([entry])
    return entry


def refund(
    *,
    entry: Entry,
    at: datetime.datetime,
    amount: Decimal | None = None,
    note: str = "",
    external_id: str = "",
    now: datetime.datetime | None = None,
) -> Entry:
    """Gives back a charge, whole or `amount` of it, with the service date `at`.

    Frees the budgets of the charge while their windows are open; credits return to their lots. Raises
    RefundTooLarge (409) where more would be given back than was charged; then nothing was changed.
    """
    now = now or timezone.now()
    with transaction.atomic():
        pots.lock([entry.deliverable_id])
        _lock_refunds(entry.id)
        windows.lock_shared(entry.workspace_id)
        given = _given(entry)
        back = _checked(entry, amount, given)
        row = _refund_row(entry, back, at, now)
        row.note, row.external_id = note[:300], external_id
        pots.book([row])
        credits.give_back(entry, back, entry.amount + (given or Decimal(0)), now)
        if entry.hold:
            windows.give_back(entry.hold, back, row.effective_at)
    return row


def book_many(*, workspace: Workspace, cash: Iterable[Entry], batch: int = BATCH) -> int:
    """Books unsaved cash entries of any instant in bulk; answers how many.

    For histories: `debit` and `credit` are set here, amounts rounded here, everything else by the caller.
    Decisions that are recorded already are followed; those recorded later must go through `pots.decide`
    or `pots.move_cash`. Budgets do not count what has no hold. Shared costs are spread at the end.
    """
    campaigns: set[uuid.UUID] = set()
    booked = write_many(workspace=workspace, cash=_noted(cash, campaigns), batch=batch)
    with transaction.atomic():
        shares.follow(workspace.pk, campaigns)
    return booked


def write_many(*, workspace: Workspace, cash: Iterable[Entry], batch: int = BATCH) -> int:
    """As `book_many`, and leaves it to the caller to spread shared costs (`billing.shares.follow`)."""
    booked = 0
    rows = iter(cash)
    while part := list(itertools.islice(rows, batch)):
        for entry in part:
            if entry.workspace_id != workspace.pk or entry.kind == EntryKind.TRANSFER:
                raise ValueError(f"Entry {entry.id} is no cash of {workspace.slug}.")
            entry.credit = entries.owed_to(entry.provider)
            entry.amount = money.booked(entry.amount)
        with transaction.atomic():
            pots.lock(entry.deliverable_id for entry in part)
            pots.write(part)
        booked += len(part)
    return booked


def _noted(cash: Iterable[Entry], campaigns: set[uuid.UUID]) -> Iterator[Entry]:
    """The entries, with a note of their campaigns as they go by."""
    for entry in cash:
        if entry.campaign_id is not None:
            campaigns.add(entry.campaign_id)
        yield entry


def _given(entry: Entry) -> Decimal | None:
    """What of a charge was given back already, as a negative amount; None where nothing was."""
    if entry.kind != EntryKind.CHARGE:
        raise ValueError(f"Entry {entry.id} is no charge.")
    found: Decimal | None = Entry.objects.filter(refunds=entry.id).aggregate(total=Sum("amount"))["total"]
    return found


def _checked(entry: Entry, amount: Decimal | None, given: Decimal | None) -> Decimal:
    """What is to be given back, no more than is left of the charge."""
    left = entry.amount + (given or Decimal(0))
    back = left if amount is None else money.booked(amount)
    if back < 0 or back > left or (given is not None and left == 0):
        raise RefundTooLarge(
            f"Of this charge of {money.exact(entry.amount)}, {money.exact(left)} can be given back.",
            remedy=f"Give back at most {money.exact(left)}.",
            extra={"left": money.exact(left)},
        )
    return back


def _refund_row(entry: Entry, back: Decimal, at: datetime.datetime, now: datetime.datetime) -> Entry:
    native = None
    if entry.native_amount is not None and entry.amount:
        native = -money.booked(entry.native_amount * back / entry.amount)
    return entries.like(
        entry,
        without=NOT_OF_A_REFUND,
        kind=EntryKind.REFUND,
        amount=-back,
        native_amount=native,
        service_at=at,
        booked_at=now,
        effective_at=periods.effective(at, now, periods.open_from(entry.workspace_id)),
        refunds=entry.id,
    )


def _lock_refunds(entry_id: uuid.UUID) -> None:
    """Two refunds of one charge come one after the other."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 1))", [str(entry_id)])
