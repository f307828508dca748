"""What a hero request leaves behind: its decisions, the events of its deliverable, and who is told."""

from __future__ import annotations

import datetime
from decimal import Decimal

from billing.money import booked
from generation import lanes
from generation.canonical import digest
from projects import events, notices
from projects.models import HeroDecision, HeroRequest, Membership, Role, StandingRule
from projects.models.notices import NoticeKind

#: What the take of an approval that was taken back says.
TAKEN_BACK = "The approval was taken back."
TOLD = {
    HeroDecision.Kind.APPROVE: "was approved by {by}",
    HeroDecision.Kind.DECLINE: "was declined by {by}",
    HeroDecision.Kind.UNDO: "waits again: {by} took the approval back",
}
VOID_AFTER_UNDO = "is void: {by} took the approval back, and the same render was asked for again"


def decided(
    hero_request: HeroRequest,
    kind: str,
    by: Membership,
    note: str,
    now: datetime.datetime,
    *,
    amount: Decimal | None = None,
    told: str = "",
) -> None:
    """Writes a decision and its event, and tells who asked; `amount` is what was approved at most.

    `told` are other words than the usual ones of the decision.

    In the caller's transaction, as everything here.
    """
    HeroDecision.objects.create(
        workspace_id=hero_request.workspace_id,
        hero_request=hero_request,
        decision=kind,
        note=note.strip(),
        amount=None if amount is None else booked(amount),
        standing_rule_id=hero_request.standing_rule_id if kind == HeroDecision.Kind.UNDO else None,
        by=by.person,
        at=now,
    )
    words = {"approve": "approved", "decline": "declined", "undo": "undone"}
    events.record(
        workspace=hero_request.workspace,
        kind=f"hero.{words[kind]}",
        by=by,
        at=now,
        deliverable=hero_request.deliverable,
        take=hero_request.take,
        note=note,
    )
    what = told or TOLD[HeroDecision.Kind(kind)]
    tell_asker(hero_request, what.format(by=by.person), note, now)


def decided_by_rule(
    hero_request: HeroRequest, rule: StandingRule, now: datetime.datetime, *, amount: Decimal
) -> None:
    """Writes that a standing rule approved, in the name of who set it, and tells who asked."""
    HeroDecision.objects.create(
        workspace_id=hero_request.workspace_id,
        hero_request=hero_request,
        decision=HeroDecision.Kind.APPROVE,
        amount=booked(amount),
        standing_rule=rule,
        by=rule.set_by,
        at=now,
    )
    events.record(
        workspace=hero_request.workspace,
        kind="hero.approved_by_rule",
        at=now,
        deliverable=hero_request.deliverable,
        take=hero_request.take,
        rule=str(rule.pk),
        set_by=str(rule.set_by),
        amount=f"{booked(amount):.8f}",
    )
    tell_asker(hero_request, f"was approved by the standing rule of {rule.set_by}", "", now)


def requested(row: HeroRequest, by: Membership, now: datetime.datetime) -> None:
    """Writes that a hero render was asked for."""
    events.record(
        workspace=row.workspace,
        kind="hero.requested",
        by=by,
        at=now,
        deliverable=row.deliverable,
        take=row.take,
        amount=f"{row.shown_amount:.8f}",
    )


def tell_managers(row: HeroRequest, by: Membership, now: datetime.datetime) -> None:
    """Tells the managers that a hero render waits for one of them."""
    name = row.deliverable.name
    notices.notify(
        members=notices.members_with(row.workspace, Role.MANAGER),
        kind=NoticeKind.APPROVAL_WAITING,
        title=f"{by.person} asks for the hero render of {name}",
        body=f"At most {row.at_most:.2f} {row.workspace.currency}. {row.note}".strip(),
        url=f"/w/{row.workspace.slug}/approvals/",
        dedupe=str(row.pk),
        now=now,
    )
    lanes.ring("notify")


def tell_asker(hero_request: HeroRequest, what: str, note: str, now: datetime.datetime) -> None:
    """Notifies the person who asked: "Your hero request for … `what`"."""
    notices.notify(
        members=Membership.objects.filter(
            workspace=hero_request.workspace_id, person=hero_request.requested_by_id
        ),
        kind=NoticeKind.REQUEST_DECIDED,
        title=f"Your hero request for {hero_request.deliverable.name} {what}",
        body=note,
        url=f"/w/{hero_request.workspace.slug}/deliverables/{hero_request.deliverable_id}/",
        dedupe=f"hero:{hero_request.pk}:{digest(what)[:16]}:{now.timestamp():.0f}",
        now=now,
    )
    lanes.ring("notify")
