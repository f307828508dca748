"""Budgets of the demo, set last, so that each begins with what was used already."""

from __future__ import annotations

from decimal import ROUND_CEILING, Decimal

from billing import budgets
from billing.models import Budget
from billing.models.budgets import Scope, Window
from generation.demo import cast
from generation.demo.studio import Studio
from projects.models import Campaign, Phase, Project

#: Of its window, how much each is used: the tightest shows at 80 % and more.
FULL, HALF, LITTLE = Decimal("0.86"), Decimal("0.55"), Decimal("0.20")


def set_all(studio: Studio) -> None:
    """One for everything each month, and some for clients, campaigns and a provider."""
    own = studio.workspace
    _set(studio, HALF, scope=Scope.WORKSPACE, window=Window.MONTH)
    _set(studio, LITTLE, scope=Scope.WORKSPACE, window=Window.MONTH, phase=Phase.HERO)
    for key, share in (("halden", FULL), ("orbis", HALF)):
        project = Project.objects.get(workspace=own, key=key)
        _set(studio, share, scope=Scope.PROJECT, window=Window.MONTH, target=project)
    for key, share in (("first-snow", LITTLE), ("night-lines", LITTLE)):
        campaign = Campaign.objects.get(workspace=own, key=key)
        _set(studio, share, scope=Scope.CAMPAIGN, window=Window.CAMPAIGN_LIFE, target=campaign)
    _set(studio, FULL, scope=Scope.CAMPAIGN, window=Window.MONTH, target=studio.catalogue.campaign)
    _set(studio, LITTLE, scope=Scope.CAMPAIGN, window=Window.MONTH, target=studio.winter_light, least="40")
    _set(studio, HALF, scope=Scope.PROVIDER, window=Window.MONTH, target="fal")


def _set(
    studio: Studio,
    used: Decimal,
    *,
    scope: str,
    window: str,
    target: budgets.Target = None,
    phase: str = "",
    least: str = "12",
) -> Budget:
    """A limit such that `used` of it is used by now; no less than `least`, unless it shall be tight."""
    by, now = studio.member(cast.FARAH), studio.year.end
    budget = budgets.set_budget(
        scope=scope, limit=Decimal(10) ** 9, window=window, by=by, target=target, phase=phase, now=now
    )
    (row,) = budgets.in_window([budget], now)
    limit = (row.used / used).quantize(Decimal("0.01"), ROUND_CEILING)
    if used != FULL or not limit:
        limit = max(Decimal(least), limit)
    return budgets.change_limit(budget=budget, limit=limit, by=by, now=now)
