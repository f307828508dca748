"""Where a deliverable stands on the board: a summary that is recomputed after each write."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from django.db import connection
from django.db.models import Count, Exists, OuterRef, Q

from projects.models import Deliverable, HeroRequest, Take
from projects.models.takes import TAKES_IN_FLIGHT, TakeMark, TakeState
from projects.models.work import BoardColumn, DeliverableState, Phase

WRITTEN = """
    WITH v AS (
        SELECT * FROM unnest(
            %(ids)s::uuid[], %(columns)s::text[], %(posters)s::uuid[], %(drafts)s::int[], %(heroes)s::int[]
        ) AS v (id, board_column, poster, drafts, heroes)
    ),
    locked AS (
        SELECT d.id FROM projects_deliverable d JOIN v ON v.id = d.id ORDER BY d.id FOR NO KEY UPDATE OF d
    )
    UPDATE projects_deliverable d
    SET board_column = v.board_column, poster_id = v.poster, drafts_used = v.drafts, heroes_used = v.heroes
    FROM v JOIN locked ON locked.id = v.id WHERE d.id = v.id
"""


class Used(NamedTuple):
    """Takes that count against the caps of a deliverable."""

    drafts: int
    heroes: int


def refresh(deliverable_id: uuid.UUID) -> None:
    """Recomputes column, poster and takes used from the rows, in the caller's transaction."""
    refresh_all([deliverable_id])


def refresh_all(deliverable_ids: Iterable[uuid.UUID]) -> None:
    """As `refresh`, for many, in four statements. They are locked in the order of their keys."""
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
    values: dict[str, Any] = {
        "ids": ids,
        "columns": [str(columns[key]) for key in ids],
        "posters": [posters.get(key) for key in ids],
        "drafts": [used[key].drafts if key in used else 0 for key in ids],
        "heroes": [used[key].heroes if key in used else 0 for key in ids],
    }
    with connection.cursor() as cursor:
        cursor.execute(WRITTEN, values)


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


def _used(ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, Used]:
    rows = (
        Take.objects.filter(counts_against_cap(), deliverable__in=ids)
        .values("deliverable")
        .annotate(
            drafts=Count("pk", filter=Q(phase=Phase.DRAFT)), heroes=Count("pk", filter=Q(phase=Phase.HERO))
        )
    )
    return {row["deliverable"]: Used(row["drafts"], row["heroes"]) for row in rows}


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
