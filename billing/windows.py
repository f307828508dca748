"""Windows of budgets: which budgets cover a hold, and the guarded statements that count it.

Whoever counts holds a shared lock of the workspace, whoever sets or changes a budget an exclusive one: so a
new budget finds all holds of its window, and no hold slips past it. Windows are always locked in the
order of their budgets' ids. On hard budgets the database holds `spent + reserved ≤ limit + overshoot`.
"""

from __future__ import annotations

import datetime
import uuid
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple

from django.db import connection
from django.db.models import Q

from billing import months
from billing.models import Budget, BudgetWindow, Hold, HoldBudget
from billing.models.budgets import Scope, Window
from billing.scopes import NAMED, Covered
from projects.models import Workspace

#: Where a window without a first instant begins.
BEGINNING = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)

RESERVE = """
    UPDATE billing_budgetwindow SET reserved = reserved + %(amount)s
    WHERE id = %(window)s
      AND (NOT hard OR %(amount)s = 0 OR spent + reserved + %(amount)s <= "limit")
    RETURNING budget_id, id, "limit", spent, reserved, alerted_percent
"""
SETTLE = """
    UPDATE billing_budgetwindow SET
        reserved = reserved - %(held)s,
        spent = spent + %(spent)s,
        overshoot = CASE WHEN hard
            THEN GREATEST(0, spent + %(spent)s + reserved - %(held)s - "limit") ELSE 0 END
    WHERE id = %(window)s
    RETURNING budget_id, id, "limit", spent, reserved, alerted_percent
"""


class Use(NamedTuple):
    """A window after it was counted in."""

    budget_id: uuid.UUID
    window_id: int
    limit: Decimal
    spent: Decimal
    reserved: Decimal
    alerted_percent: int


def lock_shared(workspace_id: uuid.UUID) -> None:
    """Lets others count too, and keeps budgets of the workspace from being set meanwhile."""
    _lock("pg_advisory_xact_lock_shared", workspace_id)


def lock_exclusive(workspace_id: uuid.UUID) -> None:
    """Waits for all who count in the workspace, and lets nobody count until the transaction ends."""
    _lock("pg_advisory_xact_lock", workspace_id)


def active_budgets(objects: Sequence[Covered], providers: Iterable[str]) -> list[Budget]:
    """Budgets in force that may cover one of these, in the order of their ids."""
    if not objects:
        return []
    by_object = Q(scope=Scope.WORKSPACE) | Q(scope=Scope.PROVIDER, provider__in=set(providers))
    for scope in ("project", "campaign", "category", "deliverable", "person"):
        ids = {getattr(each, f"{scope}_id") for each in objects} - {None}
        by_object |= Q(scope=scope, **{f"{scope}__in": ids})
    workspaces = {each.workspace_id for each in objects}
    return list(
        Budget.objects.filter(by_object, workspace__in=workspaces, ended_at__isnull=True)
        .select_related(*NAMED)
        .order_by("id")
    )


def start(budget: Budget, workspace: Workspace, instant: datetime.datetime) -> datetime.datetime:
    """First instant of the budget's window in which `instant` falls."""
    return months.start_of(workspace, instant) if budget.window == Window.MONTH else BEGINNING


def end(budget: Budget, workspace: Workspace, starts_at: datetime.datetime) -> datetime.datetime | None:
    """First instant after the window; None where it has no end."""
    if budget.window != Window.MONTH:
        return None
    return months.span(workspace, months.month_of(workspace, starts_at)).end


def ensure(budgets: Sequence[Budget], instant: datetime.datetime) -> dict[uuid.UUID, BudgetWindow]:
    """The windows at an instant by budget, made where they are missing, with the budget's limit."""
    wanted = {budget.pk: start(budget, budget.workspace, instant) for budget in budgets}
    found = _existing(wanted)
    missing = [budget for budget in budgets if budget.pk not in found]
    if missing:
        BudgetWindow.objects.bulk_create(
            [
                BudgetWindow(
                    budget=budget,
                    starts_at=wanted[budget.pk],
                    limit=budget.limit,
                    hard=budget.hard,
                )
                for budget in missing
            ],
            ignore_conflicts=True,
        )
        found = _existing(wanted)
    return found


def reserve(window_id: int, amount: Decimal) -> Use | None:
    """Counts a reservation; None where the window has not that much left, and nothing was changed."""
    return _one(RESERVE, {"window": window_id, "amount": amount})


def release(holds: Iterable[Hold]) -> None:
    """Takes holds out of their windows, each window once."""
    held: dict[int, Decimal] = {}
    amounts = {hold.pk: hold.amount for hold in holds}
    rows = HoldBudget.objects.filter(hold__in=amounts).order_by("window__budget_id", "window_id")
    for hold_id, window_id in rows.values_list("hold_id", "window_id"):
        held[window_id] = held.get(window_id, Decimal(0)) + amounts[hold_id]
    for window_id, amount in held.items():
        _one(SETTLE, {"window": window_id, "held": amount, "spent": Decimal(0)})


def settle_all(settled: Mapping[Hold, Decimal]) -> list[Use]:
    """Takes holds out of their windows and puts in what was spent for each, each window once."""
    sums: dict[int, tuple[Decimal, Decimal]] = {}
    by_hold = {hold.pk: (hold.amount, spent) for hold, spent in settled.items()}
    rows = HoldBudget.objects.filter(hold__in=by_hold).order_by("window__budget_id", "window_id")
    for hold_id, window_id in rows.values_list("hold_id", "window_id"):
        held, spent = sums.get(window_id, (Decimal(0), Decimal(0)))
        sums[window_id] = (held + by_hold[hold_id][0], spent + by_hold[hold_id][1])
    uses = [
        _one(SETTLE, {"window": window_id, "held": held, "spent": spent})
        for window_id, (held, spent) in sums.items()
    ]
    return [use for use in uses if use]


def give_back(hold_id: uuid.UUID, amount: Decimal, at: datetime.datetime) -> None:
    """Takes a refund out of those windows of its charge's hold that are open at `at`."""
    windows = {
        window.pk: window
        for window in BudgetWindow.objects.filter(holds__hold=hold_id).select_related("budget__workspace")
    }
    for window_id in of_hold(hold_id):
        window = windows[window_id]
        until = end(window.budget, window.budget.workspace, window.starts_at)
        if until is None or at < until:
            _one(SETTLE, {"window": window_id, "held": Decimal(0), "spent": -amount})


def of_hold(hold_id: uuid.UUID) -> list[int]:
    """The windows in which a hold counts, in the order of their budgets."""
    rows = BudgetWindow.objects.filter(holds__hold=hold_id).order_by("budget_id")
    return list(rows.values_list("pk", flat=True))


def _existing(wanted: dict[uuid.UUID, datetime.datetime]) -> dict[uuid.UUID, BudgetWindow]:
    rows = BudgetWindow.objects.filter(budget__in=wanted, starts_at__in=set(wanted.values()))
    return {row.budget_id: row for row in rows if wanted[row.budget_id] == row.starts_at}


def _one(statement: str, values: dict[str, int | Decimal]) -> Use | None:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        row = cursor.fetchone()
    return Use(*row) if row else None


def _lock(function: str, workspace_id: uuid.UUID) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {function}(hashtextextended(%s, 0))", [f"budgets:{workspace_id}"])
