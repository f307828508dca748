"""What `doctor` asks the books: do totals, windows, outcomes and pots agree with the rows behind them."""

from __future__ import annotations

import datetime
from typing import Any

from django.db import connection
from django.utils import timezone

from billing import (
    consumption,
    credit_checks,
    money,
    month_sums,
    partitions,
    pot_days,
    roll_forward,
    spend_days,
    windows,
)
from billing.models import Budget, BudgetWindow
from billing.scopes import NAMED, name_of
from projects.models import Workspace

SUMMARIES = """
    WITH cash AS (
        SELECT deliverable_id AS id,
               COALESCE(sum(amount) FILTER (WHERE stage = 'generation'), 0) AS generation,
               COALESCE(sum(amount) FILTER (WHERE stage = 'control'), 0) AS control,
               COALESCE(sum(amount) FILTER (WHERE stage = 'refinement'), 0) AS refinement
        FROM billing_entry WHERE kind <> 'transfer' AND deliverable_id IS NOT NULL GROUP BY 1
    ), held AS (
        SELECT t.deliverable_id AS id, sum(h.amount) AS reserved
        FROM billing_hold h JOIN projects_take t ON t.id = h.take_id
        WHERE NOT EXISTS (SELECT FROM billing_holdoutcome o WHERE o.hold_id = h.id) GROUP BY 1
    )
    SELECT d.key, c.generation, c.control, c.refinement, c.reserved,
           COALESCE(cash.generation, 0), COALESCE(cash.control, 0), COALESCE(cash.refinement, 0),
           COALESCE(held.reserved, 0)
    FROM projects_deliverable d
    LEFT JOIN billing_deliverablecost c ON c.deliverable_id = d.id
    LEFT JOIN cash ON cash.id = d.id
    LEFT JOIN held ON held.id = d.id
    WHERE (COALESCE(c.generation, 0), COALESCE(c.control, 0), COALESCE(c.refinement, 0),
           COALESCE(c.reserved, 0))
       <> (COALESCE(cash.generation, 0), COALESCE(cash.control, 0), COALESCE(cash.refinement, 0),
           COALESCE(held.reserved, 0))
    ORDER BY d.id
"""
OUTCOMES = """
    SELECT o.hold_id, o.amount, e.amount FROM billing_holdoutcome o
    LEFT JOIN billing_entry e ON e.id = o.entry
    WHERE o.outcome = 'posted' AND (e.id IS NULL OR e.hold <> o.hold_id OR e.amount <> o.amount)
    UNION ALL
    SELECT e.hold, o.amount, e.amount FROM billing_entry e
    LEFT JOIN billing_holdoutcome o ON o.hold_id = e.hold AND o.outcome = 'posted'
    WHERE e.hold IS NOT NULL AND e.kind = 'charge' AND o.entry IS DISTINCT FROM e.id
    ORDER BY 1
"""
#: Days of rolling budgets that carry something else than the days before them have used.
CARRIED = """
    SELECT w.budget_id, w.day, w.carried, COALESCE(sum(b.spent + b.reserved), 0)
    FROM billing_budgetwindow w
    JOIN billing_budget r ON r.id = w.budget_id
    LEFT JOIN billing_budgetwindow b
        ON b.budget_id = w.budget_id AND b.day > w.day - r.rolling_days AND b.day < w.day
    WHERE w.day IS NOT NULL
    GROUP BY w.id HAVING w.carried <> COALESCE(sum(b.spent + b.reserved), 0)
    ORDER BY w.budget_id, w.day
"""
STAGES = ("generation", "control", "refinement", "reserved")


def problems(*, now: datetime.datetime | None = None) -> list[str]:
    """Everything that is wrong with the books, in words; empty where they are sound."""
    now = now or timezone.now()
    return [
        *summaries(),
        *outcomes(),
        *pot_days.problems(),
        *spend_days.problems(),
        *month_sums.problems(),
        *budget_windows(now=now),
        *rolling_days(now=now),
        *credit_checks.problems(),
        *(f"{name} can be truncated: its guard is missing." for name in partitions.unguarded()),
        *(
            f"{workspace}: {line}"
            for workspace in Workspace.objects.order_by("slug")
            for line in roll_forward.misplaced(workspace, now + datetime.timedelta(days=1))
        ),
    ]


def summaries() -> list[str]:
    """Deliverables whose kept totals differ from their entries and open holds."""
    return [
        f"Deliverable {key}: {stage} is kept as {money.exact(kept or money.ZERO)}, "
        f"the rows say {money.exact(should)}."
        for key, *amounts in _rows(SUMMARIES)
        for stage, kept, should in zip(STAGES, amounts[:4], amounts[4:], strict=True)
        if (kept or money.ZERO) != should
    ]


def outcomes() -> list[str]:
    """Posted holds without their entry, and entries that no outcome of their hold names."""
    return [f"Hold {hold}: its outcome and its entry do not agree." for hold, *_ in _rows(OUTCOMES)]


def budget_windows(*, now: datetime.datetime) -> list[str]:
    """Windows whose use differs from the holds that count in them, or that miss a hold they cover."""
    found = []
    named = [f"budget__{name}" for name in NAMED]
    rows = BudgetWindow.objects.select_related(*named).order_by("budget_id", "starts_at")
    for window in rows:
        kept = consumption.Used(window.spent, window.reserved)
        counted = [("its holds say", consumption.of_window(window))]
        running = windows.start(window.budget, window.budget.workspace, now) == window.starts_at
        if running and window.budget.ended_at is None and window.day is None:
            counted.append(("its scope says", consumption.so_far(window.budget, window.starts_at)))
        found += [
            f"{name_of(window.budget)} from {window.starts_at:%Y-%m-%d}: spent {money.exact(kept.spent)}, "
            f"held {money.exact(kept.reserved)}; {who} {money.exact(should.spent)} and "
            f"{money.exact(should.reserved)}."
            for who, should in counted
            if should != kept
        ]
    return found


def rolling_days(*, now: datetime.datetime) -> list[str]:
    """Days of rolling budgets that carry another sum than the days before them."""
    rows = _rows(CARRIED)
    named = Budget.objects.select_related(*NAMED).in_bulk([budget for budget, *_ in rows])
    return [
        f"{name_of(named[budget])} carries {money.exact(carried)} into {day}; "
        f"the days before it say {money.exact(should)}."
        for budget, day, carried, should in rows
    ] + _rolling_scopes(now)


def _rolling_scopes(now: datetime.datetime) -> list[str]:
    """Rolling budgets whose running window misses a hold of their scope, or has one of another."""
    wrong = []
    rolling = Budget.objects.filter(rolling_days__isnull=False, ended_at__isnull=True)
    for budget in rolling.select_related(*NAMED).order_by("id"):
        days = windows.days(budget, budget.workspace, now)
        today = windows.day_of(budget, budget.workspace, days[-1])
        found = windows.rolled({budget.pk: today} if today else {})
        spent, reserved = found.get(budget.pk, (money.ZERO, money.ZERO))
        should = consumption.of_days(budget, days)
        if (spent, reserved) != should:
            wrong.append(
                f"{name_of(budget)}: spent {money.exact(spent)}, held {money.exact(reserved)}; "
                f"its scope says {money.exact(should.spent)} and {money.exact(should.reserved)}."
            )
    return wrong


def _rows(statement: str) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return list(cursor.fetchall())
