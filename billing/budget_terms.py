"""What a budget can be: for what, over which window, up to which amount, told at which shares."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from billing.models.budgets import MOST_DAYS, Scope, Window
from projects.models import (
    Campaign,
    Category,
    Deliverable,
    Membership,
    Person,
    Phase,
    Project,
    Workspace,
)
from projects.problems import Invalid

Target = Project | Campaign | Category | Deliverable | Person | str | None
TARGETS: dict[str, type[Target]] = {
    Scope.PROJECT: Project,
    Scope.CAMPAIGN: Campaign,
    Scope.CATEGORY: Category,
    Scope.DELIVERABLE: Deliverable,
    Scope.PERSON: Person,
    Scope.PROVIDER: str,
}
MOST = Decimal(10) ** 12
MOST_SHARES = 6


def check(
    workspace: Workspace,
    scope: str,
    target: Target,
    phase: str,
    over: tuple[str, int | None],
    limit: Decimal,
) -> None:
    window, days = over
    errors: dict[str, list[str]] = {}
    if scope not in Scope.values:
        errors["scope"] = [f"Give one of {', '.join(Scope.values)}."]
    elif not _fits(workspace, scope, target):
        errors["target"] = [f"Name the {Scope(scope).label.lower()} that the budget is for."]
    if phase and phase not in Phase.values:
        errors["phase"] = [f"Give one of {', '.join(Phase.values)}, or leave it empty for both."]
    if window not in Window.values:
        errors["window"] = [f"Give one of {', '.join(Window.values)}."]
    elif window == Window.CAMPAIGN_LIFE and scope not in (Scope.CAMPAIGN, Scope.DELIVERABLE):
        errors["window"] = ["Only a campaign or a deliverable has the life of a campaign."]
    elif window == Window.ROLLING and not 1 <= (days or 0) <= MOST_DAYS:
        errors["rolling_days"] = [f"Give how many days it looks back: 1 to {MOST_DAYS}."]
    elif window != Window.ROLLING and days is not None:
        errors["rolling_days"] = ["Only a rolling window has a number of days."]
    if errors:
        raise Invalid(errors)
    check_limit(limit)


def _fits(workspace: Workspace, scope: str, target: Target) -> bool:
    if scope == Scope.WORKSPACE:
        return target is None
    if not isinstance(target, TARGETS[scope]):
        return False
    if isinstance(target, str):
        return 0 < len(target.strip()) <= 40
    if isinstance(target, Person):
        return Membership.objects.filter(workspace=workspace, person=target).exists()
    return target is not None and target.workspace_id == workspace.pk


def shares(said: Sequence[int]) -> list[int]:
    """The shares in their order, each once; Invalid where they do not fit."""
    if len(set(said)) > MOST_SHARES or any(not 1 <= share <= 200 for share in said):
        raise Invalid({"alert_shares": [f"Give up to {MOST_SHARES} shares from 1 to 200 %, as 50, 80, 100."]})
    return sorted(set(said))


def check_limit(limit: Decimal) -> None:
    if not limit.is_finite() or not 0 <= limit < MOST:
        raise Invalid({"limit": ["Give an amount from zero on."]})
