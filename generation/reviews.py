"""Deciding on takes: select, reject, sign off, withdraw; dropping and reopening deliverables.

Who may: producers select and reject; reviewers sign off drafts where drafts are delivered; managers sign
off hero takes, drafts *as is* and write off.
"""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from decimal import Decimal

from django.db import transaction
from django.utils import timezone

from billing import pots
from generation import cancel, hero_voids, quotes
from generation.requests import NoRoute
from projects import access, board
from projects.access import Right
from projects.models import Decision, Deliverable, Membership, Phase, RejectReason, Take, TakeView
from projects.models.decisions import DecisionKind
from projects.models.takes import TakeMark, TakeState
from projects.models.work import DeliverableState
from projects.problems import Invalid, Refused

ON_TAKES = (
    DecisionKind.SELECT,
    DecisionKind.ACCEPT,
    DecisionKind.REJECT,
    DecisionKind.REVERSE,
)
VIEW_AGAIN = datetime.timedelta(minutes=1)


class NotDecidable(Refused):
    """The take is not one that this decision can be made on."""

    title = "This take cannot be decided so"


def review(
    *,
    take: Take,
    decision: str,
    by: Membership,
    reasons: Sequence[str] = (),
    note: str = "",
    as_is: bool = False,
    now: datetime.datetime | None = None,
) -> Decision:
    """Decides on a take, with all that follows from it, or changes nothing.

    Raises MissingRight, Invalid, NotDecidable, or AgainstGrammar.
    """
    now = now or timezone.now()
    _check_values(decision, reasons)
    deliverable = take.deliverable
    _check_right(take, decision, by)
    _check_take(take, decision)
    if decision == DecisionKind.ACCEPT:
        _check_as_is(take, note, as_is=as_is)
    saved = _money_saved(take, now) if decision == DecisionKind.ACCEPT and as_is else None
    with transaction.atomic():
        row = pots.decide(
            deliverable=deliverable,
            take=take,
            decision=decision,
            by=by,
            at=now,
            reasons=list(reasons),
            note=note.strip(),
            as_is=as_is and decision == DecisionKind.ACCEPT,
            money_saved=saved,
        )
        if decision == DecisionKind.ACCEPT:
            hero_voids.void_waiting(deliverable=deliverable, reason="It was signed off.", note=note, now=now)
        if decision == DecisionKind.REJECT:
            hero_voids.void_waiting(
                deliverable=deliverable, take=take, reason="Its draft was rejected.", note=note, now=now
            )
        board.refresh(deliverable.pk)
    return row


def rejected_for(take: Take) -> str:
    """Why a rejected take was rejected, in words; empty for any other take."""
    if take.mark != TakeMark.REJECTED:
        return ""
    row = Decision.objects.filter(take=take, decision=DecisionKind.REJECT).order_by("sequence").last()
    if row is None:
        return ""
    reasons = ", ".join(str(RejectReason(reason).label) for reason in row.reasons)
    return ": ".join(part for part in (reasons, row.note) if part)


def settled(deliverable: Deliverable) -> Decision | None:
    """The sign-off or write-off in force, with who decided it and on which take; None while it is open."""
    if deliverable.state == DeliverableState.OPEN:
        return None
    kinds = (DecisionKind.ACCEPT, DecisionKind.WRITE_OFF)
    found = Decision.objects.filter(deliverable=deliverable, decision__in=kinds)
    return found.select_related("by", "take").order_by("-at", "-sequence").first()


def write_off(
    *, deliverable: Deliverable, reason: str, by: Membership, now: datetime.datetime | None = None
) -> Decision:
    """Drops a deliverable: what waits is cancelled, what runs settles into written off."""
    access.require(by, Right.APPROVE)
    if not reason.strip():
        raise Invalid({"reason": ["Say why it is dropped; finance reads it."]})
    now = now or timezone.now()
    with transaction.atomic():
        row = pots.decide(
            deliverable=deliverable,
            take=None,
            decision=DecisionKind.WRITE_OFF,
            by=by,
            at=now,
            note=reason.strip(),
        )
        hero_voids.void_waiting(
            deliverable=deliverable, reason="The deliverable was dropped.", note=reason, now=now
        )
        cancel.cancel_waiting(deliverable=deliverable, by=by, now=now)
        board.refresh(deliverable.pk)
    return row


def reopen(
    *, deliverable: Deliverable, reason: str, by: Membership, now: datetime.datetime | None = None
) -> Decision:
    """Takes a write-off back: the deliverable and its cash are open again."""
    access.require(by, Right.APPROVE)
    with transaction.atomic():
        row = pots.decide(
            deliverable=deliverable,
            take=None,
            decision=DecisionKind.REOPEN,
            by=by,
            at=now or timezone.now(),
            note=reason.strip(),
        )
        board.refresh(deliverable.pk)
    return row


def opened(*, take: Take, by: Membership, now: datetime.datetime | None = None) -> None:
    """Notes that a person opened a take: review time runs from here. Once a minute is enough."""
    now = now or timezone.now()
    lately = TakeView.objects.filter(take=take, person=by.person_id, at__gt=now - VIEW_AGAIN)
    if take.mark == TakeMark.NONE and take.state == TakeState.READY and not lately.exists():
        TakeView.objects.create(workspace_id=take.workspace_id, take=take, person=by.person, at=now)


def may_accept(take: Take, by: Membership) -> bool:
    """Whether the member may sign this take off (a hero category's draft only as is)."""
    return right_to_accept(take) in access.rights_of(by)


def right_to_accept(take: Take) -> str:
    """Signing off a draft where drafts are delivered is a reviewer's, all else a manager's."""
    delivered = take.deliverable.category.delivered_in
    drafts = take.phase == Phase.DRAFT and delivered == Phase.DRAFT
    return Right.ACCEPT_DRAFTS if drafts else Right.APPROVE


def _check_values(decision: str, reasons: Sequence[str]) -> None:
    if decision not in ON_TAKES:
        raise Invalid({"decision": [f"Choose one of {', '.join(ON_TAKES)}."]})
    if unknown := [reason for reason in reasons if reason not in RejectReason.values]:
        raise Invalid(
            {"reasons": [f"Unknown: {', '.join(unknown)}."]},
            remedy=f"Known are {', '.join(RejectReason.values)}.",
        )


def _check_right(take: Take, decision: str, by: Membership) -> None:
    if decision in (DecisionKind.ACCEPT, DecisionKind.REVERSE):
        access.require(by, right_to_accept(take))
    else:
        access.require(by, Right.MAKE)


def _check_take(take: Take, decision: str) -> None:
    if decision != DecisionKind.REVERSE and take.state != TakeState.READY:
        raise NotDecidable(
            f"Take {take.number} is not ready.", remedy="Wait until it is, or choose another one."
        )
    if decision == DecisionKind.SELECT and take.phase != Phase.DRAFT:
        raise NotDecidable(
            f"Take {take.number} is a hero take.", remedy="Hero takes are signed off or rejected."
        )


def _check_as_is(take: Take, note: str, *, as_is: bool) -> None:
    """A draft of a category that is delivered as hero is accepted only as is, with a note."""
    delivered = take.deliverable.category.delivered_in
    if take.phase == Phase.HERO or delivered == Phase.DRAFT:
        return
    if not as_is:
        raise NotDecidable(
            f"{take.deliverable.category.name} is delivered as a hero render; this is a draft.",
            remedy="Ask for the hero render, or sign the draft off as is, with a note.",
        )
    if not note.strip():
        raise Invalid({"note": ["Say why the draft is good enough; finance reads it."]})


def _money_saved(take: Take, now: datetime.datetime) -> Decimal | None:
    """What the hero render would have cost, as the audit lists it; None where that cannot be told."""
    try:
        quote = quotes.quote(deliverable=take.deliverable, phase=Phase.HERO, source_take=take, now=now)
    except (Invalid, NoRoute):
        return None
    return quote.amount
