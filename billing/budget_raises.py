"""Requests to raise a budget: who lacks money asks, another person who may set budgets decides, once.

A request that nobody decides ends by itself after `LASTS`; who asked can withdraw it before.
"""

from __future__ import annotations

import datetime
from decimal import Decimal
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from billing import alerts, budgets, money, scopes, windows
from billing.models import Budget, BudgetRaise
from billing.models.budget_raises import RaiseState
from projects import access, events, notices
from projects.access import Right
from projects.models import Membership
from projects.models.notices import NoticeKind
from projects.problems import Invalid, Refused

LASTS = datetime.timedelta(days=14)
MOST_SHOWN = 50
NAMED = tuple(f"budget__{name}" for name in scopes.NAMED)


class RaiseRefused(Refused):
    """The request cannot be made or decided as it stands."""

    title = "This request cannot go on"


class NeedsAnother(RaiseRefused):
    """One's own request."""

    status = 403
    title = "Somebody else has to decide this"


def ask(
    *,
    budget: Budget,
    more: Decimal,
    reason: str,
    by: Membership,
    now: datetime.datetime | None = None,
) -> BudgetRaise:
    """Asks for `more` on the limit; whoever may set budgets is told. Nothing is raised before the word.

    Raises Invalid (422) for an amount or reason that does not fit, RaiseRefused (409) where the same person's
    request for this budget waits already, 404 where the budget is not in force.
    """
    access.require(by, Right.MAKE)
    now = now or timezone.now()
    _check(more, reason)
    with transaction.atomic():
        own = Budget.objects.visible_to(by).select_related(*scopes.NAMED)
        found = own.filter(pk=budget.pk, ended_at__isnull=True).first()
        if found is None:
            raise Refused("There is no such budget in force.", status=404, title="No such budget")
        try:
            with transaction.atomic():
                row = BudgetRaise.objects.create(
                    workspace=by.workspace,
                    budget=found,
                    more=money.booked(more),
                    reason=reason.strip(),
                    requested_by=by.person,
                    requested_at=now,
                    expires_at=now + LASTS,
                )
        except IntegrityError:
            raise RaiseRefused(
                "You asked to raise this budget already.", remedy="Withdraw that request to ask anew."
            ) from None
        _record(row, by, now, "raise_asked")
        _tell_keepers(row, by, now)
    return row


def grant(
    *, request: BudgetRaise, by: Membership, note: str = "", now: datetime.datetime | None = None
) -> BudgetRaise:
    """Raises the limit by what was asked, from the running window on; who asked is told."""
    access.require(by, Right.SET_BUDGETS)
    now = now or timezone.now()
    with transaction.atomic():
        windows.lock_exclusive(by.workspace_id)
        row = _waiting(request, by, now)
        budget = Budget.objects.select_related(*scopes.NAMED).get(pk=row.budget_id)
        before = budget.limit
        budgets.change_limit(budget=budget, limit=before + row.more, by=by, now=now)
        _decide(row, RaiseState.GRANTED, by, note, now, limit_before=before)
    return row


def decline(
    *, request: BudgetRaise, by: Membership, note: str, now: datetime.datetime | None = None
) -> BudgetRaise:
    """Leaves the limit as it is; the note says why, and is needed."""
    access.require(by, Right.SET_BUDGETS)
    if not note.strip():
        raise Invalid({"note": ["Say why not; who asked reads it."]})
    now = now or timezone.now()
    with transaction.atomic():
        row = _waiting(request, by, now)
        _decide(row, RaiseState.DECLINED, by, note, now)
    return row


def withdraw(*, request: BudgetRaise, by: Membership, now: datetime.datetime | None = None) -> BudgetRaise:
    """Takes one's own request back while it waits."""
    access.require(by, Right.MAKE)
    now = now or timezone.now()
    with transaction.atomic():
        row = _locked(request, by)
        if row.requested_by_id != by.person_id:
            raise RaiseRefused("Only who asked can withdraw a request.", status=403)
        _set(row, RaiseState.WITHDRAWN, now, decided_by=by.person)
        _record(row, by, now, "raise_withdrawn")
    return row


def waiting(member: Membership, budget: Budget | None = None) -> list[BudgetRaise]:
    """Requests that wait in the member's workspace, the oldest first; of one budget where it is given."""
    rows = BudgetRaise.objects.visible_to(member).filter(state=RaiseState.WAITING)
    rows = rows.filter(budget=budget) if budget else rows
    return list(rows.select_related("requested_by", *NAMED).order_by("requested_at", "id")[:MOST_SHOWN])


def expire_due(*, now: datetime.datetime | None = None) -> int:
    """Ends the requests whose time is over, and tells who asked; answers how many."""
    now = now or timezone.now()
    due = BudgetRaise.objects.filter(state=RaiseState.WAITING, expires_at__lte=now).order_by("pk")
    ended = 0
    for key in due.values_list("pk", flat=True):
        with transaction.atomic():
            rows = BudgetRaise.objects.select_for_update(of=("self",), skip_locked=True)
            row = rows.select_related("workspace", *NAMED).filter(pk=key, state=RaiseState.WAITING).first()
            if row is not None:
                _set(row, RaiseState.EXPIRED, now)
                _record(row, None, now, "raise_expired")
                _tell_asker(row, "has expired: nobody decided it", "", now)
                ended += 1
    return ended


def _check(more: Decimal, reason: str) -> None:
    errors: dict[str, list[str]] = {}
    if not more.is_finite() or not 0 < more < budgets.MOST:
        errors["more"] = ["Give by how much, above zero."]
    if not reason.strip():
        errors["reason"] = ["Say what the money is for; who decides reads it."]
    if errors:
        raise Invalid(errors)


def _locked(request: BudgetRaise, by: Membership) -> BudgetRaise:
    rows = BudgetRaise.objects.visible_to(by).select_for_update(of=("self",))
    row = rows.select_related("workspace", *NAMED).filter(pk=request.pk).first()
    if row is None:
        raise Refused("There is no such request.", status=404, title="No such request")
    if row.state != RaiseState.WAITING:
        raise RaiseRefused(f"This request is {row.get_state_display().lower()}.", remedy="Reload the page.")
    return row


def _waiting(request: BudgetRaise, by: Membership, now: datetime.datetime) -> BudgetRaise:
    """The request, locked, as one that this member can decide now."""
    row = _locked(request, by)
    if row.requested_by_id == by.person_id:
        raise NeedsAnother("You asked for this yourself.", remedy="Another person who sets budgets decides.")
    if row.expires_at <= now:
        raise RaiseRefused("This request has expired.", remedy="It can be asked for anew.")
    return row


def _decide(
    row: BudgetRaise, state: str, by: Membership, note: str, now: datetime.datetime, **more: Any
) -> None:
    _set(row, state, now, decided_by=by.person, note=note.strip(), **more)
    _record(row, by, now, f"raise_{state}")
    _tell_asker(row, f"was {state} by {by.person}", note.strip(), now)


def _set(row: BudgetRaise, state: str, now: datetime.datetime, **more: Any) -> None:
    values = {"state": state, "decided_at": now, **more}
    for name, value in values.items():
        setattr(row, name, value)
    row.save(update_fields=list(values))


def _record(row: BudgetRaise, by: Membership | None, now: datetime.datetime, what: str) -> None:
    events.record(
        workspace=row.workspace,
        kind=f"budget.{what}",
        by=by,
        at=now,
        budget=str(row.budget_id),
        name=scopes.name_of(row.budget),
        amount=money.exact(row.more),
        note=row.note or row.reason,
    )


def _tell_keepers(row: BudgetRaise, by: Membership, now: datetime.datetime) -> None:
    more = money.shown(row.more, row.workspace.currency)
    notices.notify(
        members=[member for member in alerts.keepers(row.workspace) if member.person_id != by.person_id],
        kind=NoticeKind.APPROVAL_WAITING,
        title=f"{by.person} asks for {more} more: {scopes.name_of(row.budget)}",
        body=row.reason,
        url=f"/w/{row.workspace.slug}/budgets/",
        dedupe=f"raise:{row.pk}",
        now=now,
    )


def _tell_asker(row: BudgetRaise, what: str, note: str, now: datetime.datetime) -> None:
    more = money.shown(row.more, row.workspace.currency)
    notices.notify(
        members=Membership.objects.filter(workspace=row.workspace, person=row.requested_by_id),
        kind=NoticeKind.REQUEST_DECIDED,
        title=f"Your request for {more} more {what}: {scopes.name_of(row.budget)}",
        body=note,
        url=f"/w/{row.workspace.slug}/budgets/",
        dedupe=f"raise:{row.pk}",
        now=now,
    )
