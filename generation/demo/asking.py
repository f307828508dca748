"""What producers asked managers for in the history: more takes, and hero renders."""

from __future__ import annotations

import datetime
import json
import uuid
from decimal import Decimal

from generation.demo.making import Made, Maker
from generation.demo.market import PIPELINES
from projects.models import Person

DECLINED_PRICE = Decimal("1.20")  # shown with a request that was declined: no take tells its cost


def cap_request(
    maker: Maker,
    request: uuid.UUID,
    more: int,
    *,
    asked: datetime.datetime,
    by: Person,
    granted: datetime.datetime,
    manager: Person,
) -> None:
    """More drafts, granted; what followed is in the events."""
    own = {"workspace_id": maker.studio.workspace.pk}
    maker.chunk.cap_requests.append(
        {
            "id": request, **own, "deliverable_id": maker.deliverable.pk, "phase": "draft", "more": more,
            "reason": "The client asked for another direction.", "state": "approved",
            "requested_by_id": by.pk, "requested_at": asked, "decided_at": granted,
        }
    )  # fmt: skip
    maker.chunk.cap_decisions.append(
        {
            "id": maker.id(granted), **own, "cap_request_id": request, "decision": "grant",
            "note": "", "by_id": manager.pk, "at": granted,
        }
    )  # fmt: skip
    maker.event("cap.requested", asked, by, more=more)
    maker.event("cap.granted", granted, manager, more=more)


def hero_request(
    maker: Maker,
    request: uuid.UUID,
    draft: Made,
    hero: Made | None,
    *,
    asked: datetime.datetime,
    by: Person,
    decided: datetime.datetime,
    manager: Person,
) -> None:
    """A hero render with the manager's word on it; without a hero take it was declined."""
    approved = hero is not None
    price = hero.cost if hero else DECLINED_PRICE
    own = {"workspace_id": maker.studio.workspace.pk}
    model = PIPELINES[maker.category][1][1][0].models[0]
    document = {"steps": [{"key": "image", "choices": [{"model": model}]}]}
    maker.chunk.hero_requests.append(
        {
            "id": request, **own, "deliverable_id": maker.deliverable.pk, "take_id": draft.id,
            "state": "approved" if approved else "declined", "request": json.dumps(document),
            "request_hash": hero.values["request_hash"] if hero else draft.values["request_hash"],
            "routing_version": 1, "price_rows": "[]", "quote": "{}", "shown_amount": price,
            "at_most": price, "note": "", "requested_by_id": by.pk, "requested_at": asked,
            "decided_at": decided, "submit_at": decided if approved else None, "self_approved": False,
            "void_reason": "", "hero_take_id": hero.id if hero else None,
        }
    )  # fmt: skip
    note = "" if approved else "The frame is too tight for the end card."
    maker.chunk.hero_decisions.append(
        {
            "id": maker.id(decided), **own, "hero_request_id": request,
            "decision": "approve" if approved else "decline", "note": note,
            "amount": price if approved else None, "by_id": manager.pk, "at": decided,
        }
    )  # fmt: skip
    maker.event("hero.requested", asked, by, draft, amount=f"{price:.8f}")
    maker.event("hero.approved" if approved else "hero.declined", decided, manager, draft, note=note)
