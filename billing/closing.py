"""Closing a month: open → under review → signed by the first → closed by the second.

A signature stands for figures, accruals included: it holds the hash of their document, and where these
change it has to be given again. What is closed is a frozen row (`MonthClose`); the database refuses any
entry or decision dated into it, and corrections are adjustments in an open month.
"""

from __future__ import annotations

import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from billing import (
    accruals,
    agreements,
    closing_checks,
    credits,
    exceptions,
    months,
    periods,
    pots,
    sampling,
    snapshots,
    unsettled,
)
from billing.closing_checks import Check
from billing.invoices import statement
from billing.models import MonthClose, MonthStep
from billing.models.closing import Settlement, StepKind
from billing.months import Span
from billing.standing import Standing, standing
from billing.unsettled import Unsettled
from projects import events
from projects.models import Membership, Workspace
from projects.problems import Invalid, Refused


class CannotClose(Refused):
    """Something is missing or changed; nothing was done."""

    title = "This month cannot be closed yet"


def begin(*, workspace: Workspace, month: str, by: Membership, now: datetime.datetime | None = None) -> None:
    """Puts a month that is over under review, settles its agreements, and books its credits that expired.

    Raises CannotClose (409) where it is not its turn, NoRate (422) where a fee cannot be exchanged; then
    nothing was done but what is booked every hour anyway: expired credits.
    """
    now = now or timezone.now()
    span = months.span(workspace, month)
    credits.expire_due(now=now, workspace=workspace)  # before the lock that every booking waits for
    with transaction.atomic():
        periods.lock(workspace.pk)
        if standing(workspace, month).state != "open":
            return
        _require_turn(workspace, month, span, now)
        agreements.settle(workspace=workspace, month=month, now=now)
        _step(workspace, month, StepKind.REVIEW, by, now)
    events.record(workspace=workspace, kind="month.review", by=by, at=now, month=month)


def take_back(*, workspace: Workspace, month: str, by: Membership, note: str) -> None:
    """Opens a month under review again; its steps count no more. A closed month stays closed (409)."""
    now = timezone.now()
    if not note.strip():
        raise Invalid({"note": ["Say why: those who have signed will want to know."]})
    with transaction.atomic():
        periods.lock(workspace.pk)
        if _require_review(workspace, month).state != "open":
            _step(workspace, month, StepKind.BACK, by, now, note=note.strip()[:300])
    events.record(workspace=workspace, kind="month.taken_back", by=by, at=now, month=month, note=note[:300])


def read_exceptions(*, workspace: Workspace, month: str, by: Membership) -> None:
    """Says that the exceptions were read, as they are now; others that come later have to be read too."""
    with transaction.atomic():
        periods.lock(workspace.pk)
        _require_review(workspace, month)
        digest = exceptions.digest(workspace=workspace, month=month)
        _step(workspace, month, StepKind.EXCEPTIONS_READ, by, timezone.now(), digest=digest)


def settle_provider(
    *,
    workspace: Workspace,
    month: str,
    by: Membership,
    provider: str,
    settlement: str,
    expected_on: datetime.date | None = None,
    note: str = "",
) -> None:
    """Says how a provider's usage of the month was settled; what was said last counts."""
    errors: dict[str, list[str]] = {}
    if provider not in closing_checks.providers(workspace, months.span(workspace, month)):
        errors["provider"] = [f"“{provider}” has no cash in this month."]
    if settlement not in Settlement.values:
        errors["settlement"] = [f"Choose one of {', '.join(Settlement.values)}."]
    if not errors and settlement == Settlement.INVOICE:
        found = statement.statement(workspace, provider, month)
        if not found.reconciled:
            errors["settlement"] = [
                "There is no invoice of it yet; import it first."
                if not found.invoices
                else "Its invoice is not reconciled: settle the open differences first."
            ]
    if settlement == Settlement.NOT_INVOICED and expected_on is None:
        errors["expected_on"] = ["Say by when the invoice is expected."]
    if settlement in (Settlement.USAGE, Settlement.BALANCE) and not note.strip():
        errors["note"] = ["Say which export or balance it was compared with, and what was found."]
    if errors:
        raise Invalid(errors)
    with transaction.atomic():
        periods.lock(workspace.pk)
        _require_review(workspace, month)
        expected = expected_on if settlement == Settlement.NOT_INVOICED else None
        step = {"provider": provider, "settlement": settlement, "expected_on": expected, "note": note[:300]}
        _step(workspace, month, StepKind.PROVIDER, by, timezone.now(), **step)


def sign(
    *, workspace: Workspace, month: str, by: Membership, now: datetime.datetime | None = None
) -> MonthStep:
    """The first signature, under the figures as they will be closed.

    Raises CannotClose (409) with all that is missing.
    """
    now = now or timezone.now()
    with transaction.atomic():
        calls = _locked(workspace, month)
        _require_review(workspace, month)
        _require(closing_checks.all_of(workspace, month, standing(workspace, month)))
        digest = snapshots.digest_of(_figures_with(calls, workspace, month, now))
        step = _step(workspace, month, StepKind.SIGNED, by, now, digest=digest)
    events.record(workspace=workspace, kind="month.signed", by=by, at=now, month=month)
    return step


def close(
    *,
    workspace: Workspace,
    month: str,
    by: Membership,
    note: str = "",
    now: datetime.datetime | None = None,
) -> MonthClose:
    """The second signature: books the accruals, freezes the month, and closes all before its end.

    Raises CannotClose (409) where something is missing, the figures are others than were signed, or `by`
    may not be the second; then nothing was changed. Again, it answers the close that stands.
    """
    now = now or timezone.now()
    span = months.span(workspace, month)
    with transaction.atomic():
        calls = _locked(workspace, month)
        before = standing(workspace, month)
        if before.close:
            return MonthClose.objects.get(pk=before.close.pk)
        signed = before.signed
        if signed is None:
            raise CannotClose("Nobody has signed these figures yet.", remedy="Let the first person sign.")
        _require(closing_checks.all_of(workspace, month, before))
        single = _require_second(workspace, month, signed, by)
        accruals.book(calls, span=span, now=now)
        figures = _as_signed(workspace, month, signed)
        digest, number = snapshots.digest(workspace, month, span, figures)
        row = MonthClose.objects.create(
            workspace=workspace,
            month=month,
            starts_at=span.start,
            ends_at=span.end,
            document=figures,
            digest=digest,
            entries=number,
            signed_by=signed.by,
            signed_at=signed.at,
            closed_by=by.person,
            closed_at=now,
            single_signature=single,
            note=note.strip()[:300],
        )
        events.record(workspace=workspace, kind="month.closed", by=by, at=now, month=month, digest=digest)
    return row


def _as_signed(workspace: Workspace, month: str, signed: MonthStep) -> dict[str, Any]:
    """The month's figures; CannotClose (409) where they are others than were signed."""
    figures = snapshots.document(workspace, month)
    if snapshots.digest_of(figures) != signed.digest:
        raise CannotClose(
            f"The figures have changed since {signed.by} signed them on "
            f"{signed.at.astimezone(months.zone_of(workspace)):%Y-%m-%d %H:%M}.",
            remedy="Look at what changed, take the review back or let the first person sign again.",
        )
    return figures


def differs(row: MonthClose) -> bool:
    """Whether the rows of a closed month are not those that were signed."""
    return snapshots.digest_of_close(row) != (row.digest, row.entries)


def _locked(workspace: Workspace, month: str) -> list[Unsettled]:
    """Keeps bookings of the workspace out, and answers what is to be accrued.

    Deliverables are locked before, as those who book do; a call that came meanwhile is refused.
    """
    span = months.span(workspace, month)
    known = unsettled.before(workspace, span.end)
    pots.lock(pots.deliverables_of(call.hold.take_id for call in known))
    periods.lock(workspace.pk)
    calls = unsettled.before(workspace, span.end)
    if {call.hold.pk for call in calls} - {call.hold.pk for call in known}:
        raise CannotClose("A call of this month has just come in.", remedy="Try again.")
    return calls


def _figures_with(
    calls: list[Unsettled], workspace: Workspace, month: str, now: datetime.datetime
) -> dict[str, object]:
    """The figures as they will be with the accruals, which are not kept."""
    point = transaction.savepoint()
    try:
        accruals.book(calls, span=months.span(workspace, month), now=now)
        return snapshots.document(workspace, month)
    finally:
        transaction.savepoint_rollback(point)


def _require_turn(workspace: Workspace, month: str, span: Span, now: datetime.datetime) -> None:
    if now < span.end:
        raise CannotClose(
            f"{month} runs until {span.end.astimezone(months.zone_of(workspace)):%Y-%m-%d}.",
            remedy="A month is closed when it is over.",
        )
    last = MonthClose.objects.filter(workspace=workspace).order_by("-ends_at").defer("document").first()
    if last and last.ends_at != span.start:
        following = months.month_of(workspace, last.ends_at)
        raise CannotClose(
            f"Months are closed one after the other, and {last.month} was the last.",
            remedy=f"Close {following} next.",
        )


def _require_review(workspace: Workspace, month: str) -> Standing:
    found = standing(workspace, month)
    if found.close:
        raise CannotClose(
            f"{month} is closed since "
            f"{found.close.closed_at.astimezone(months.zone_of(workspace)):%Y-%m-%d}.",
            title="This month is closed",
            remedy="Book an adjustment in an open month.",
        )
    if found.state == "open":
        raise CannotClose(f"{month} is not under review.", remedy="Put it under review first.")
    return found


def _require(checks: list[Check]) -> None:
    missing = [check for check in checks if not check.done]
    if missing:
        raise CannotClose(
            " ".join(check.words for check in missing),
            remedy=" ".join(check.remedy for check in missing if check.remedy),
            extra={"missing": [check.key for check in missing]},
        )


def _require_second(workspace: Workspace, month: str, signed: MonthStep, by: Membership) -> bool:
    """Refuses who may not be the second; answers whether this is the one signature of a workspace of one."""
    if signed.by_id == by.person_id:
        others = Membership.objects.filter(workspace=workspace, ended_at__isnull=True)
        if others.exclude(person=by.person_id).exists():
            raise CannotClose(
                "You have given the first signature.",
                remedy="Another person who keeps the books closes the month.",
            )
        return True
    approved = sampling.approved_by(workspace, month, by.person_id)
    if approved:
        names = ", ".join(f"{take.deliverable.name} take {take.number}" for take in approved[:3])
        raise CannotClose(
            f"You approved hero renders of this month's sample: {names}.",
            remedy="Somebody who approved none of them closes the month.",
        )
    return False


def _step(
    workspace: Workspace, month: str, kind: str, by: Membership, now: datetime.datetime, **said: object
) -> MonthStep:
    return MonthStep.objects.create(workspace=workspace, month=month, kind=kind, by=by.person, at=now, **said)
