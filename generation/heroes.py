"""Hero requests: a manager approves one exact expensive render before its money is spent.

Approving records the decision, makes the take and holds the money in one transaction; the take is
submitted after `HERO_UNDO_SECONDS`, until when undo takes it all back. A change of what was asked for
voids the request; a dearer quote asks again.
"""

from __future__ import annotations

import datetime
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils import timezone

from billing import holds
from billing.money import booked
from generation import agreed, hero_records, hero_voids, orders, quotes, requests, standing_rules, takes
from generation.models import Run
from generation.models.runs import Lane, RunState
from generation.quotes import Quote
from generation.requests import Resolved
from projects import access, board, decisions
from projects.access import Right
from projects.models import (
    Deliverable,
    HeroDecision,
    HeroRequest,
    Membership,
    Phase,
    StandingRule,
    Take,
)
from projects.models.decisions import RequestState
from projects.models.takes import TakeMark, TakeState
from projects.problems import Invalid, Refused
from routing.decision import Decision


class HeroRefused(Refused):
    """The hero request cannot be made or decided as it stands."""

    title = "This hero request cannot go on"


class NeedsAnotherApprover(HeroRefused):
    """One's own request, while somebody else could approve it."""

    status = 403
    title = "Somebody else has to approve this"


def request(
    *,
    take: Take,
    by: Membership,
    note: str = "",
    seen: Decimal | None = None,
    now: datetime.datetime | None = None,
) -> HeroRequest:
    """Asks for the hero render of a selected draft, at today's price; managers are told.

    Where a standing rule of the project covers it, and there is budget, it comes back approved. Raises
    HeroRefused where the take is no selected draft, or where the same request waits already or was sent back
    for changes; NotOpen, NoRoute, CapReached, and Dearer where it costs more than the price at most that the
    asker has `seen`; then nothing was changed.
    """
    access.require(by, Right.MAKE)
    now = now or timezone.now()
    deliverable = take.deliverable
    resolved = hero_voids.resolved(deliverable, take, now, by.person_id)
    takes.check_possible(resolved.decision)
    quote = quotes.of(resolved.decision, resolved.budgets)
    rule = standing_rules.for_request(deliverable, by=by, now=now)
    agreed.check(what="This render", at_most=quote.at_most, confirmed=seen, currency=quote.currency)
    try:
        with transaction.atomic():
            decisions.lock(deliverable, take)
            takes.check_open(deliverable)
            _check_selected(take)
            _check_new(deliverable, resolved.request_hash)
            takes.check_cap(deliverable, orders.of_resolved(resolved), 1)
            row = _asked(take, resolved, quote, note, by, now)
            board.refresh(deliverable.pk)
            hero_records.requested(row, by, now)
            if rule is None or not _approved_by_rule(rule, row, now):
                hero_records.tell_managers(row, by, now)
    except IntegrityError:
        raise HeroRefused(
            "This hero render is asked for already.", remedy="A manager finds it under Approvals."
        ) from None
    return row


def approve(
    *,
    hero_request: HeroRequest,
    by: Membership,
    note: str = "",
    seen: Decimal | None = None,
    now: datetime.datetime | None = None,
) -> HeroRequest:
    """Approves the spending: decision, take and holds in one transaction; submitted after the undo time.

    `seen` is the price at most that the approver was shown: a second click, or another's older page, agrees
    to none that came after it. Raises NeedsAnotherApprover, BudgetRefused, CapReached; HeroRefused where it
    was decided already, where what it asked for has changed (it is void then), or where it costs more than
    was shown or seen (the new price is shown then, and can be approved).
    """
    access.require(by, Right.APPROVE)
    now = now or timezone.now()
    self_approved = _check_approver(hero_request, by)
    _check_unchanged(hero_request, now)
    _check_seen(hero_request, seen)
    decision = requests.priced(
        deliverable=hero_request.deliverable,
        request=hero_request.request,
        person_id=hero_request.requested_by_id,
        now=now,
    )
    _check_price(hero_request, decision.at_most)
    with transaction.atomic():
        decisions.lock(hero_request.deliverable)
        take = _approved(hero_request, decision, now)
        HeroRequest.objects.filter(pk=hero_request.pk).update(hero_take=take, self_approved=self_approved)
        hero_records.decided(hero_request, HeroDecision.Kind.APPROVE, by, note, now, amount=decision.at_most)
        board.refresh(hero_request.deliverable_id)
    hero_request.refresh_from_db()
    return hero_request


def decline(
    *, hero_request: HeroRequest, by: Membership, note: str, now: datetime.datetime | None = None
) -> HeroRequest:
    """Asks for changes; the note says which, and is needed."""
    access.require(by, Right.APPROVE)
    if not note.strip():
        raise Invalid({"note": ["Say what has to change; the producer reads it."]})
    now = now or timezone.now()
    with transaction.atomic():
        _decide(hero_request, RequestState.DECLINED, now)
        hero_records.decided(hero_request, HeroDecision.Kind.DECLINE, by, note, now)
        board.refresh(hero_request.deliverable_id)
    hero_request.refresh_from_db()
    return hero_request


def undo(*, hero_request: HeroRequest, by: Membership, now: datetime.datetime | None = None) -> HeroRequest:
    """Takes an approval back while nothing was submitted: the take is cancelled, its money released.

    The request waits again; it is void where the same render was asked for anew meanwhile, which waits.
    """
    access.require(by, Right.APPROVE)
    now = now or timezone.now()
    with transaction.atomic():
        decisions.lock(hero_request.deliverable)
        row = HeroRequest.objects.select_for_update(of=("self",)).get(pk=hero_request.pk)
        take = row.hero_take
        if row.state != RequestState.APPROVED or take is None:
            raise HeroRefused("This request is not approved.", remedy="Reload the page.")
        _stop_unsubmitted(take, now)
        again = _taken_back(row, now)
        HeroRequest.objects.filter(pk=row.pk).update(
            **again, submit_at=None, hero_take=None, standing_rule=None
        )
        is_void = again["state"] == RequestState.VOID
        told = hero_records.VOID_AFTER_UNDO if is_void else ""
        hero_records.decided(row, HeroDecision.Kind.UNDO, by, "", now, told=told)
        board.refresh(hero_request.deliverable_id)
    hero_request.refresh_from_db()
    return hero_request


# --- checks ---------------------------------------------------------------------------------------


def _check_selected(take: Take) -> None:
    if take.phase != Phase.DRAFT or take.state != TakeState.READY:
        raise HeroRefused(f"Take {take.number} is no finished draft.", remedy="Select a draft that is ready.")
    if take.mark != TakeMark.SELECTED:
        raise HeroRefused(f"Take {take.number} is not selected.", remedy="Select it first, then ask again.")


def _check_new(deliverable: Deliverable, request_hash: str) -> None:
    """What a manager asked to have changed does not come back as it was."""
    declined = HeroRequest.objects.filter(
        deliverable=deliverable, request_hash=request_hash, state=RequestState.DECLINED
    )
    if declined.exists():
        raise HeroRefused(
            "A manager asked for changes to exactly this render.",
            remedy="Change the prompt or select another draft, as the note says; then ask again.",
        )


def _check_approver(hero_request: HeroRequest, by: Membership) -> bool:
    """Whether it is self-approved; raises where somebody else could approve one's own request."""
    if hero_request.requested_by_id != by.person_id:
        return False
    others = Membership.objects.filter(workspace=hero_request.workspace_id, ended_at__isnull=True).exclude(
        pk=by.pk
    )
    if others.exists():
        raise NeedsAnotherApprover(
            "You asked for this hero render yourself.", remedy="Another manager has to approve it."
        )
    return True


def _check_unchanged(hero_request: HeroRequest, now: datetime.datetime) -> None:
    if hero_request.state == RequestState.WAITING and hero_voids.void_if_changed(hero_request, now):
        raise HeroRefused(
            "What was asked for has changed since, so the request is void.",
            remedy="The producer asks again for what is wanted now.",
        )


def _check_price(hero_request: HeroRequest, at_most: Decimal) -> None:
    """The approval holds up to what was shown; a dearer quote is written down and asks again."""
    now_at_most = booked(at_most)
    if now_at_most <= hero_request.at_most:
        return
    before, currency = hero_request.at_most, hero_request.workspace.currency
    HeroRequest.objects.filter(pk=hero_request.pk, state=RequestState.WAITING).update(
        at_most=now_at_most, shown_amount=F("shown_amount") + (now_at_most - before)
    )
    raise _dearer(before, now_at_most, currency)


def _check_seen(hero_request: HeroRequest, seen: Decimal | None) -> None:
    """Refuses who agreed to less than what was written down since."""
    if hero_request.state == RequestState.WAITING and seen is not None and seen < hero_request.at_most:
        raise _dearer(seen, hero_request.at_most, hero_request.workspace.currency)


def _dearer(before: Decimal, at_most: Decimal, currency: str) -> HeroRefused:
    return HeroRefused(
        f"It costs at most {at_most:.2f} {currency} now, not {before:.2f}.",
        remedy="The new price is shown; approve it again if it is right.",
        extra={"shown": f"{before:.8f}", "at_most": f"{at_most:.8f}", "currency": currency},
    )


def _stop_unsubmitted(take: Take, now: datetime.datetime) -> None:
    """Cancels every run of a take of which nothing was sent, and releases its holds; else refuses."""
    runs = list(Run.objects.select_for_update().filter(take=take).order_by("pk"))
    begun = [run for run in runs if run.state not in (RunState.PLANNED, RunState.QUEUED)]
    if begun or any(run.attempts or run.lease for run in runs):
        raise HeroRefused("The render has begun, so the approval stands.", remedy="Cancel the take instead.")
    Run.objects.filter(take=take).update(state=RunState.CANCELLED, lane=Lane.NONE, due_at=None, ended_at=now)
    Take.objects.filter(pk=take.pk).update(
        state=TakeState.CANCELLED, ended_at=now, failure=hero_records.TAKEN_BACK
    )
    for hold in take.holds.filter(outcome__isnull=True).order_by("pk"):
        holds.void(hold=hold, reason="approval taken back", now=now)


# --- writing --------------------------------------------------------------------------------------


def _asked(
    take: Take, resolved: Resolved, quote: Quote, note: str, by: Membership, now: datetime.datetime
) -> HeroRequest:
    """The request with the price that is shown, and what it was reckoned from."""
    return HeroRequest.objects.create(
        workspace=take.deliverable.workspace,
        deliverable=take.deliverable,
        take=take,
        request=resolved.request,
        request_hash=resolved.request_hash,
        routing_version=resolved.routing_version,
        price_rows=_price_rows(resolved),
        quote=quote.document(),
        shown_amount=quote.amount,
        at_most=quote.at_most,
        note=note.strip(),
        requested_by=by.person,
        requested_at=now,
    )


def _approved(hero_request: HeroRequest, decision: Decision, now: datetime.datetime) -> Take:
    """Decides and makes the take with its holds, to be submitted after the undo time."""
    submit_at = now + datetime.timedelta(seconds=settings.HERO_UNDO_SECONDS)
    _decide(hero_request, RequestState.APPROVED, now, submit_at=submit_at)
    order = orders.Order(
        request=hero_request.request,
        decision=decision,
        routing_version=hero_request.routing_version,
        seed_policy=hero_request.deliverable.campaign.seed_policy,
    )
    round_ = takes.make_round(
        deliverable=hero_request.deliverable,
        order=order,
        count=1,
        by=_asker(hero_request),
        now=now,
        due_at=submit_at,
    )
    return round_.takes.get()


def _approved_by_rule(rule: StandingRule, row: HeroRequest, now: datetime.datetime) -> bool:
    """Approves the request by a standing rule; False where the rule or a budget has no room, and it waits."""
    try:
        decision = requests.priced(
            deliverable=row.deliverable, request=row.request, person_id=row.requested_by_id, now=now
        )
        if not standing_rules.has_room(rule, booked(decision.at_most), now=now):
            return False
        with transaction.atomic():
            take = _approved(row, decision, now)
            HeroRequest.objects.filter(pk=row.pk).update(hero_take=take, standing_rule=rule)
            hero_records.decided_by_rule(row, rule, now, amount=decision.at_most)
    except Refused:
        return False
    except IntegrityError as error:
        if standing_rules.is_bound(error):
            return False
        raise
    board.refresh(row.deliverable_id)
    row.refresh_from_db()
    return True


def _decide(
    hero_request: HeroRequest,
    state: str,
    now: datetime.datetime,
    *,
    submit_at: datetime.datetime | None = None,
) -> None:
    """Compares and sets: a request that is decided already is refused."""
    changed = HeroRequest.objects.filter(pk=hero_request.pk, state=RequestState.WAITING).update(
        state=state, decided_at=now, submit_at=submit_at
    )
    if not changed:
        raise HeroRefused("This request was decided already.", remedy="Reload the page.")


def _taken_back(row: HeroRequest, now: datetime.datetime) -> dict[str, Any]:
    """How a request goes on whose approval was taken back; its deliverable is locked."""
    same = HeroRequest.objects.filter(take=row.take_id, request_hash=row.request_hash)
    if same.filter(state=RequestState.WAITING).exists():
        reason = "The same render was asked for again."
        return {"state": RequestState.VOID, "decided_at": now, "void_reason": reason}
    return {"state": RequestState.WAITING, "decided_at": None}


def _asker(hero_request: HeroRequest) -> Membership:
    return Membership.objects.select_related("person", "workspace").get(
        workspace=hero_request.workspace_id, person=hero_request.requested_by_id
    )


def _price_rows(resolved: Resolved) -> list[Any]:
    found = {choice.price_row for plan in resolved.decision.steps for choice in plan.choices}
    return sorted(row for row in found if row)


def changes_asked(hero_request: HeroRequest | None) -> HeroDecision | None:
    """Who declined the request and with which note; None for one that was not declined."""
    if hero_request is None or hero_request.state != RequestState.DECLINED:
        return None
    found = HeroDecision.objects.filter(hero_request=hero_request, decision=HeroDecision.Kind.DECLINE)
    return found.select_related("by").order_by("-sequence").first()
