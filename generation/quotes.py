"""What takes would cost, before anybody presses a button: the same decision, nothing written."""

from __future__ import annotations

import dataclasses
import datetime
import uuid
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from billing.money import booked
from generation import requests
from projects.models import Deliverable, Take
from routing import decision as answers
from routing.brief import BudgetLeft
from routing.decision import Decision


@dataclasses.dataclass(frozen=True)
class Quote:
    """Amounts in the workspace's currency for all `count` takes together."""

    amount: Decimal
    at_most: Decimal
    currency: str
    compute_units: Decimal
    takes_used: int
    cap: int | None
    budgets: list[dict[str, Any]]
    decision: Decision

    def document(self) -> dict[str, Any]:
        """The quote as the API answers it."""
        return {
            "amount": f"{self.amount:.8f}",
            "at_most": f"{self.at_most:.8f}",
            "currency": self.currency,
            "compute_units": f"{self.compute_units.normalize():f}",
            "takes_used": self.takes_used,
            "cap": self.cap,
            "budgets": self.budgets,
            "decision": answers.as_document(self.decision),
        }


def quote(
    *,
    deliverable: Deliverable,
    phase: str,
    count: int = 1,
    prompt: str | None = None,
    control_profile: str | None = None,
    model: str | None = None,
    source_take: Take | None = None,
    switch: str = "",
    person_id: uuid.UUID | None = None,
    now: datetime.datetime | None = None,
) -> Quote:
    """The price of takes as they would be made now by this person, with cap and budgets; raises as
    `resolve` does."""
    resolved = requests.resolve(
        deliverable=deliverable,
        phase=phase,
        count=count,
        prompt=prompt,
        control_profile=control_profile,
        model=model,
        source_take=source_take,
        switch=switch,
        person_id=person_id,
        now=now,
    )
    return of(resolved.decision, resolved.budgets)


def of(decision: Decision, budgets: Sequence[BudgetLeft]) -> Quote:
    """The quote of a decision; `budgets` are those that cover it, with what each has left."""
    return Quote(
        amount=booked(decision.expected),
        at_most=booked(decision.at_most),
        currency=decision.currency,
        compute_units=decision.compute_units,
        takes_used=decision.cap.used,
        cap=decision.cap.limit,
        budgets=[{"scope": row.scope, "name": row.name, "left": f"{row.left:.8f}"} for row in budgets],
        decision=decision,
    )
