"""Tells those who keep budgets that one has reached 80 or 100 %, once per window and level."""

from __future__ import annotations

import datetime
from collections.abc import Iterable
from decimal import Decimal

from billing import money, scopes, windows
from billing.models import Budget, BudgetWindow
from projects import events, notices
from projects.access import ROLE_RIGHTS, Right
from projects.models import Membership, Workspace
from projects.models.notices import NoticeKind

LEVELS = (100, 80)
KINDS = {80: NoticeKind.BUDGET_80, 100: NoticeKind.BUDGET_100}


def level(use: Decimal, limit: Decimal) -> int:
    """The highest level that has been reached: 0, 80 or 100."""
    if limit <= 0:
        return 0
    return next((percent for percent in LEVELS if use * 100 >= limit * percent), 0)


def after(uses: Iterable[windows.Use], now: datetime.datetime) -> None:
    """Tells of each window that has newly reached a level, in the transaction that counted."""
    for use in uses:
        reached = level(use.spent + use.reserved, use.limit)
        if reached > use.alerted_percent:
            BudgetWindow.objects.filter(pk=use.window_id).update(alerted_percent=reached)
            _tell(use, reached, now)


def keepers(workspace: Workspace) -> list[Membership]:
    """Current members who may set budgets, by name."""
    roles = [role for role, rights in ROLE_RIGHTS.items() if Right.SET_BUDGETS in rights]
    rows = Membership.objects.filter(workspace=workspace, roles__overlap=roles, ended_at__isnull=True)
    return list(rows.select_related("person").order_by("person__name", "person__email"))


def _tell(use: windows.Use, reached: int, now: datetime.datetime) -> None:
    budget = Budget.objects.select_related(*scopes.NAMED).get(pk=use.budget_id)
    name, currency = scopes.name_of(budget), budget.workspace.currency
    used = money.shown(use.spent + use.reserved, currency)
    events.record(
        workspace=budget.workspace,
        kind="budget.reached",
        at=now,
        budget=str(budget.pk),
        name=name,
        percent=reached,
        used=money.exact(use.spent + use.reserved),
        limit=money.exact(use.limit),
    )
    title = f"{name} is used up" if reached == 100 else f"{name} has reached {reached} %"
    notices.notify(
        members=keepers(budget.workspace),
        kind=KINDS[reached],
        title=title,
        body=f"{used} of {money.shown(use.limit, currency)} are spent or held.",
        url=f"/w/{budget.workspace.slug}/budgets/",
        dedupe=f"{use.window_id}:{reached}:{money.exact(use.limit)}",
        now=now,
    )
