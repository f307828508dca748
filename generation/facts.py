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
    providers = {model.partition("/")[0] for model in models}
    found = budgets.left(
        deliverable=deliverable,
        phase=phase,
        providers=sorted(providers),
        now=now,
        person_id=person_id,
    )
    raised_by = " or ".join(budgets.raised_by(deliverable.workspace)) if found else ""
    return tuple(
        BudgetLeft(
            key=str(row.id),
            scope=row.scope,
            name=row.name,
            left=row.left,
            provider=row.provider,
            raised_by=raised_by,
            hard=row.hard,
        )
        for row in found
    )
