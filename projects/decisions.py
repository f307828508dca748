"""The grammar of decisions: what may be decided when, and the row that says so.

Only an open deliverable is accepted or written off; only the decision in force is reversed, and then it
is open; an accepted take cannot be rejected before. The database holds the same by a trigger.
Money follows in the room above: call `billing.pots.decide`, which calls `record` in its transaction.
"""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from django.utils import timezone

from projects import events
from projects.models import Campaign, Decision, Deliverable, Person, Take, Workspace
from projects.models.decisions import DecisionKind
from projects.models.takes import TakeMark
from projects.models.work import DeliverableState
from projects.problems import Refused

_EVENTS = {
    DecisionKind.SELECT: "take.selected",
    DecisionKind.ACCEPT: "take.accepted",
    DecisionKind.REJECT: "take.rejected",
    DecisionKind.REVERSE: "take.reversed",
    DecisionKind.WRITE_OFF: "deliverable.written_off",
    DecisionKind.REOPEN: "deliverable.reopened",
    DecisionKind.END_CAMPAIGN: "campaign.ended",
}
_MARKS = {
    DecisionKind.SELECT: TakeMark.SELECTED,
    DecisionKind.ACCEPT: TakeMark.ACCEPTED,
    DecisionKind.REJECT: TakeMark.REJECTED,
    DecisionKind.REVERSE: TakeMark.NONE,
}
_STATES = {
    DecisionKind.ACCEPT: DeliverableState.ACCEPTED,
    DecisionKind.WRITE_OFF: DeliverableState.WRITTEN_OFF,
    DecisionKind.REVERSE: DeliverableState.OPEN,
    DecisionKind.REOPEN: DeliverableState.OPEN,
}


class AgainstGrammar(Refused):
    """The decision does not fit the state of its deliverable or take."""

    status = 409
    title = "This decision does not fit"


def check(*, deliverable: Deliverable, take: Take | None, decision: str) -> None:
    """Raises AgainstGrammar unless the decision fits what is in force. Call it under the row lock."""
    label = DeliverableState(deliverable.state).label.lower()
    if decision in (DecisionKind.ACCEPT, DecisionKind.WRITE_OFF):
        if deliverable.state != DeliverableState.OPEN:
            remedy = (
                "Withdraw its sign-off first."
                if deliverable.state == DeliverableState.ACCEPTED
                else "Reopen it first."
            )
            raise AgainstGrammar(f"{deliverable.name} is {label} already.", remedy=remedy)
    elif decision == DecisionKind.REVERSE:
        if not _carries_sign_off(deliverable, take):
            raise AgainstGrammar(
                "This take is not signed off, so there is nothing to withdraw.",
                remedy="Withdraw the sign-off on the take that carries it.",
            )
    elif decision == DecisionKind.REOPEN:
        if deliverable.state != DeliverableState.WRITTEN_OFF:
            raise AgainstGrammar(f"{deliverable.name} is not dropped.", remedy="Nothing to do.")
    elif decision == DecisionKind.REJECT and take is not None and _carries_sign_off(deliverable, take):
        raise AgainstGrammar(
            f"Take {take.number} is signed off.",
            remedy="Withdraw its sign-off before rejecting it.",
        )


def _carries_sign_off(deliverable: Deliverable, take: Take | None) -> bool:
    """Whether the sign-off in force is on this take; its mark may say *selected* since."""
    if take is None or deliverable.state != DeliverableState.ACCEPTED:
        return False
    standing = in_force(deliverable)
    return standing is not None and standing.take_id == take.pk


def in_force(deliverable: Deliverable) -> Decision | None:
    """The acceptance or write-off that stands, or None while the deliverable is open."""
    return (
        Decision.objects.filter(
            deliverable=deliverable,
            decision__in=[DecisionKind.ACCEPT, DecisionKind.WRITE_OFF],
            reversed_by__isnull=True,
        )
        .order_by("-sequence")
        .first()
    )


def record(
    *,
    deliverable: Deliverable,
    take: Take | None,
    decision: str,
    by: Person | None,
    at: datetime.datetime | None = None,
    by_email: str = "",
    reasons: Sequence[str] = (),
    note: str = "",
    as_is: bool = False,
    money_saved: Decimal | None = None,
    imported: bool = False,
) -> Decision:
    """Checks and writes one decision with what follows from it: the take's mark, the deliverable's state.

    Runs in the caller's transaction and locks the deliverable, then the take. Raises AgainstGrammar,
    in which case nothing was changed. `deliverable` and `take` are refreshed in place.
    """
    at = at or timezone.now()
    lock(deliverable, take)
    check(deliverable=deliverable, take=take, decision=decision)
    row = Decision.objects.create(
        **_about(deliverable, take, decision),
        reasons=list(reasons),
        note=note,
        as_is=as_is,
        money_saved=money_saved,
        at=at,
        by=by,
        by_email=by.email if by else by_email,
        imported=imported,
    )
    _follow(deliverable, take, decision, at)
    if not imported:
        _tell(row, deliverable, take)
    return row


def end_campaign(
    *,
    campaign: Campaign,
    workspace: Workspace,
    by: Person | None,
    at: datetime.datetime,
    by_email: str = "",
    imported: bool = False,
) -> Decision:
    """Ends a campaign by a dated decision; ending it twice is refused."""
    if campaign.ended_at is not None:
        raise AgainstGrammar(f"{campaign.name} has ended already.", remedy="Nothing to do.")
    row = Decision.objects.create(
        workspace=workspace,
        campaign=campaign,
        decision=DecisionKind.END_CAMPAIGN,
        at=at,
        by=by,
        by_email=by.email if by else by_email,
        imported=imported,
    )
    Campaign.objects.filter(pk=campaign.pk).update(ended_at=at)
    campaign.ended_at = at
    return row


def lock(deliverable: Deliverable, take: Take | None = None) -> None:
    """Locks the deliverable's row, then the take's, and takes over their present state."""
    now = Deliverable.objects.select_for_update(of=("self",), no_key=True).get(pk=deliverable.pk)
    deliverable.state, deliverable.accepted_at = now.state, now.accepted_at
    if take is not None:
        present = Take.objects.select_for_update(of=("self",)).get(pk=take.pk)
        take.mark, take.state = present.mark, present.state


def _about(deliverable: Deliverable, take: Take | None, decision: str) -> dict[str, Any]:
    """What a decision is about, and which one it takes back."""
    reversing = decision in (DecisionKind.REVERSE, DecisionKind.REOPEN)
    return {
        "workspace_id": deliverable.workspace_id,
        "campaign_id": deliverable.campaign_id,
        "deliverable": deliverable,
        "take": take,
        "decision": decision,
        "reverses": in_force(deliverable) if reversing else None,
    }


def _tell(row: Decision, deliverable: Deliverable, take: Take | None) -> None:
    events.record(
        workspace=deliverable.workspace,
        kind=_EVENTS[DecisionKind(row.decision)],
        by=row.by,
        at=row.at,
        deliverable=deliverable,
        take=take,
        reasons=row.reasons,
        note=row.note,
        as_is=row.as_is,
    )


def _follow(deliverable: Deliverable, take: Take | None, decision: str, at: datetime.datetime) -> None:
    kind = DecisionKind(decision)
    if take is not None and kind in _MARKS:
        take.mark = _MARKS[kind]
        Take.objects.filter(pk=take.pk).update(mark=take.mark)
    if kind in _STATES:
        deliverable.state = _STATES[kind]
        deliverable.accepted_at = at if kind == DecisionKind.ACCEPT else None
        Deliverable.objects.filter(pk=deliverable.pk).update(
            state=deliverable.state, accepted_at=deliverable.accepted_at
        )
