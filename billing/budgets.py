"""Budgets: limits on cash for a scope and, if named, a phase, over a window.

A budget counts holds: what is held in its window, and what they were settled at. A new budget finds the
holds that its running window has seen already, and a changed limit keeps its consumption.
"""

from __future__ import annotations

import dataclasses
import datetime
import uuid
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from billing import alerts, budget_terms, consumption, money, scopes, windows
from billing.models import Budget, BudgetWindow
from billing.models.budgets import usual_shares
from projects import access, events
from projects.access import Right
from projects.models import (
    Campaign,
    Category,
    Deliverable,
    Membership,
    Person,
    Project,
    Workspace,
)
from projects.problems import Invalid, Refused

Target = budget_terms.Target
NAMED = scopes.NAMED
name_of = scopes.name_of
MOST = budget_terms.MOST


class BudgetRefused(Refused):
    """A hold that a hard budget has no money for; nothing was held anywhere."""

    status = 402
    title = "The budget does not allow this"

    def __init__(self, *, budget: Budget, needed: Decimal, left: Decimal, raised_by: list[str]) -> None:
        currency, name = budget.workspace.currency, name_of(budget)
        super().__init__(
            f"{name} has {money.shown(left, currency)} left; this needs {money.shown(needed, currency)}.",
            remedy=f"Its limit can be raised by {' or '.join(raised_by)}.",
            extra={
                "needed": money.exact(needed),
                "left": money.exact(left),
                "budget": name,
                "raised_by": raised_by,
            },
        )
        self.budget, self.needed, self.left, self.raised_by = budget, needed, left, raised_by


class LimitBelowUse(Refused):
    """A hard limit below what is spent and held already."""

    title = "The limit is below what is used"


@dataclasses.dataclass(frozen=True)
class BudgetLeft:
    """What remains of one budget in its running window; `left` is never below zero."""

    scope: str
    name: str
    left: Decimal
    limit: Decimal
    spent: Decimal
    reserved: Decimal
    hard: bool
    id: uuid.UUID

    @property
    def used(self) -> Decimal:
        return self.spent + self.reserved

    provider: str = ""  # set where it covers that provider's calls alone


def set_budget(
    *,
    scope: str,
    limit: Decimal,
    window: str,
    by: Membership,
    target: Target = None,
    phase: str = "",
    hard: bool = True,
    rolling_days: int | None = None,
    alert_shares: Sequence[int] | None = None,
    now: datetime.datetime | None = None,
) -> Budget:
    """Sets a budget of the member's workspace. `target` is the scope's object, or the provider's name.

    `rolling_days` is the length of a rolling window. What was held since the window began counts from the
    start. Raises Invalid (422) where the values do not fit or such a budget is in force, LimitBelowUse (409)
    where a hard limit is used up already.
    """
    access.require(by, Right.SET_BUDGETS)
    now = now or timezone.now()
    budget_terms.check(by.workspace, scope, target, phase, (window, rolling_days), limit)
    shares = budget_terms.shares(usual_shares() if alert_shares is None else alert_shares)
    budget = Budget(
        workspace=by.workspace,
        scope=scope,
        phase=phase,
        window=window,
        rolling_days=rolling_days,
        limit=money.booked(limit),
        hard=hard,
        alert_shares=shares,
        set_by=by.person,
        set_at=now,
        **({str(scope): target} if target is not None else {}),
    )
    with transaction.atomic():
        _lock_target(target)
        windows.lock_exclusive(by.workspace_id)
        _refuse_second(budget)
        _open(budget, now)
        _record(budget, by, now, "set")
    return budget


def change_limit(
    *,
    budget: Budget,
    limit: Decimal,
    by: Membership,
    now: datetime.datetime | None = None,
) -> Budget:
    """Changes the limit from the running window on; what is used stays used.

    Raises LimitBelowUse (409) where the budget is hard and more is spent and held already.
    """
    access.require(by, Right.SET_BUDGETS)
    now = now or timezone.now()
    budget_terms.check_limit(limit)
    limit = money.booked(limit)
    with transaction.atomic():
        windows.lock_exclusive(by.workspace_id)
        budget = _own(budget, by)
        before = budget.limit
        budget.limit = limit
        budget.save(update_fields=["limit"])
        window = windows.ensure([budget], now)[budget.pk]
        used = window.carried + window.spent + window.reserved
        _refuse_below(budget, used)
        window.limit, window.overshoot = limit, Decimal(0)
        window.alerted_percent = alerts.level(used, limit, budget.alert_shares)
        window.save(update_fields=["limit", "overshoot", "alerted_percent"])
        _record(budget, by, now, "changed", before=money.exact(before))
    return budget


def change_alerts(
    *, budget: Budget, shares: Sequence[int], by: Membership, now: datetime.datetime | None = None
) -> Budget:
    """Changes of which shares of the limit (in percent) is told, from the running window on.

    Of what has been reached already nobody is told again. Raises Invalid (422) for shares that do not fit.
    """
    access.require(by, Right.SET_BUDGETS)
    now, shares = now or timezone.now(), budget_terms.shares(shares)
    with transaction.atomic():
        windows.lock_exclusive(by.workspace_id)
        budget = _own(budget, by)
        budget.alert_shares = shares
        budget.save(update_fields=["alert_shares"])
        window = windows.ensure([budget], now)[budget.pk]
        used = window.carried + window.spent + window.reserved
        window.alert_shares = shares
        window.alerted_percent = alerts.level(used, window.limit, shares)
        window.save(update_fields=["alert_shares", "alerted_percent"])
        _record(budget, by, now, "alerts_changed", shares=shares)
    return budget


def end_budget(*, budget: Budget, by: Membership, now: datetime.datetime | None = None) -> Budget:
    """Ends a budget: it covers no further hold. What it counted stays for history."""
    access.require(by, Right.SET_BUDGETS)
    now = now or timezone.now()
    with transaction.atomic():
        windows.lock_exclusive(by.workspace_id)
        budget = _own(budget, by)
        budget.ended_at = now
        budget.save(update_fields=["ended_at"])
        _record(budget, by, now, "ended")
    return budget


def left(
    *,
    deliverable: Deliverable,
    phase: str,
    providers: Iterable[str],
    now: datetime.datetime | None = None,
    person_id: uuid.UUID | None = None,
) -> list[BudgetLeft]:
    """What remains of each budget that would cover a hold for this deliverable; scarcest first."""
    return left_of_many(
        deliverables=[deliverable], phase=phase, providers=providers, now=now, person_id=person_id
    )[deliverable.pk]


def left_of_many(
    *,
    deliverables: Iterable[Deliverable],
    phase: str,
    providers: Iterable[str],
    now: datetime.datetime | None = None,
    person_id: uuid.UUID | None = None,
) -> dict[uuid.UUID, list[BudgetLeft]]:
    """As `left`, of each of these deliverables; two queries whatever their number."""
    now, providers = now or timezone.now(), set(providers)
    objects = {row.pk: scopes.covered(row, phase, person_id) for row in deliverables}
    active = windows.active_budgets(list(objects.values()), providers)
    over = {
        key: [each for each in active if any(covered.is_under(each, name) for name in providers or {""})]
        for key, covered in objects.items()
    }
    used = {each.pk for covering in over.values() for each in covering}
    found = {row.id: row for row in in_window([each for each in active if each.pk in used], now)}
    return {
        key: sorted((found[each.pk] for each in covering), key=lambda row: (row.left, row.name))
        for key, covering in over.items()
    }


def in_window(rows: Iterable[Budget], now: datetime.datetime) -> list[BudgetLeft]:
    """Use of budgets (with NAMED selected) in their running windows, in the given order; two queries."""
    rows = list(rows)
    starts = {budget.pk: windows.start(budget, budget.workspace, now) for budget in rows}
    found = {
        window.budget_id: window
        for window in BudgetWindow.objects.filter(budget__in=starts, starts_at__in=set(starts.values()))
        if starts[window.budget_id] == window.starts_at
    }
    days = {each.pk: windows.day_of(each, each.workspace, starts[each.pk]) for each in rows}
    rolled = windows.rolled({key: day for key, day in days.items() if day})
    return [_left(budget, found.get(budget.pk), rolled.get(budget.pk)) for budget in rows]


def refusal(budget: Budget, window_id: int, needed: Decimal) -> BudgetRefused:
    """The refusal of a hold by this budget, with what its window has left."""
    window = BudgetWindow.objects.get(pk=window_id)
    return BudgetRefused(
        budget=budget,
        needed=needed,
        left=max(Decimal(0), window.limit - window.carried - window.spent - window.reserved),
        raised_by=raised_by(budget.workspace),
    )


def raised_by(workspace: Workspace) -> list[str]:
    """Who can raise a limit: the people who may, else the roles that would."""
    people = [str(member.person) for member in alerts.keepers(workspace)]
    return people or [f"somebody with the role {role}" for role in access.roles_with(Right.SET_BUDGETS)]


def _left(budget: Budget, window: BudgetWindow | None, rolled: tuple[Decimal, Decimal] | None) -> BudgetLeft:
    limit = window.limit if window else budget.limit
    spent, reserved = rolled or ((window.spent, window.reserved) if window else (Decimal(0), Decimal(0)))
    return BudgetLeft(
        scope=budget.scope,
        name=name_of(budget),
        left=max(Decimal(0), limit - spent - reserved),
        limit=limit,
        spent=spent,
        reserved=reserved,
        hard=budget.hard,
        id=budget.pk,
        provider=budget.provider,
    )


def _open(budget: Budget, now: datetime.datetime) -> None:
    """Writes the budget with its running window, which counts the holds made in it before."""
    workspace, running = budget.workspace, windows.start(budget, budget.workspace, now)
    starts = windows.days(budget, workspace, now) if budget.rolling_days else [running]
    found = {starts_at: consumption.so_far(budget, starts_at) for starts_at in starts}
    total = sum((used.spent + used.reserved for used in found.values()), Decimal(0))
    _refuse_below(budget, total)
    budget.save(force_insert=True)
    for starts_at, used in found.items():
        if starts_at == running or any(used):
            window = BudgetWindow.objects.create(
                budget=budget,
                starts_at=starts_at,
                day=windows.day_of(budget, workspace, starts_at),
                limit=budget.limit,
                hard=budget.hard,
                alert_shares=budget.alert_shares,
                spent=used.spent,
                reserved=used.reserved,
                alerted_percent=alerts.level(total, budget.limit, budget.alert_shares),
            )
            consumption.adopt(budget, window)


def _refuse_below(budget: Budget, used: Decimal) -> None:
    if budget.hard and budget.limit < used:
        currency = budget.workspace.currency
        raise LimitBelowUse(
            f"{name_of(budget)} has {money.exact(used)} {currency} spent or held already.",
            remedy=f"Give a limit of at least {money.exact(used)} {currency}.",
            extra={"used": money.exact(used), "limit": money.exact(budget.limit)},
        )


def _refuse_second(budget: Budget) -> None:
    same = Budget.objects.filter(
        workspace=budget.workspace,
        scope=budget.scope,
        phase=budget.phase,
        window=budget.window,
        rolling_days=budget.rolling_days,
        provider=budget.provider,
        ended_at__isnull=True,
        **{f"{name}_id": getattr(budget, f"{name}_id") for name in NAMED[1:]},
    )
    if same.exists():
        raise Invalid(
            {"scope": [f"{name_of(budget)} has a budget already."]},
            remedy="Change its limit instead.",
        )


def _lock_target(target: Target) -> None:
    """Takes the row lock of the foreign key before the workspace's lock, as those who hold money do."""
    if isinstance(target, Project | Campaign | Category | Deliverable | Person):
        with connection.cursor() as cursor:
            table = target._meta.db_table
            cursor.execute(f'SELECT FROM "{table}" WHERE id = %s FOR KEY SHARE', [target.pk])


def _own(budget: Budget, by: Membership) -> Budget:
    rows = Budget.objects.visible_to(by).select_related(*NAMED).select_for_update(of=("self",))
    own = rows.filter(pk=budget.pk, ended_at__isnull=True).first()
    if own is None:
        raise Refused("There is no such budget in force.", status=404, title="No such budget")
    return own


def _record(budget: Budget, by: Membership, now: datetime.datetime, what: str, **data: Any) -> None:
    events.record(
        workspace=budget.workspace,
        kind=f"budget.{what}",
        by=by,
        at=now,
        budget=str(budget.pk),
        name=name_of(budget),
        limit=money.exact(budget.limit),
        **data,
    )
