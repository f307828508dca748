"""What a budget is for, and what lies under it."""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Sequence

from billing.models import Budget
from billing.models.budgets import Scope, Window
from projects.models import Deliverable, Phase, Take

#: What `name_of` reads of a budget.
NAMED = ("workspace", "project", "campaign", "category", "deliverable", "person")
WINDOWS = {
    Window.MONTH: "each month",
    Window.ROLLING: "any {days} days",
    Window.CAMPAIGN_LIFE: "its whole life",
    Window.NONE: "",
}


def name_of(budget: Budget) -> str:
    """What people call the budget: “Campaign Autumn, drafts, each month”. Reads the objects in NAMED."""
    scope = Scope(budget.scope)
    if scope == Scope.WORKSPACE:
        what = f"Everything in {budget.workspace}"
    elif scope == Scope.PROVIDER:
        what = f"Provider {budget.provider}"
    else:
        what = f"{scope.label} {getattr(budget, scope)}"
    phase = {Phase.DRAFT: "drafts", Phase.HERO: "hero takes"}.get(Phase(budget.phase)) if budget.phase else ""
    over = WINDOWS[Window(budget.window)].format(days=budget.rolling_days)
    return ", ".join(part for part in (what, phase, "each day" if budget.rolling_days == 1 else over) if part)


@dataclasses.dataclass(frozen=True)
class Covered:
    """What a hold belongs to, as far as budgets ask."""

    workspace_id: uuid.UUID
    project_id: uuid.UUID
    campaign_id: uuid.UUID
    category_id: uuid.UUID
    deliverable_id: uuid.UUID
    phase: str
    person_id: uuid.UUID | None

    def is_under(self, budget: Budget, provider: str) -> bool:
        if budget.phase and budget.phase != self.phase:
            return False
        match budget.scope:
            case Scope.WORKSPACE:
                return budget.workspace_id == self.workspace_id
            case Scope.PROVIDER:
                return budget.provider == provider
            case scope:
                own = getattr(self, f"{scope}_id")
                return own is not None and getattr(budget, f"{scope}_id") == own


def covered(deliverable: Deliverable, phase: str, person_id: uuid.UUID | None) -> Covered:
    return Covered(
        workspace_id=deliverable.workspace_id,
        project_id=deliverable.campaign.project_id,
        campaign_id=deliverable.campaign_id,
        category_id=deliverable.category_id,
        deliverable_id=deliverable.pk,
        phase=phase,
        person_id=person_id,
    )


def of_takes(takes: Sequence[Take]) -> dict[uuid.UUID, Covered]:
    """What each take belongs to, in one query; its person is who asked for it."""
    rows = Take.objects.filter(pk__in=[take.pk for take in takes]).select_related("deliverable__campaign")
    return {row.pk: covered(row.deliverable, row.phase, row.requested_by_id) for row in rows}
