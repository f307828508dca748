"""What the page of a batch shows: the matrix with small pictures of its takes, cell by cell."""

from __future__ import annotations

import collections
import dataclasses
import uuid
from collections.abc import Sequence
from typing import Any

from django.core.paginator import Page, Paginator
from django.db.models import Exists, OuterRef
from django.utils import timezone

from generation import batch_columns, matrices, strips
from generation.batch_columns import Heading
from projects.models import Asset, Batch, BatchSlot, Deliverable, Rendition, Take
from projects.models.batches import SlotState
from projects.models.takes import TAKES_IN_FLIGHT

ROWS = 25
#: What stands in a slot that has no take, in the words of a take's state.
UNMADE = {
    SlotState.WAITING: "planned",
    SlotState.STOPPED: "stopped_by_budget",
    SlotState.CANCELLED: "cancelled",
    SlotState.REFUSED: "failed",
}
Place = tuple[uuid.UUID, int, int]


@dataclasses.dataclass(frozen=True)
class Row:
    """A deliverable with the takes of each of its cells."""

    deliverable: Deliverable
    cells: Sequence[dict[str, Any]]


@dataclasses.dataclass(frozen=True)
class Sheet:
    """A page of the matrix: its columns in words, and the rows of some deliverables."""

    variants: Sequence[str]
    columns: Sequence[Heading]
    rows: Sequence[Row]
    page: Page[Deliverable]


def sheet(batch: Batch, *, slug: str, number: str | None) -> Sheet:
    """So many deliverables of the batch with their takes; the number of queries does not grow with them."""
    variants, columns = matrices.kept(batch.asked)
    page: Page[Deliverable] = Paginator(_deliverables(batch), ROWS).get_page(number)
    shown = list(page.object_list)
    takes = _takes(batch, shown, slug)
    places = [(variant, column) for variant in range(len(variants)) for column in range(len(columns))]
    rows = [
        Row(
            row,
            [
                {"takes": takes[row.pk, variant, column], "first": bool(variant) and not column}
                for variant, column in places
            ],
        )
        for row in shown
    ]
    heads = batch_columns.headings(batch.workspace, columns, now=timezone.now())
    return Sheet(variants=[variant.label for variant in variants], columns=heads, rows=rows, page=page)


def deliverables_of(batch: Batch) -> list[uuid.UUID]:
    """The deliverables of a batch in their order."""
    return list(_deliverables(batch).values_list("pk", flat=True))


def _deliverables(batch: Batch) -> Any:
    """In the order of the matrix; of batches of earlier versions by key."""
    rows = Deliverable.objects.filter(workspace=batch.workspace_id).select_related("format", "campaign")
    if batch.asked:
        named = batch.cells.values("deliverable")
        return rows.filter(pk__in=named).order_by("campaign__key", "key", "pk")
    return rows.filter(rounds__batch=batch).distinct().order_by("campaign__key", "key", "pk")


def _takes(batch: Batch, deliverables: Sequence[Deliverable], slug: str) -> dict[Place, list[dict[str, Any]]]:
    """Thumbnails by cell: of each slot its take, or what became of it."""
    found: dict[Place, list[dict[str, Any]]] = collections.defaultdict(list)
    known = {row.pk: row for row in deliverables}
    drawn = Rendition.objects.filter(asset=OuterRef("poster"), kind=Rendition.Kind.THUMBNAIL)
    made = Take.objects.filter(round__batch=batch, deliverable__in=known).select_related("poster")
    takes = {row.pk: row for row in made.annotate(drawn=Exists(drawn)).order_by("number")}
    slots = BatchSlot.objects.filter(batch=batch, cell__batch=batch, cell__deliverable__in=known)
    slots = slots.select_related("cell").defer("cell__request")
    for slot in slots.order_by("position"):
        cell = slot.cell
        take = takes.pop(slot.take_id, None) if slot.take_id else None
        row = known[cell.deliverable_id]
        shown = _shown(take, row, slug) if take else _unmade(slot, row)
        found[cell.deliverable_id, cell.variant, cell.column].append(shown)
    for take in takes.values():  # of a version that knew no cells
        found[take.deliverable_id, 0, 0].append(_shown(take, known[take.deliverable_id], slug))
    return found


def _shown(take: Any, deliverable: Deliverable, slug: str) -> dict[str, Any]:
    poster = take.poster
    there = poster is not None and poster.name and (take.drawn or poster.kind == Asset.Kind.IMAGE)
    return {
        "href": strips.address(deliverable, slug, take=take.number),
        "number": take.number,
        "thumbnail": strips.media(slug, poster, "thumbnail") if there else "",
        "alt": f"{deliverable.name}, take {take.number}",
        "format": deliverable.format.key if deliverable.format else "16x9",
        "kind": poster.kind if poster else "image",
        "seconds": poster.duration_seconds if poster else None,
        "state": take.state,
        "mark": take.mark,
        "phase": take.phase,
        "starred": take.starred,
        "progress": int(take.progress * 100),
        "in_flight": take.state in TAKES_IN_FLIGHT,
        "why": take.failure,
    }


def _unmade(slot: BatchSlot, deliverable: Deliverable) -> dict[str, Any]:
    return {
        "href": "",
        "format": deliverable.format.key if deliverable.format else "16x9",
        "state": UNMADE[SlotState(slot.state)],
        "slot": slot.state,
        "why": slot.why,
    }
