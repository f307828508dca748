"""What a workspace holds already of the things that a history names; read in a bounded number of queries."""

from __future__ import annotations

import dataclasses
import datetime
import uuid
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, TypeVar

from billing.models import Entry, ImportedCharge, ImportedDecision
from billing.pots import POT_AFTER
from generation.history_rows import ChargeRow, DecisionRow, Place
from projects.models import (
    Campaign,
    Category,
    Decision,
    Deliverable,
    Membership,
    Person,
    Project,
    Round,
    Take,
    Workspace,
)
from projects.models.decisions import DecisionKind

T = TypeVar("T")
PART = 20_000


@dataclasses.dataclass
class KnownTake:
    id: uuid.UUID
    phase: str
    imported: bool
    first_at: datetime.datetime


@dataclasses.dataclass
class KnownDeliverable:
    """A deliverable with the decisions in force; `moved_at` is the instant of its last that moved cash."""

    id: uuid.UUID
    category: str
    first_at: datetime.datetime
    state: str
    takes: dict[int, KnownTake] = dataclasses.field(default_factory=dict)
    rounds: dict[int, uuid.UUID] = dataclasses.field(default_factory=dict)
    accepted_take: int | None = None
    moved_at: datetime.datetime | None = None
    in_force: int | None = None  # sequence of the acceptance or write-off


@dataclasses.dataclass(frozen=True)
class KnownCharge:
    digest: str
    entry: uuid.UUID | None
    is_charge: bool
    at: datetime.datetime | None
    given_back: bool


@dataclasses.dataclass
class Known:
    workspace: Workspace
    projects: dict[str, uuid.UUID]
    campaigns: dict[tuple[str, str], uuid.UUID]
    ended: set[tuple[str, str]]
    categories: dict[str, uuid.UUID]
    deliverables: dict[Place, KnownDeliverable]
    charges: dict[str, KnownCharge]
    decisions: set[str]
    people: dict[str, Person]


def known(*, workspace: Workspace, charges: Sequence[ChargeRow], decisions: Sequence[DecisionRow]) -> Known:
    campaigns = Campaign.objects.filter(workspace=workspace).values_list(
        "project__key", "key", "id", "ended_at"
    )
    listed = list(campaigns)
    members = Membership.objects.filter(workspace=workspace).select_related("person")
    named = [row.place for row in charges] + [row.place for row in decisions]
    places = {place for place in named if place[2]}
    return Known(
        workspace=workspace,
        projects=dict(Project.objects.filter(workspace=workspace).values_list("key", "id")),
        campaigns={(project, key): pk for project, key, pk, _ in listed},
        ended={(project, key) for project, key, _, ended_at in listed if ended_at},
        categories=dict(Category.objects.filter(workspace=workspace).values_list("key", "id")),
        deliverables=_deliverables(workspace, places),
        charges=_charges(workspace, {key for row in charges for key in (row.id, row.refunds) if key}),
        decisions=_decisions(workspace, {row.digest for row in decisions}),
        people={member.person.email.lower(): member.person for member in members},
    )


def parts(values: Iterable[T]) -> Iterator[list[T]]:
    """The values in lists that one query can carry."""
    listed = list(values)
    for start in range(0, len(listed), PART):
        yield listed[start : start + PART]


def _deliverables(workspace: Workspace, places: set[Place]) -> dict[Place, KnownDeliverable]:
    found: dict[Place, KnownDeliverable] = {}
    for keys in parts({place[2] for place in places}):
        rows = Deliverable.objects.filter(workspace=workspace, key__in=keys).values_list(
            *("campaign__project__key", "campaign__key", "key", "id", "category__key", "created_at", "state")
        )
        for project, campaign, key, *rest in rows:
            if (project, campaign, key) in places:
                found[project, campaign, key] = KnownDeliverable(*rest)
    by_id = {row.id: row for row in found.values()}
    for ids in parts(by_id):
        _takes(ids, by_id)
        _moves(ids, by_id)
    return found


def _takes(ids: list[uuid.UUID], by_id: dict[uuid.UUID, KnownDeliverable]) -> None:
    takes = Take.objects.filter(deliverable__in=ids)
    names = ("deliverable_id", "number", "id", "phase", "imported", "requested_at")
    for deliverable_id, number, *rest in takes.values_list(*names):
        by_id[deliverable_id].takes[number] = KnownTake(*rest)
    rounds = Round.objects.filter(deliverable__in=ids).values_list("deliverable_id", "number", "id")
    for deliverable_id, number, pk in rounds:
        by_id[deliverable_id].rounds[number] = pk


def _moves(ids: list[uuid.UUID], by_id: dict[uuid.UUID, KnownDeliverable]) -> None:
    rows = Decision.objects.filter(deliverable__in=ids, decision__in=POT_AFTER).order_by("at", "sequence")
    names = ("deliverable_id", "decision", "take__number", "at", "sequence")
    for deliverable_id, decision, take, at, sequence in rows.values_list(*names):
        row = by_id[deliverable_id]
        row.moved_at = at
        stands = decision in (DecisionKind.ACCEPT, DecisionKind.WRITE_OFF)
        row.in_force = sequence if stands else None
        row.accepted_take = take if decision == DecisionKind.ACCEPT else None


def _charges(workspace: Workspace, ids: set[str]) -> dict[str, KnownCharge]:
    rows: list[Any] = []
    for keys in parts(ids):
        found = ImportedCharge.objects.filter(workspace=workspace, external_id__in=keys)
        rows += found.values_list("external_id", "digest", "entry")
    entries: dict[uuid.UUID, tuple[str, datetime.datetime]] = {}
    given_back: set[uuid.UUID] = set()
    for keys in parts(entry for _, _, entry in rows if entry):
        for pk, kind, at in Entry.objects.filter(id__in=keys).values_list("id", "kind", "effective_at"):
            entries[pk] = (kind, at)
        refunds = Entry.objects.filter(refunds__in=keys).values_list("refunds", flat=True)
        given_back.update(pk for pk in refunds if pk)
    return {
        key: KnownCharge(
            digest=digest,
            entry=entry,
            is_charge=entry in entries and entries[entry][0] == "charge",
            at=entries[entry][1] if entry in entries else None,
            given_back=entry in given_back,
        )
        for key, digest, entry in rows
    }


def _decisions(workspace: Workspace, digests: set[str]) -> set[str]:
    found: set[str] = set()
    for keys in parts(digests):
        rows = ImportedDecision.objects.filter(workspace=workspace, digest__in=keys)
        found.update(rows.values_list("digest", flat=True))
    return found
