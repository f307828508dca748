"""Orders: what was asked for, ready to be made; from a brief, or from a take that is recalled."""

from __future__ import annotations

import dataclasses
import datetime
from collections.abc import Mapping
from typing import Any

from generation import requests, returned, seeds
from generation.models import Recipe
from generation.requests import Resolved
from projects.models import Deliverable, Membership, Phase
from projects.problems import Invalid
from routing import tables
from routing.decision import Decision


@dataclasses.dataclass(frozen=True)
class Order:
    """What was asked for, ready to be made: the request, its decision and the versions it names."""

    request: dict[str, Any]
    decision: Decision
    routing_version: int
    seed_policy: str
    instead_of: str = ""
    """The route's first model, where a person named another one."""


def of_resolved(resolved: Resolved) -> Order:
    """The order of a resolved request."""
    return Order(
        request=resolved.request,
        decision=resolved.decision,
        routing_version=resolved.routing_version,
        seed_policy=resolved.seed_policy,
        instead_of=resolved.instead_of,
    )


def recalled(
    deliverable: Deliverable,
    request: Mapping[str, Any],
    *,
    count: int,
    by: Membership,
    now: datetime.datetime,
) -> Order:
    """The order that runs exactly a recalled request. A hero render is never made this way."""
    returned.check_request(deliverable, request)
    if request["phase"] != Phase.DRAFT:
        raise Invalid(
            {"request": ["This is a hero render."]},
            remedy="Ask for a hero render of a selected draft instead; a manager approves it.",
        )
    if not _answered(deliverable, request, now=now):
        raise Invalid(
            {"request": ["No recall answers this request."]},
            remedy="Recall the take again, and send what it answers as it is.",
        )
    decision = requests.priced(
        deliverable=deliverable, request=request, count=count, person_id=by.person_id, now=now
    )
    return Order(
        request=dict(request),
        decision=decision,
        routing_version=tables.in_force(deliverable.workspace).version,
        seed_policy=deliverable.campaign.seed_policy,
    )


def _answered(deliverable: Deliverable, request: Mapping[str, Any], *, now: datetime.datetime) -> bool:
    """Whether a recall answers this request: that of one of the drafts, or today's; seeds may be others.

    Nothing else is priced rightly: what a model is told by name is in no price, and a pipeline that makes
    hero renders is for managers to approve.
    """
    asked = seeds.with_seed(request, 0)
    drafts = Recipe.objects.filter(
        take__deliverable=deliverable, take__phase=Phase.DRAFT, take__prompt=request["prompt"]
    )
    made = drafts.order_by("-take__number").values_list("request", flat=True).iterator(chunk_size=50)
    if any(seeds.with_seed(one, 0) == asked for one in made if one):
        return True
    today = (
        requests.resolve(deliverable=deliverable, phase=Phase.DRAFT, prompt=prompt, now=now).request
        for prompt in (request["prompt"], None)
    )
    return any(seeds.with_seed(one, 0) == asked for one in today)
