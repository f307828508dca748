"""What a history names and the workspace lacks is created, marked as imported: clients, campaigns,
categories, deliverables, rounds, takes, models.
"""

from __future__ import annotations

import dataclasses
import datetime
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from django.db.models import Q

from generation.history_known import Known
from generation.history_rows import FAILED_CHARGED, ChargeRow, DecisionRow, Place
from projects import bulk
from projects.identifiers import new_id
from projects.models import Campaign, Category, Deliverable, Phase, Project, Round, Take
from projects.models.takes import TakeState
from routing.models import CatalogueModel

BATCH = 2000
TAKE_COLUMNS = (
    *("id", "deliverable_id", "round_id", "number", "phase"),
    *("requested_by_id", "requested_by_email", "requested_at", "ended_at"),
)


@dataclasses.dataclass
class Scope:
    """Ids of all that the rows name."""

    projects: dict[str, uuid.UUID]
    campaigns: dict[tuple[str, str], uuid.UUID]
    deliverables: dict[Place, uuid.UUID]
    takes: dict[tuple[Place, int], uuid.UUID]
    failures: set[str]  # ids of charges for failures
    created: int = 0  # deliverables

    def failed_charged(self, charge: str) -> bool:
        return charge in self.failures


@dataclasses.dataclass
class First:
    """What the first rows of a take say of it."""

    at: datetime.datetime
    phase: str
    last_at: datetime.datetime
    round: int | None
    person: str


def create(*, known: Known, charges: Sequence[ChargeRow], decisions: Sequence[DecisionRow]) -> Scope:
    """Creates what is missing. `charges` are the new rows in the order of their instants."""
    scope = Scope(
        projects=dict(known.projects),
        campaigns=dict(known.campaigns),
        deliverables={place: row.id for place, row in known.deliverables.items()},
        takes={
            (place, number): take.id
            for place, row in known.deliverables.items()
            for number, take in row.takes.items()
        },
        failures={row.id for row in charges if row.charge == FAILED_CHARGED},
    )
    _projects(known, scope, [row.place for row in charges] + [row.place for row in decisions])
    _deliverables(known, scope, charges)
    _takes(known, scope, charges)
    _models(known, charges)
    return scope


def _projects(known: Known, scope: Scope, places: Sequence[Place]) -> None:
    names = dict.fromkeys(project for project, _, _ in places if project and project not in scope.projects)
    made = [Project(workspace=known.workspace, key=key, name=key, imported=True) for key in names]
    Project.objects.bulk_create(made, batch_size=BATCH)
    scope.projects.update({row.key: row.pk for row in made})
    keys = dict.fromkeys(place[:2] for place in places if place[1] and place[:2] not in scope.campaigns)
    campaigns = [
        Campaign(
            workspace=known.workspace, project_id=scope.projects[project], key=key, name=key, imported=True
        )
        for project, key in keys
    ]
    Campaign.objects.bulk_create(campaigns, batch_size=BATCH)
    scope.campaigns.update(zip(keys, (row.pk for row in campaigns), strict=True))


def _deliverables(known: Known, scope: Scope, charges: Sequence[ChargeRow]) -> None:
    firsts = {row.place: row for row in reversed(charges) if row.place[2]}
    fresh = {place: row for place, row in firsts.items() if place not in scope.deliverables}
    missing = dict.fromkeys(row.category for row in fresh.values() if row.category not in known.categories)
    made = [
        Category(workspace=known.workspace, key=key, name=key, delivered_in=Phase.DRAFT, imported=True)
        for key in missing
    ]
    Category.objects.bulk_create(made, batch_size=BATCH)
    categories = {**known.categories, **{row.key: row.pk for row in made}}
    rows = [
        Deliverable(
            workspace=known.workspace,
            campaign_id=scope.campaigns[place[:2]],
            category_id=categories[row.category],
            key=place[2],
            name=place[2],
            created_at=row.at,
            imported=True,
        )
        for place, row in fresh.items()
    ]
    bulk.insert(Deliverable, rows)
    scope.deliverables.update(zip(fresh, (row.pk for row in rows), strict=True))
    scope.created = len(rows)


def _takes(known: Known, scope: Scope, charges: Sequence[ChargeRow]) -> None:
    firsts: dict[tuple[Place, int], First] = {}
    for row in charges:
        if row.take is None:
            continue
        first = firsts.setdefault(
            (row.place, row.take), First(row.at, row.phase, row.at, row.round, row.person)
        )
        first.last_at = row.at
    fresh = {key: first for key, first in firsts.items() if key not in scope.takes}
    rounds = _rounds(known, scope, fresh)
    ids = {key: new_id() for key in fresh}
    like = Take(
        workspace=known.workspace,
        state=TakeState.FAILED,  # until a row says that it was counted
        imported=True,
    )
    rows = (_take(ids[key], known, scope, key, first, rounds) for key, first in fresh.items())
    bulk.insert_like(like, TAKE_COLUMNS, rows)
    scope.takes.update(ids)


def _take(
    pk: uuid.UUID,
    known: Known,
    scope: Scope,
    key: tuple[Place, int],
    first: First,
    rounds: Mapping[tuple[Place, int], uuid.UUID],
) -> list[Any]:
    """What `TAKE_COLUMNS` says of a take."""
    place, number = key
    person = known.people.get(first.person.lower()) if first.person else None
    return [
        *(pk, scope.deliverables[place], rounds.get((place, first.round or 0)), number, first.phase),
        *(person.pk if person else None, first.person, first.at, first.last_at),
    ]


def _rounds(
    known: Known, scope: Scope, takes: Mapping[tuple[Place, int], First]
) -> dict[tuple[Place, int], uuid.UUID]:
    found = {
        (place, number): pk for place, row in known.deliverables.items() for number, pk in row.rounds.items()
    }
    wanted: dict[tuple[Place, int], First] = {}
    for (place, _), first in takes.items():
        if first.round and (place, first.round) not in found:
            wanted.setdefault((place, first.round), first)
    made = [
        Round(
            workspace=known.workspace,
            deliverable_id=scope.deliverables[place],
            number=number,
            requested_by=known.people.get(first.person.lower()) if first.person else None,
            requested_at=first.at,
        )
        for (place, number), first in wanted.items()
    ]
    bulk.insert(Round, made)
    return {**found, **dict(zip(wanted, (row.pk for row in made), strict=True))}


def _models(known: Known, charges: Sequence[ChargeRow]) -> None:
    """Models that no catalogue lists become the workspace's own."""
    named = {row.model_key: row for row in charges if row.model_key}
    in_reach = Q(workspace=None) | Q(workspace=known.workspace)
    listed = set(CatalogueModel.objects.filter(in_reach, key__in=named).values_list("key", flat=True))
    CatalogueModel.objects.bulk_create(
        [
            CatalogueModel(
                id=new_id(),
                workspace=known.workspace,
                key=key,
                name=row.model[:120],
                vendor=row.provider,
                provider=row.provider,
                endpoint=row.model,
                tier=row.tier,
                source="imported history",
                imported=True,
            )
            for key, row in named.items()
            if key not in listed
        ],
        batch_size=BATCH,
    )
