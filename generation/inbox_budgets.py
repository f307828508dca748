"""The budgets over what waits for a manager: of each thing the one that has least left."""

from __future__ import annotations

import datetime
import uuid
from collections.abc import Callable, Sequence

from billing import budgets
from billing.budgets import BudgetLeft
from billing.models import Budget
from billing.models.budgets import Scope
from projects.models import Deliverable, Workspace

Pair = tuple[Budget, BudgetLeft]
#: By scope, whether a budget is over a deliverable. Those of providers depend on the models: see the detail.
OVER: dict[str, Callable[[Budget, Deliverable], bool]] = {
    Scope.WORKSPACE: lambda budget, row: True,
    Scope.PROJECT: lambda budget, row: budget.project_id == row.campaign.project_id,
    Scope.CAMPAIGN: lambda budget, row: budget.campaign_id == row.campaign_id,
    Scope.CATEGORY: lambda budget, row: budget.category_id == row.category_id,
    Scope.DELIVERABLE: lambda budget, row: budget.deliverable_id == row.pk,
}


def left(workspace: Workspace, *, now: datetime.datetime) -> list[Pair]:
    """The workspace's budgets in force with what they have left, in a fixed number of queries."""
    found = Budget.objects.filter(workspace=workspace, ended_at__isnull=True)
    rows = list(found.exclude(scope=Scope.PROVIDER).select_related(*budgets.NAMED))
    return list(zip(rows, budgets.in_window(rows, now), strict=True))


def tightest(
    pairs: Sequence[Pair], row: Deliverable, *, phase: str, person: uuid.UUID | None
) -> BudgetLeft | None:
    """The budget with least left for takes of this phase that this person asks for; None without one."""
    found = [
        budget_left
        for budget, budget_left in pairs
        if budget.phase in ("", phase) and _is_over(budget, row, person)
    ]
    return min(found, key=lambda one: one.left, default=None)


def _is_over(budget: Budget, row: Deliverable, person: uuid.UUID | None) -> bool:
    if budget.scope == Scope.PERSON:
        return budget.person_id == person
    return OVER[budget.scope](budget, row)
