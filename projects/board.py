"""Where a deliverable stands on the board: a summary that is recomputed after each write."""

from __future__ import annotations

import uuid

from django.db.models import Count, Exists, OuterRef, Q

from projects.models import Deliverable, HeroRequest, Take
from projects.models.takes import TAKES_IN_FLIGHT, TakeMark, TakeState
from projects.models.work import BoardColumn, DeliverableState, Phase


def refresh(deliverable_id: uuid.UUID) -> None:
    """Recomputes column, poster and takes used from the rows, in the caller's transaction."""
    takes = Take.objects.filter(deliverable=OuterRef("pk"))
    ready = takes.filter(state=TakeState.READY)
    row = (
        Deliverable.objects.filter(pk=deliverable_id)
        .annotate(
            in_flight=Exists(takes.filter(state__in=TAKES_IN_FLIGHT)),
            asked=Exists(HeroRequest.objects.filter(deliverable=OuterRef("pk"), state="waiting")),
            hero_ready=Exists(ready.filter(phase=Phase.HERO, mark=TakeMark.NONE)),
            draft_ready=Exists(ready.filter(phase=Phase.DRAFT, mark__in=[TakeMark.NONE, TakeMark.SELECTED])),
        )
        .values("state", "in_flight", "asked", "hero_ready", "draft_ready", "take_count")
        .get()
    )
    Deliverable.objects.filter(pk=deliverable_id).update(
        board_column=column(**row), poster_id=_poster(deliverable_id), **_used(deliverable_id)
    )


def column(
    *,
    state: str,
    in_flight: bool,
    asked: bool,
    hero_ready: bool,
    draft_ready: bool,
    take_count: int,
) -> BoardColumn:
    """The most urgent thing that waits for a person decides; rendering comes last."""
    if state == DeliverableState.ACCEPTED:
        return BoardColumn.DONE
    if state == DeliverableState.WRITTEN_OFF:
        return BoardColumn.DROPPED
    if hero_ready:
        return BoardColumn.REVIEW
    if asked:
        return BoardColumn.APPROVAL
    if in_flight:
        return BoardColumn.MAKING
    if draft_ready:
        return BoardColumn.CHOOSING
    return BoardColumn.MAKING if take_count else BoardColumn.BRIEF


def counts_against_cap() -> Q:
    """Takes that use up a cap, as a condition: counted, in flight, or charged although they failed."""
    return Q(counted_at__isnull=False) | Q(state__in=TAKES_IN_FLIGHT) | Q(failed_charged=True)


def _used(deliverable_id: uuid.UUID) -> dict[str, int]:
    return Take.objects.filter(counts_against_cap(), deliverable=deliverable_id).aggregate(
        drafts_used=Count("pk", filter=Q(phase=Phase.DRAFT)),
        heroes_used=Count("pk", filter=Q(phase=Phase.HERO)),
    )


def _poster(deliverable_id: uuid.UUID) -> uuid.UUID | None:
    """The accepted take's picture, else the selected one's, else the newest that was not rejected."""
    rank = {TakeMark.ACCEPTED: 0, TakeMark.SELECTED: 1, TakeMark.NONE: 2, TakeMark.REJECTED: 3}
    rows = Take.objects.filter(deliverable=deliverable_id, poster__isnull=False).values_list(
        "mark", "phase", "number", "poster"
    )
    best = min(
        rows,
        key=lambda row: (rank[TakeMark(row[0])], row[1] != Phase.HERO, -row[2]),
        default=None,
    )
    return best[3] if best else None
