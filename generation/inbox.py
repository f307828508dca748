"""What waits for a manager: hero requests, requests for more takes, hero takes to sign off."""

from __future__ import annotations

import dataclasses
import datetime
import uuid
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from django.db.models import F, Q, QuerySet
from django.urls import reverse

from billing.models import DeliverableCost
from generation import facts, heroes
from projects.models import CapRequest, Deliverable, HeroRequest, Membership, Take
from projects.models.decisions import DecisionKind, RequestState
from projects.models.takes import TakeMark, TakeState
from projects.models.work import BoardColumn, Phase

MOST = 200
SPEND, MORE, REVIEW = "spend", "more", "review"
ZERO = Decimal(0)
SUBJECT = (
    "deliverable__campaign__project",
    "deliverable__category",
    "deliverable__format",
    "deliverable__cost",
)


@dataclasses.dataclass(frozen=True)
class Row:
    """One thing that waits, as the list shows it. `price` is what it may cost at most, if anything."""

    kind: str
    id: uuid.UUID
    title: str
    campaign: str
    asked_by: str
    asked_at: datetime.datetime
    due_on: datetime.date | None
    poster: str
    price: Decimal | None
    takes: str
    href: str
    late: bool = False


def rows(member: Membership, wanted: Mapping[str, Any], *, today: datetime.date) -> list[Row]:
    """Everything that waits and fits the filters, by due date, then price."""
    kind = wanted.get("kind") or ""
    found: list[Row] = []
    if kind in ("", SPEND):
        found += [_hero_row(row, member, today) for row in _heroes(member, wanted)[:MOST]]
    if kind in ("", MORE):
        found += [_cap_row(row, member, today) for row in _caps(member, wanted)[:MOST]]
    if kind in ("", REVIEW):
        found += [_review_row(row, member, today) for row in _reviews(member, wanted)[:MOST]]
    return sorted(found, key=_by_due_then_price)


def undoable(member: Membership, *, now: datetime.datetime) -> list[HeroRequest]:
    """Approvals that can still be taken back, the newest first."""
    found = HeroRequest.objects.visible_to(member).filter(state=RequestState.APPROVED, submit_at__gt=now)
    return list(found.select_related("deliverable").order_by("-decided_at"))


def hero_details(row: HeroRequest, *, now: datetime.datetime) -> dict[str, Any]:
    """What a manager looks at before spending: budgets after it, cost so far, what it stands beside."""
    deliverable = row.deliverable
    cost = DeliverableCost.objects.filter(deliverable=deliverable).first()
    models = [(step["key"], step["choices"][0]["model"]) for step in row.request["steps"] if step["choices"]]
    named = [model for _, model in models]
    lefts = facts.budgets_left(deliverable, Phase.HERO, named, now, row.requested_by_id)
    return {
        "spent": cost.generation + cost.control + cost.refinement if cost else ZERO,
        "budgets": [{"name": left.name, "after": left.left - row.at_most} for left in lefts],
        "models": models,
        "carried": row.request.get("carried", {}),
        "last_accepted": last_accepted(deliverable),
        "seconds_left": heroes.undo_seconds_left(row, now),
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


def hero_take(deliverable: Deliverable) -> Take | None:
    """The hero take that waits for its sign-off."""
    return (
        Take.objects.filter(
            deliverable=deliverable, phase=Phase.HERO, state=TakeState.READY, mark=TakeMark.NONE
        )
        .select_related("poster", "deliverable__category", "workspace")
        .order_by("-number")
        .first()
    )


def _fitting(wanted: Mapping[str, Any], prefix: str) -> Q:
    """The filters as a condition on what leads to a deliverable by `prefix`."""
    fits = Q()
    if project := wanted.get("project"):
        fits &= Q(**{f"{prefix}campaign__project": project})
    if due := wanted.get("due_before"):
        fits &= Q(**{f"{prefix}due_on__lte": due})
    return fits


def _heroes(member: Membership, wanted: Mapping[str, Any]) -> QuerySet[HeroRequest]:
    found: QuerySet[HeroRequest] = HeroRequest.objects.visible_to(member)
    found = found.filter(_fitting(wanted, "deliverable__"), state=RequestState.WAITING)
    if person := wanted.get("person"):
        found = found.filter(requested_by=person)
    return found.select_related(*SUBJECT, "requested_by", "take__poster").order_by(
        F("deliverable__due_on").asc(nulls_last=True), "at_most"
    )


def _caps(member: Membership, wanted: Mapping[str, Any]) -> QuerySet[CapRequest]:
    found: QuerySet[CapRequest] = CapRequest.objects.visible_to(member)
    found = found.filter(_fitting(wanted, "deliverable__"), state=RequestState.WAITING)
    if person := wanted.get("person"):
        found = found.filter(requested_by=person)
    return found.select_related(*SUBJECT, "requested_by", "deliverable__poster").order_by(
        F("deliverable__due_on").asc(nulls_last=True), "requested_at"
    )


def _reviews(member: Membership, wanted: Mapping[str, Any]) -> QuerySet[Deliverable]:
    found: QuerySet[Deliverable] = Deliverable.objects.visible_to(member)
    found = found.filter(_fitting(wanted, ""), board_column=BoardColumn.REVIEW)
    if person := wanted.get("person"):
        found = found.filter(created_by=person)
    return found.select_related("campaign__project", "category", "poster", "created_by", "cost").order_by(
        F("due_on").asc(nulls_last=True), "key"
    )


def _hero_row(row: HeroRequest, member: Membership, today: datetime.date) -> Row:
    return _row(
        SPEND, row.pk, row.deliverable, member, today,
        asked_by=str(row.requested_by), asked_at=row.requested_at, price=row.at_most,
        poster=row.take.poster,
    )  # fmt: skip


def _cap_row(row: CapRequest, member: Membership, today: datetime.date) -> Row:
    return _row(
        MORE, row.pk, row.deliverable, member, today,
        asked_by=str(row.requested_by), asked_at=row.requested_at, price=row.at_most,
        poster=row.deliverable.poster,
    )  # fmt: skip


def _review_row(row: Deliverable, member: Membership, today: datetime.date) -> Row:
    return _row(
        REVIEW, row.pk, row, member, today,
        asked_by=str(row.created_by or ""), asked_at=row.updated_at, price=None, poster=row.poster,
    )  # fmt: skip


def _row(
    kind: str, id_: uuid.UUID, deliverable: Deliverable, member: Membership, today: datetime.date,
    *, asked_by: str, asked_at: datetime.datetime, price: Decimal | None, poster: Any,
) -> Row:  # fmt: skip
    slug = member.workspace.slug
    has_picture = poster is not None and poster.name
    return Row(
        kind=kind,
        id=id_,
        title=deliverable.name,
        campaign=deliverable.campaign.name,
        asked_by=asked_by,
        asked_at=asked_at,
        due_on=deliverable.due_on,
        late=bool(deliverable.due_on and deliverable.due_on < today),
        poster=reverse("generation:rendition", args=[slug, poster.pk, "thumbnail"]) if has_picture else "",
        price=price,
        takes=f"{deliverable.drafts_used} draft{'' if deliverable.drafts_used == 1 else 's'}",
        href=f"{reverse('generation:approvals', args=[slug])}?request={id_}",
    )


def _by_due_then_price(row: Row) -> tuple[Any, ...]:
    return (row.due_on is None, row.due_on or datetime.date.min, row.price or ZERO, row.asked_at)
