"""What waits for a manager: hero requests, requests for more takes, hero takes to sign off."""

from __future__ import annotations

import dataclasses
import datetime
import uuid
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from django.db.models import F, OuterRef, Q, QuerySet, Subquery
from django.urls import reverse

from generation import caps, claims, inbox_budgets, strips
from projects.models import CapRequest, Deliverable, HeroRequest, Membership, Take
from projects.models.decisions import RequestState
from projects.models.takes import TakeMark, TakeState
from projects.models.work import BoardColumn, Phase
from routing import tables

MOST = 200
SPEND, MORE, REVIEW = "spend", "more", "review"
ALONE = {
    MORE: "Requests for more takes are decided one by one.",
    REVIEW: "Takes are signed off one by one, once they were seen.",
}
ZERO = Decimal(0)
WEEK_DAYS = 7
SUBJECT = (
    "deliverable__campaign__project",
    "deliverable__category",
    "deliverable__format",
    "deliverable__cost",
)


@dataclasses.dataclass(frozen=True)
class Row:
    """One thing that waits, as the list shows it. `price` is what it may cost at most, if anything.

    `budget_after` is what the tightest budget over it, `budget_name`, has left once the price is held; None
    without a price or a budget. `alone` says why it is not approved together with others, if so.
    """

    kind: str
    id: uuid.UUID
    deliverable: Deliverable
    tier: str
    asked_by: str
    asked_at: datetime.datetime
    late: bool
    poster: str
    price: Decimal | None
    cap: int | None
    href: str
    take: Take | None
    own: bool
    asker: uuid.UUID | None = None
    budget_after: Decimal | None = None
    budget_name: str = ""
    badges: Sequence[tuple[str, str]] = ()
    looking: Sequence[str] = ()
    shown: Mapping[str, Any] | None = None

    @property
    def alone(self) -> str:
        if self.kind == SPEND:
            return "You asked for this yourself: another manager approves it." if self.own else ""
        return ALONE[self.kind]


def rows(
    member: Membership, wanted: Mapping[str, Any], *, today: datetime.date, now: datetime.datetime
) -> list[Row]:
    """Everything that waits and fits the filters, by due date, then price."""
    kind, tier = wanted.get("kind") or "", wanted.get("tier") or ""
    wanted = {**wanted, "today": today}
    found: list[Row] = []
    if kind in ("", SPEND):
        found += [_hero_row(row, member, today) for row in _heroes(member, wanted)[:MOST]]
    if kind in ("", MORE):
        found += [_cap_row(row, member, today) for row in _caps(member, wanted)[:MOST]]
    if kind in ("", REVIEW):
        found += _review_rows(member, wanted, today)
    fitting = [row for row in found if tier in ("", row.tier)]
    return sorted(_completed(fitting, member, now), key=_by_due_then_price)


def undoable(member: Membership, *, now: datetime.datetime) -> list[HeroRequest]:
    """Approvals that can still be taken back, the newest first."""
    found = HeroRequest.objects.visible_to(member).filter(state=RequestState.APPROVED, submit_at__gt=now)
    return list(found.select_related("deliverable").order_by("-decided_at", "-pk"))


def tier_of(quote: Mapping[str, Any]) -> str:
    """The tier of the model that makes most of the picture: the last generating step's."""
    tiers = [
        step["chosen"]["tier"]
        for step in quote["decision"]["steps"]
        if step["stage"] == "generation" and step["chosen"]
    ]
    return str(tiers[-1]) if tiers else ""


def _fitting(wanted: Mapping[str, Any], prefix: str) -> Q:
    """The filters as a condition on what leads to a deliverable by `prefix`."""
    fits = Q()
    if project := wanted.get("project"):
        fits &= Q(**{f"{prefix}campaign__project": project})
    if wanted.get("due"):
        last = wanted["today"] + datetime.timedelta(days=WEEK_DAYS - 1 - wanted["today"].weekday())
        fits &= Q(**{f"{prefix}due_on__lte": last})
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
    found = found.annotate(tier=_newest_tier("deliverable"))
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


def knows(row_id: uuid.UUID, member: Membership) -> bool:
    """Whether a row of the member's inbox can have this id."""
    models: tuple[Any, ...] = (HeroRequest, CapRequest, Deliverable)
    return any(model.objects.visible_to(member).filter(pk=row_id).exists() for model in models)


def _newest_tier(outer: str) -> Subquery:
    takes = Take.objects.filter(deliverable=OuterRef(outer)).exclude(tier="").order_by("-number")
    return Subquery(takes.values("tier")[:1])


def _hero_row(row: HeroRequest, member: Membership, today: datetime.date) -> Row:
    return _row(
        SPEND, row.pk, row.deliverable, member, today,
        asked_by=str(row.requested_by), asked_at=row.requested_at, price=row.at_most, take=row.take,
        poster=row.take.poster, tier=tier_of(row.quote), badges=_badges(row.deliverable, row.quote),
        own=row.requested_by_id == member.person_id, asker=row.requested_by_id,
    )  # fmt: skip


def _cap_row(row: Any, member: Membership, today: datetime.date) -> Row:
    return _row(
        MORE, row.pk, row.deliverable, member, today,
        asked_by=str(row.requested_by), asked_at=row.requested_at, price=row.at_most,
        poster=row.deliverable.poster, tier=row.tier or "", badges=_badges(row.deliverable),
        own=row.requested_by_id == member.person_id, asker=row.requested_by_id,
    )  # fmt: skip


def _review_rows(member: Membership, wanted: Mapping[str, Any], today: datetime.date) -> list[Row]:
    """Hero takes to sign off, each with the newest one; the takes of all in one query."""
    deliverables = list(_reviews(member, wanted)[:MOST])
    waiting = Take.objects.filter(
        deliverable__in=deliverables, phase=Phase.HERO, state=TakeState.READY, mark=TakeMark.NONE
    )
    newest = {take.deliverable_id: take for take in waiting.select_related("poster").order_by("number")}
    return [_review_row(row, newest.get(row.pk), member, today) for row in deliverables]


def _review_row(row: Deliverable, take: Take | None, member: Membership, today: datetime.date) -> Row:
    return _row(
        REVIEW, row.pk, row, member, today,
        asked_by=str(row.created_by or ""), asked_at=(take and take.ended_at) or row.updated_at, price=None,
        poster=(take and take.poster) or row.poster, tier=take.tier if take else "", take=take,
        badges=_badges(row), own=False,
    )  # fmt: skip


def _row(
    kind: str, id_: uuid.UUID, deliverable: Deliverable, member: Membership, today: datetime.date,
    *, asked_by: str, asked_at: datetime.datetime, price: Decimal | None, poster: Any, tier: str,
    badges: Sequence[tuple[str, str]], own: bool, take: Take | None = None, asker: uuid.UUID | None = None,
) -> Row:  # fmt: skip
    slug = member.workspace.slug
    has_picture = poster is not None and poster.name
    return Row(
        kind=kind,
        id=id_,
        deliverable=deliverable,
        tier=tier,
        asked_by=asked_by,
        asked_at=asked_at,
        late=bool(deliverable.due_on and deliverable.due_on < today),
        poster=reverse("generation:rendition", args=[slug, poster.pk, "thumbnail"]) if has_picture else "",
        price=price,
        cap=None,
        href=f"{reverse('generation:approvals', args=[slug])}?request={id_}",
        take=take,
        own=own,
        asker=asker,
        badges=badges,
    )


def _badges(deliverable: Deliverable, quote: Mapping[str, Any] | None = None) -> list[tuple[str, str]]:
    """What a manager would not expect: words and their sign."""
    found = []
    steps = quote["decision"]["steps"] if quote else ()
    if any(step["chosen"] and step["chosen"]["fallback"] for step in steps):
        found.append(("not the route's first model", "route"))
    if deliverable.cap is not None:
        found.append(("own cap", "flag"))
    if deliverable.extra_drafts or deliverable.extra_heroes:
        found.append(("cap raised", "plus"))
    return found


def _completed(found: Sequence[Row], member: Membership, now: datetime.datetime) -> Iterable[Row]:
    """The rows with what takes one question for all: caps, budgets, who looks, what each take shows."""
    try:
        table = tables.current(member.workspace)
    except tables.NoTable:
        table = None
    left = inbox_budgets.left(member.workspace, now=now) if found else ()
    looking = claims.looking([row.id for row in found], but=member)
    shown = strips.viewers([row.take for row in found if row.take], slug=member.workspace.slug)
    for row in found:
        phase = Phase.HERO if row.kind == SPEND else Phase.DRAFT
        budget = None
        if row.price is not None:
            budget = inbox_budgets.tightest(left, row.deliverable, phase=phase, person=row.asker)
        yield dataclasses.replace(
            row,
            cap=caps.cap_of(table, row.deliverable),
            budget_after=budget.left - (row.price or ZERO) if budget else None,
            budget_name=budget.name if budget else "",
            looking=looking.get(row.id, ()),
            shown=shown.get(row.take.pk) if row.take else None,
        )


def _by_due_then_price(row: Row) -> tuple[Any, ...]:
    due = row.deliverable.due_on
    return (due is None, due or datetime.date.min, row.price or ZERO, row.asked_at)
