"""What becomes of a difference: accepted with a reason, or turned into an adjustment of the ledger."""

from __future__ import annotations

import datetime
import uuid
from typing import Any

from django.db import transaction
from django.utils import timezone

from billing import entries, months, periods, pots
from billing.invoices import matching, reconcile
from billing.models import Difference, DifferenceStep, Entry
from billing.models.ledger import EntryKind, Stage
from billing.models.reconciliation import DifferenceKind as Kind
from billing.models.reconciliation import Outcome
from projects import access
from projects.access import Right
from projects.models import Membership, Take
from projects.problems import Invalid, Refused

#: These correct a charge of ours and belong where it belongs.
OF_CHARGE = frozenset({Kind.PRICE, Kind.QUANTITY, Kind.ROUNDING, Kind.MISSING_THERE})
#: These cost a take where its job is known, and are unclaimed otherwise.
OF_JOB = frozenset({Kind.MISSING_HERE, Kind.CUT_OFF, Kind.CREDIT_NOTE})
#: Kinds that have a counterpart here, so that a tolerance means something.
WITHIN_TOLERANCE = frozenset({Kind.PRICE, Kind.QUANTITY, Kind.ROUNDING, Kind.EXCHANGE})
#: What an adjustment repeats of the charge that it corrects.
COPIED = (
    *("project_id", "campaign_id", "deliverable_id", "take_id", "category", "phase", "tier", "model"),
    *("routing_version", "pipeline", "prompt_template", "seed_policy", "person_id", "person_email"),
    *("stage", "run", "call", "price_row", "failed_charged"),
)


class Settled(Refused):
    """The difference was accepted or adjusted before."""

    title = "This difference is settled already"


class NotAdjusted(Refused):
    """An adjustment would book a cost for the second time."""

    title = "This is no cost of its own"


def accept(*, difference: Difference, reason: str, by: Membership) -> DifferenceStep:
    """Accepts one difference as it is. Needs the right to keep the books, and a reason.

    Raises Settled (409) where it was accepted or adjusted before.
    """
    reason = _reason(reason)
    access.require(by, Right.KEEP_BOOKS)
    with transaction.atomic():
        number = _open(difference)
        return _step(difference, number, Outcome.ACCEPTED, reason, by)


def accept_class(*, provider: str, month: str, kind: str, reason: str, by: Membership) -> int:
    """Accepts all open differences of a kind that are within the provider's tolerance; answers how many.

    They stay listed. Only kinds with a counterpart here have a tolerance; others are Invalid (422).
    """
    reason = _reason(reason)
    access.require(by, Right.KEEP_BOOKS)
    if kind not in WITHIN_TOLERANCE:
        names = ", ".join(sorted(Kind(each).label.lower() for each in WITHIN_TOLERANCE))
        raise Invalid({"kind": [f"Only {names} are accepted as a class; settle the others one by one."]})
    months.span(by.workspace, month)
    with transaction.atomic():
        reconcile.lock(by.workspace, provider)
        tolerance = reconcile.tolerance_of(by.workspace, provider)
        found = Difference.objects.visible_to(by).of(provider, month).in_force().filter(kind=kind)
        rows = list(found.order_by("id"))
        held = Difference.objects.filter(pk__in=[row.pk for row in rows]).order_by("pk")
        list(held.select_for_update(no_key=True).values_list("pk"))
        last = _last([row.pk for row in rows])
        taken = [
            row
            for row in rows
            if last.get(row.pk, (0, Outcome.UNDONE))[1] == Outcome.UNDONE
            and matching.is_within(row.amount, row.ours, tolerance)
        ]
        DifferenceStep.objects.bulk_create(
            _unsaved(row, last.get(row.pk, (0, ""))[0] + 1, Outcome.ACCEPTED, reason, by, as_class=True)
            for row in taken
        )
    return len(taken)


def undo(*, difference: Difference, reason: str, by: Membership) -> DifferenceStep:
    """Takes an acceptance back, until the month is closed. An adjustment stands in the ledger for good."""
    reason = _reason(reason)
    access.require(by, Right.KEEP_BOOKS)
    with transaction.atomic():
        _lock(difference)
        _require_open_month(by, difference.month)
        number, outcome = _last([difference.pk]).get(difference.pk, (0, Outcome.UNDONE))
        if outcome != Outcome.ACCEPTED:
            said = "was adjusted" if outcome == Outcome.ADJUSTED else "is open"
            raise Refused(
                f"This difference {said}; only an acceptance is taken back.",
                remedy="Book another adjustment in an open month." if outcome == Outcome.ADJUSTED else "",
            )
        return _step(difference, number + 1, Outcome.UNDONE, reason, by)


def adjust(
    *, difference: Difference, reason: str, by: Membership, now: datetime.datetime | None = None
) -> Entry:
    """Books the difference as an adjustment that names the invoice line; once.

    It corrects the charge that differs, costs the take whose job was billed, or is a period cost. Its
    service date is the provider's; it counts there while that month is open, else now, marked prior-period.
    Raises Settled (409), or NotAdjusted (409) for a cut-off whose cost stands in another month.
    """
    reason = _reason(reason)
    access.require(by, Right.KEEP_BOOKS)
    now = now or timezone.now()
    with transaction.atomic():
        number = _open(difference)
        row = Difference.objects.select_related("line__invoice").get(pk=difference.pk)
        if row.kind == Kind.CUT_OFF and row.match_id:
            raise NotAdjusted(
                f"The charge is in the books: {row.why}.",
                remedy="Accept it: the two months differ by when it was billed, not by what it cost.",
            )
        scope = _scope(row)
        pots.lock([scope.get("deliverable_id")])
        entry = _entry(row, scope, reason, now)
        pots.book([entry])
        _step(row, number, Outcome.ADJUSTED, reason, by, entry=entry.id)
    return entry


def _entry(row: Difference, scope: dict[str, Any], reason: str, now: datetime.datetime) -> Entry:
    effective = periods.effective(row.service_at, now, periods.open_from(row.workspace_id))
    home = months.month_of(row.workspace, row.service_at)
    prior = f"prior period {home}; " if months.month_of(row.workspace, effective) != home else ""
    line = row.line
    whole = line is not None and row.amount == line.amount
    model = f"{row.provider}/{row.model.removeprefix(row.provider + '/')}" if row.model else ""
    usual = {"model": model[:200], "stage": "", "category": "", "phase": ""}
    return Entry(
        **{**usual, **scope},
        workspace_id=row.workspace_id,
        kind=EntryKind.ADJUSTMENT,
        provider=row.provider,
        credit=entries.owed_to(row.provider),
        amount=row.amount,
        native_amount=line.native_amount if line and whole else None,
        native_currency=line.currency if line and whole else "",
        rate=line.rate if line and whole else None,
        service_at=row.service_at,
        booked_at=now,
        effective_at=effective,
        corrects=row.entry if row.kind in OF_CHARGE else None,
        external_id=line.job_id if line else "",
        calculation=f"{Kind(row.kind).label}, {evidence(row)}: {row.why}"[:300],
        note=f"{prior}{reason}"[:300],
    )


def evidence(row: Difference) -> str:
    """The invoice line in words, or that there is none."""
    if row.line is None:
        return f"no line of {row.provider}'s bills for {row.month}"
    bill = row.line.invoice
    number = f"{bill.number}, " if bill.number else ""
    return f"line {row.line.number} of {bill.get_source_display().lower()} {number}{bill.file_name}"


def _scope(row: Difference) -> dict[str, Any]:
    if row.kind in OF_CHARGE and row.entry:
        charge = Entry.objects.get(workspace=row.workspace_id, id=row.entry)
        return {name: getattr(charge, name) for name in COPIED}
    if row.kind in OF_JOB and row.take_id:
        take = Take.objects.get(pk=row.take_id)
        scope = entries.scope_of_take(take.pk)
        return {
            "project_id": scope.project_id,
            "campaign_id": scope.campaign_id,
            "deliverable_id": scope.deliverable_id,
            "take_id": take.pk,
            "category": scope.category,
            "phase": scope.phase,
            "tier": take.tier,
            "stage": row.stage or Stage.GENERATION,
            "person_id": take.requested_by_id,
            "person_email": take.requested_by.email if take.requested_by else take.requested_by_email,
        }
    return {}


def _reason(reason: str) -> str:
    if not reason.strip():
        raise Invalid({"reason": ["Say why, for those who read the books after you."]})
    return reason.strip()[:300]


def _lock(difference: Difference) -> None:
    rows = Difference.objects.filter(pk=difference.pk)
    list(rows.select_for_update(no_key=True).values_list("pk"))


def _open(difference: Difference) -> int:
    """Locks the difference and answers the number of its next step; Settled where it is not open."""
    _lock(difference)
    number, outcome = _last([difference.pk]).get(difference.pk, (0, Outcome.UNDONE))
    if outcome != Outcome.UNDONE:
        raise Settled(
            f"It was {outcome} before.",
            remedy="Reload the page to see by whom; an acceptance can be undone until the month is closed.",
        )
    if not Difference.objects.filter(pk=difference.pk).in_force().exists():
        raise Settled(
            "A later bill explained this difference.", remedy="Reload the page: it is no longer listed."
        )
    return number + 1


def _last(ids: list[uuid.UUID]) -> dict[uuid.UUID, tuple[int, str]]:
    """Number and outcome in force of each difference that has a step."""
    rows = DifferenceStep.objects.filter(difference__in=ids).order_by("difference", "-number")
    found = rows.distinct("difference").values_list("difference", "number", "outcome")
    return {key: (number, outcome) for key, number, outcome in found}


def _require_open_month(by: Membership, month: str) -> None:
    span = months.span(by.workspace, month)
    periods.require_open(by.workspace, span.start, what=f"What is said of {month}")


def _step(
    row: Difference,
    number: int,
    outcome: Outcome,
    reason: str,
    by: Membership,
    *,
    entry: uuid.UUID | None = None,
) -> DifferenceStep:
    step = _unsaved(row, number, outcome, reason, by, entry=entry)
    step.save(force_insert=True)
    return step


def _unsaved(
    row: Difference,
    number: int,
    outcome: str,
    reason: str,
    by: Membership,
    *,
    as_class: bool = False,
    entry: uuid.UUID | None = None,
) -> DifferenceStep:
    return DifferenceStep(
        workspace_id=row.workspace_id,
        difference=row,
        number=number,
        outcome=outcome,
        reason=reason,
        as_class=as_class,
        entry=entry,
        by=by.person,
        at=timezone.now(),
    )
