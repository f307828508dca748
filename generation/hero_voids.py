"""Hero requests that are void: what they asked for has changed, or their deliverable is done with."""

from __future__ import annotations

import datetime
import uuid

from django.db import transaction
from django.utils import timezone

from generation import hero_records, requests
from generation.requests import NoRoute, Resolved
from projects import board, events
from projects.models import Deliverable, HeroRequest, Phase, Take, Workspace
from projects.models.decisions import RequestState
from projects.problems import Invalid


def resolved(
    deliverable: Deliverable, take: Take, now: datetime.datetime, person_id: uuid.UUID | None = None
) -> Resolved:
    """The hero request that a draft would ask for now; raises Invalid, NoRoute."""
    return requests.resolve(
        deliverable=deliverable,
        phase=Phase.HERO,
        prompt=take.prompt or None,
        control_profile=_profile_of(take),
        source_take=take,
        person_id=person_id,
        now=now,
    )


def void_if_changed(hero_request: HeroRequest, now: datetime.datetime) -> bool:
    """Compares the hash with what the draft would ask for now; writes the void in its own transaction."""
    try:
        present = resolved(hero_request.deliverable, hero_request.take, now).request_hash
    except (Invalid, NoRoute):
        present = ""
    if present == hero_request.request_hash:
        return False
    with transaction.atomic():
        if _void(hero_request, "What it asked for has changed since.", "", now):
            board.refresh(hero_request.deliverable_id)
    return True


def void_changed(*, workspace: Workspace, now: datetime.datetime | None = None) -> int:
    """Voids the waiting requests whose hash is no longer what their draft would ask for; counts them."""
    now = now or timezone.now()
    waiting = HeroRequest.objects.filter(workspace=workspace, state=RequestState.WAITING).select_related(
        "deliverable__campaign__project", "deliverable__category", "take"
    )
    return sum(void_if_changed(row, now) for row in waiting)


def void_waiting(
    *, deliverable: Deliverable, reason: str, now: datetime.datetime, take: Take | None = None, note: str = ""
) -> int:
    """Voids what waits for a deliverable, or for one draft of it, that was decided on; tells who asked.

    In the caller's transaction. `reason` is a sentence; the `note` of the decision goes into the notice.
    """
    rows = HeroRequest.objects.filter(deliverable=deliverable, state=RequestState.WAITING)
    if take is not None:
        rows = rows.filter(take=take)
    waiting = rows.select_related("deliverable", "take", "workspace").order_by("pk")
    return sum(_void(row, reason, note, now) for row in waiting)


def _void(row: HeroRequest, reason: str, note: str, now: datetime.datetime) -> bool:
    """Compares and sets, with the event and the notice; False where it waits no longer."""
    waiting = HeroRequest.objects.filter(pk=row.pk, state=RequestState.WAITING)
    if not waiting.update(state=RequestState.VOID, decided_at=now, void_reason=reason):
        return False
    events.record(
        workspace=row.workspace, kind="hero.void", at=now, deliverable=row.deliverable, take=row.take
    )
    why = reason[0].lower() + reason[1:].rstrip(".")
    hero_records.tell_asker(row, f"is void: {why}", note, now)
    return True


def _profile_of(take: Take) -> str | None:
    recipe = getattr(take, "recipe", None)
    return recipe.control_profile or None if recipe else None
