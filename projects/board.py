"""Where a deliverable stands on the board: a summary that is recomputed after each write."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence

from django.db.models import Count, Exists, OuterRef, Q

from projects.models import Deliverable, HeroRequest, Take
from projects.models.takes import TAKES_IN_FLIGHT, TakeMark, TakeState
from projects.models.work import BoardColumn, DeliverableState, Phase


def refresh(deliverable_id: uuid.UUID) -> None:
    """Recomputes column, poster and takes used from the rows, in the caller's transaction."""
    refresh_all([deliverable_id])


def refresh_all(deliverable_ids: Iterable[uuid.UUID]) -> None:
    """As `refresh`, for many: three queries, and one for each deliverable. Locked by key order."""
    ids = sorted(set(deliverable_ids))
    takes = Take.objects.filter(deliverable=OuterRef("pk"))
    ready = takes.filter(state=TakeState.READY)
    rows = (
        Deliverable.objects.filter(pk__in=ids)
        .annotate(
            in_flight=Exists(takes.filter(state__in=TAKES_IN_FLIGHT)),
            asked=Exists(HeroRequest.objects.filter(deliverable=OuterRef("pk"), state="waiting")),
            hero_ready=Exists(ready.filter(phase=Phase.HERO, mark=TakeMark.NONE)),
            draft_ready=Exists(ready.filter(phase=Phase.DRAFT, mark__in=[TakeMark.NONE, TakeMark.SELECTED])),
        )
        .values_list("pk", "state", "in_flight", "asked", "hero_ready", "draft_ready", "take_count")
    )
    columns = {
        key: column(
            state=state,
            in_flight=in_flight,
            asked=asked,
            hero_ready=hero_ready,
            draft_ready=draft_ready,
            take_count=take_count,
        )
        for key, state, in_flight, asked, hero_ready, draft_ready, take_count in rows
    }
    used, posters = _used(ids), _posters(ids)
    for key in ids:
        Deliverable.objects.filter(pk=key).update(
            board_column=columns[key],
            poster_id=posters.get(key),
            **used.get(key, {"drafts_used": 0, "heroes_used": 0}),
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


def _used(ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, dict[str, int]]:
    rows = (
        Take.objects.filter(counts_against_cap(), deliverable__in=ids)
        .values("deliverable")
        .annotate(
            drafts_used=Count("pk", filter=Q(phase=Phase.DRAFT)),
            heroes_used=Count("pk", filter=Q(phase=Phase.HERO)),
        )
    )
    return {row["deliverable"]: {name: row[name] for name in ("drafts_used", "heroes_used")} for row in rows}


def _posters(ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, uuid.UUID]:
    """The accepted take's picture, else the selected one's, else the newest that was not rejected."""
    rank = {TakeMark.ACCEPTED: 0, TakeMark.SELECTED: 1, TakeMark.NONE: 2, TakeMark.REJECTED: 3}
    rows = Take.objects.filter(deliverable__in=ids, poster__isnull=False).values_list(
        "deliverable", "mark", "phase", "number", "poster"
    )
    best: dict[uuid.UUID, tuple[tuple[int, bool, int], uuid.UUID]] = {}
    for deliverable, mark, phase, number, poster in rows:
        order = (rank[TakeMark(mark)], phase != Phase.HERO, -number)
        if deliverable not in best or order < best[deliverable][0]:
            best[deliverable] = (order, poster)
    return {deliverable: poster for deliverable, (_, poster) in best.items()}
