"""The facts that `decide` may use, with what only this room and the ledger know: accounts, budgets left."""

from __future__ import annotations

import datetime
import uuid
from collections.abc import Iterable

from billing import budgets
from generation.models import ProviderAccount
from projects.models import Deliverable, Workspace
from routing import facts
from routing.brief import BudgetLeft, Facts


def collect(
    *,
    workspace: Workspace,
    models: Iterable[str],
    now: datetime.datetime,
    deliverable: Deliverable | None = None,
    phase: str = "",
    person_id: uuid.UUID | None = None,
) -> Facts:
    """The facts of this moment; without a deliverable there are no budgets and no history.

    `person_id` is who asks for the takes: budgets on that person cover them too.
    """
    return facts.gather(
        workspace=workspace,
        keys=set(models),
        now=now,
        accounts=providers_with_account(workspace),
        budgets=budgets_left(deliverable, phase, models, now, person_id) if deliverable else (),
        history=facts.history(deliverable, phase) if deliverable else None,
    )


def providers_with_account(workspace: Workspace) -> frozenset[str]:
    """The providers that the workspace holds a working key for."""
    rows = ProviderAccount.objects.filter(workspace=workspace, enabled=True)
    return frozenset(rows.values_list("provider", flat=True))


def budgets_left(
    deliverable: Deliverable,
    phase: str,
    models: Iterable[str],
    now: datetime.datetime,
    person_id: uuid.UUID | None = None,
) -> tuple[BudgetLeft, ...]:
    """What each budget that covers the deliverable has left, at any of these models' providers, and who can
    raise it; those on the person too who asks for the takes."""
    return budgets_of_many([deliverable], phase, models, now, person_id)[deliverable.pk]


def budgets_of_many(
    deliverables: Iterable[Deliverable],
    phase: str,
    models: Iterable[str],
    now: datetime.datetime,
    person_id: uuid.UUID | None = None,
) -> dict[uuid.UUID, tuple[BudgetLeft, ...]]:
    """As `budgets_left`, for deliverables of one workspace; three queries whatever their number."""
    rows = list(deliverables)
    found = budgets.left_of_many(
        deliverables=rows,
        phase=phase,
        providers=sorted({model.partition("/")[0] for model in models}),
        now=now,
        person_id=person_id,
    )
    raised_by = " or ".join(budgets.raised_by(rows[0].workspace)) if any(found.values()) else ""
    return {key: tuple(_left(row, raised_by) for row in covering) for key, covering in found.items()}


def _left(row: budgets.BudgetLeft, raised_by: str) -> BudgetLeft:
    return BudgetLeft(
        key=str(row.id),
        scope=row.scope,
        name=row.name,
        left=row.left,
        provider=row.provider,
        raised_by=raised_by,
        hard=row.hard,
    )
