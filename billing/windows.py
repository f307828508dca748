"""Windows of budgets: which budgets cover a hold, and the guarded statements that count it.

Whoever counts holds a shared lock of the workspace, whoever sets or changes a budget an exclusive one: so a
new budget finds all holds of its window, and no hold slips past it. Windows are always locked in the
order of their budgets' ids. On hard budgets the database holds `carried + spent + reserved ≤ limit +
overshoot`, where a rolling budget's row of a day carries the days before it.
"""

from __future__ import annotations

import datetime
import uuid
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from django.db import connection
from django.db.models import Max, Q

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
      AND (NOT hard OR %(amount)s = 0 OR carried + spent + reserved + %(amount)s <= "limit")
    RETURNING budget_id, id, day, "limit", carried + spent + reserved, alert_shares, alerted_percent
"""
SETTLE = """
    UPDATE billing_budgetwindow SET
        reserved = reserved - %(held)s,
        spent = spent + %(spent)s,
        overshoot = CASE WHEN hard
            THEN GREATEST(0, carried + spent + %(spent)s + reserved - %(held)s - "limit") ELSE 0 END
    WHERE id = %(window)s
    RETURNING budget_id, id, day, "limit", carried + spent + reserved, alert_shares, alerted_percent
"""
NEWEST = """
    SELECT budget_id, id, day, "limit", carried + spent + reserved, alert_shares, alerted_percent
    FROM billing_budgetwindow WHERE budget_id = %(budget)s ORDER BY day DESC LIMIT 1
"""
#: Whether a rolling budget of the workspace lacks the row of the day.
DAY_IS_NEW = """
    SELECT FROM billing_budget b JOIN projects_workspace p ON p.id = b.workspace_id
    WHERE b.workspace_id = %(workspace)s AND b."window" = 'rolling' AND b.ended_at IS NULL
      AND NOT EXISTS (SELECT FROM billing_budgetwindow w WHERE w.budget_id = b.id
                      AND w.day = (%(instant)s::timestamptz AT TIME ZONE p.time_zone)::date)
    LIMIT 1
"""
#: What rolling budgets have spent and held in the days up to one.
ROLLED = """
    SELECT w.budget_id, sum(w.spent), sum(w.reserved)
    FROM billing_budgetwindow w
    JOIN billing_budget b ON b.id = w.budget_id
    JOIN unnest(%(budgets)s::uuid[], %(days)s::date[]) AS asked (budget, day) ON asked.budget = b.id
    WHERE w.day > asked.day - b.rolling_days AND w.day <= asked.day
    GROUP BY 1
"""


class Use(NamedTuple):
    """A window after it was counted in."""

    budget_id: uuid.UUID
    window_id: int
    day: datetime.date | None
    limit: Decimal
    used: Decimal
    alert_shares: list[int]
    alerted_percent: int


def lock_to_hold(workspace_id: uuid.UUID, instant: datetime.datetime) -> None:
    """The shared lock; the exclusive one where a rolling budget begins a day, whose row must miss nobody."""
    with connection.cursor() as cursor:
        cursor.execute(DAY_IS_NEW, {"workspace": workspace_id, "instant": instant})
        is_new = cursor.fetchone() is not None
    (lock_exclusive if is_new else lock_shared)(workspace_id)


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
    match budget.window:
        case Window.MONTH:
            return months.start_of(workspace, instant)
        case Window.ROLLING:
            zone = months.zone_of(workspace)
            return months.first_instant(instant.astimezone(zone).date(), zone)
    return BEGINNING


def end(budget: Budget, workspace: Workspace, starts_at: datetime.datetime) -> datetime.datetime | None:
    """First instant after the window; None where it has no end. Of a rolling one, when the day leaves it."""
    if budget.rolling_days is not None:
        return _days_after(workspace, starts_at, budget.rolling_days)
    return holds_end(budget, workspace, starts_at)


def holds_end(budget: Budget, workspace: Workspace, starts_at: datetime.datetime) -> datetime.datetime | None:
    """First instant at which a hold no longer counts in this row; None where there is none."""
    match budget.window:
        case Window.MONTH:
            return months.span(workspace, months.month_of(workspace, starts_at)).end
        case Window.ROLLING:
            return _days_after(workspace, starts_at, 1)
    return None


def days(budget: Budget, workspace: Workspace, instant: datetime.datetime) -> list[datetime.datetime]:
    """First instants of the days of a rolling budget's window at an instant, in their order."""
    today = start(budget, workspace, instant)
    return [_days_after(workspace, today, -back) for back in reversed(range(budget.rolling_days or 1))]


def day_of(budget: Budget, workspace: Workspace, starts_at: datetime.datetime) -> datetime.date | None:
    """The day that a row of a rolling budget stands for."""
    if budget.window != Window.ROLLING:
        return None
    return starts_at.astimezone(months.zone_of(workspace)).date()


def rolled(wanted: Mapping[uuid.UUID, datetime.date]) -> dict[uuid.UUID, tuple[Decimal, Decimal]]:
    """What rolling budgets have spent and held in their windows up to these days."""
    if not wanted:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(ROLLED, {"budgets": list(wanted), "days": list(wanted.values())})
        return {budget: (spent, reserved) for budget, spent, reserved in cursor.fetchall()}


def ensure(budgets: Sequence[Budget], instant: datetime.datetime) -> dict[uuid.UUID, BudgetWindow]:
    """The windows at an instant by budget, made where they are missing, with the budget's limit.

    Of a rolling budget it is the newest day, also for who comes with a clock that is behind: so all
    who hold meet in one row.
    """
    wanted = {budget.pk: start(budget, budget.workspace, instant) for budget in budgets}
    rolling = BudgetWindow.objects.filter(budget__in=[each for each in budgets if each.rolling_days])
    for key, newest in rolling.values_list("budget").annotate(Max("starts_at")).order_by():
        wanted[key] = max(wanted[key], newest)
    found = _existing(wanted)
    missing = [budget for budget in budgets if budget.pk not in found]
    if missing:
        BudgetWindow.objects.bulk_create(
            [
                BudgetWindow(
                    budget=budget,
                    starts_at=wanted[budget.pk],
                    day=day_of(budget, budget.workspace, wanted[budget.pk]),
                    limit=budget.limit,
                    hard=budget.hard,
                    alert_shares=budget.alert_shares,
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
    return [_newest(use) for use in uses if use]


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


def _newest(use: Use) -> Use:
    """Of a day of a rolling budget, its newest, which carries it; of any other window, that itself."""
    return use if use.day is None else _one(NEWEST, {"budget": use.budget_id}) or use


def _days_after(workspace: Workspace, starts_at: datetime.datetime, number: int) -> datetime.datetime:
    zone = months.zone_of(workspace)
    day = starts_at.astimezone(zone).date() + datetime.timedelta(days=number)
    return months.first_instant(day, zone)


def _one(statement: str, values: dict[str, Any]) -> Use | None:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        row = cursor.fetchone()
    return Use(*row) if row else None


def _lock(function: str, workspace_id: uuid.UUID) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {function}(hashtextextended(%s, 0))", [f"budgets:{workspace_id}"])
