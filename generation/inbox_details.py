"""One thing that waits, close up: what a manager looks at before deciding."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from billing.models import DeliverableCost
from generation import facts
from projects.models import Deliverable, HeroRequest, ReferenceAnchor, Take, TakeNote
from projects.models.decisions import DecisionKind
from projects.models.takes import TakeMark
from projects.models.work import Phase

ZERO = Decimal(0)


def hero(row: HeroRequest, *, now: datetime.datetime) -> dict[str, Any]:
    """Budgets after it, cost so far, alternatives with their prices, what it stands beside."""
    deliverable = row.deliverable
    models = [step["choices"][0]["model"] for step in row.request["steps"] if step["choices"]]
    lefts = facts.budgets_left(deliverable, Phase.HERO, models, now, row.requested_by_id)
    return {
        **around(deliverable),
        "budgets": [{"name": left.name, "after": left.left - row.at_most} for left in lefts],
        "alternatives": list(alternatives(row.quote)),
        "carried": row.request.get("carried", {}),
        "last_accepted": last_accepted(deliverable),
        "notes": notes_on(row.take),
    }


def around(deliverable: Deliverable) -> dict[str, Any]:
    """What holds for the deliverable: its cost so far, and the campaign's identity."""
    cost = DeliverableCost.objects.filter(deliverable=deliverable).first()
    anchors = ReferenceAnchor.objects.filter(campaign=deliverable.campaign_id, removed_at__isnull=True)
    return {
        "spent": cost.generation + cost.control + cost.refinement if cost else ZERO,
        "anchors": anchors.order_by("position", "pk")[:6],
    }


def notes_on(take: Take) -> list[TakeNote]:
    return list(TakeNote.objects.filter(take=take).select_related("by").order_by("frame", "at"))


def alternatives(quote: Mapping[str, Any]) -> Iterable[dict[str, Any]]:
    """Per step each model that the route names, with its price and why it is or is not the one."""
    for step in quote["decision"]["steps"]:
        for choice in step["choices"]:
            chosen = bool(step["chosen"]) and choice["model"] == step["chosen"]["model"]
            yield {
                "step": step["key"],
                "model": choice["model"],
                "tier": choice["tier"],
                "price": choice["at_most"],
                "chosen": chosen,
                "why": " ".join(choice["why"]) or ("" if chosen else "if the one before fails"),
            }


def last_accepted(deliverable: Deliverable) -> Take | None:
    """The take of this campaign that was signed off last, to compare with."""
    return (
        Take.objects.filter(
            deliverable__campaign=deliverable.campaign_id,
            deliverable__state="accepted",
            mark=TakeMark.ACCEPTED,
            decisions__decision=DecisionKind.ACCEPT,
        )
        .exclude(deliverable=deliverable.pk)
        .select_related("poster", "deliverable")
        .order_by("-deliverable__accepted_at")
        .first()
    )
