"""Subscriptions, minimum commitments and own machines: what of a month's fee takes bore, and what nobody did.

A fee is due whole for each calendar month. Takes bear it at a provisional rate of a unit, `fee ÷ planned
units`, which is an ordinary price row. At the month's end the rest is a period cost: positive where capacity
lay idle, negative where more was made than planned. Of a minimum, what was not reached is a period cost.
"""

from __future__ import annotations

import datetime
import re
import uuid
from collections.abc import Sequence
from decimal import Decimal

from django.db import IntegrityError, connection, transaction
from django.db.models import F, Q, Sum
from django.db.models.functions import Coalesce
from django.utils import timezone

from billing import entries, money, months, pots, price_rules, prices, rates
from billing.entries import Charge
from billing.models import Agreement, AgreementEnd, AgreementSettlement, Entry, PriceRow
from billing.models.ledger import EntryKind
from billing.models.prices import Unit
from projects import access, events
from projects.access import Right
from projects.models import Membership, Workspace
from projects.problems import Invalid, Refused

ZERO = Decimal(0)
MONTH = re.compile(r"(19|20)\d\d-(0[1-9]|1[0-2])")
Kind = Agreement.Kind


class MonthRuns(Refused):
    """A month is settled when it is over."""

    title = "The month is not over"


class AlreadyEnded(Refused):
    """The agreement's last month was said before."""

    title = "This agreement has its last month already"


def agree(
    *,
    kind: str,
    name: str,
    provider: str,
    fee: Decimal,
    currency: str,
    first_month: str,
    source: str,
    by: Membership,
    models_covered: Sequence[str] = (),
    planned_units: Decimal | None = None,
    unit: str = "",
) -> Agreement:
    """Enters an agreement; needs the right to keep the books. Raises Invalid (422).

    For a fee with planned units it proposes the provisional rate as the price of each model it names.
    """
    access.require(by, Right.KEEP_BOOKS)
    row = Agreement(
        workspace=by.workspace,
        kind=kind,
        name=name.strip(),
        provider=provider.strip(),
        models_covered=sorted(set(models_covered)),
        fee=fee,
        currency=currency.strip().upper(),
        planned_units=planned_units,
        unit=unit,
        first_month=first_month,
        source=source.strip(),
        author=by.person,
    )
    if errors := _wrong(row):
        raise Invalid(errors)
    try:
        with transaction.atomic():
            row.save(force_insert=True)
            _propose_rate(row, by)
            events.record(workspace=by.workspace, kind="agreement.made", by=by, name=row.name)
    except IntegrityError:
        raise Invalid({"name": [f"There is an agreement “{row.name}” already."]}) from None
    return row


def end(
    *,
    agreement: Agreement,
    last_month: str,
    reason: str,
    by: Membership,
    now: datetime.datetime | None = None,
) -> AgreementEnd:
    """Says an agreement's last month, once. Raises Invalid (422) and AlreadyEnded (409)."""
    access.require(by, Right.KEEP_BOOKS)
    errors = {}
    if not MONTH.fullmatch(last_month) or last_month < agreement.first_month:
        errors["last_month"] = [f"Give a month from {agreement.first_month} on, as 2026-10."]
    if not reason.strip():
        errors["reason"] = ["Say why."]
    if errors:
        raise Invalid(errors)
    try:
        with transaction.atomic():
            made: AgreementEnd = AgreementEnd.objects.create(
                agreement=agreement,
                last_month=last_month,
                reason=reason.strip()[:300],
                ended_by=by.person,
                ended_at=now or timezone.now(),
            )
            events.record(workspace=by.workspace, kind="agreement.ended", by=by, name=agreement.name)
    except IntegrityError:
        raise AlreadyEnded(
            f"{agreement.name} has its last month already.", remedy="Reload the page."
        ) from None
    return made


def unit_rate(agreement: Agreement) -> Decimal | None:
    """The provisional rate of a unit in the agreement's currency; None for a minimum."""
    if agreement.planned_units is None:
        return None
    return money.booked(money.EXACT.divide(agreement.fee, agreement.planned_units))


def in_month(workspace: Workspace, month: str) -> list[Agreement]:
    """The agreements whose fee is due in a month (YYYY-MM), by name."""
    rows = Agreement.objects.filter(workspace=workspace, first_month__lte=month)
    running = rows.filter(Q(end=None) | Q(end__last_month__gte=month))
    return list(running.select_related("end").order_by("name"))


def settle(
    *, workspace: Workspace, month: str, now: datetime.datetime | None = None
) -> list[AgreementSettlement]:
    """Books for each agreement of a month that is over what nobody bore of its fee; answers what is new.

    Safe to repeat: a second time books only what changed since, and nothing where nothing did. Raises
    Invalid (422) for what is no month, MonthRuns (409), and NoRate (422) where a fee cannot be exchanged;
    then nothing was booked.
    """
    now = now or timezone.now()
    span = months.span(workspace, month)
    if now < span.end:
        raise MonthRuns(f"{month} is not over yet.", remedy="Settle it from the first of the next month on.")
    with transaction.atomic():
        _lock(workspace.pk)
        return [
            made
            for agreement in in_month(workspace, month)
            if (made := _settle(agreement, month, span, now)) is not None
        ]


def _settle(
    agreement: Agreement, month: str, span: months.Span, now: datetime.datetime
) -> AgreementSettlement | None:
    last = span.end - datetime.timedelta(microseconds=1)
    due = money.exchanged(agreement.fee, rates.required(agreement.workspace, agreement.currency, last))
    used = used_in(agreement, span)
    rest = due - used
    if agreement.kind == Kind.MINIMUM:
        rest = max(ZERO, rest)
    before = AgreementSettlement.objects.filter(agreement=agreement, month=month)
    booked_so_far = before.aggregate(total=Coalesce(Sum("booked"), ZERO))["total"]
    number = before.count()
    booked = rest - booked_so_far
    if number and not booked:
        return None
    entry = _book(agreement, booked, last, now, month) if booked else None
    made: AgreementSettlement = AgreementSettlement.objects.create(
        workspace_id=agreement.workspace_id,
        agreement=agreement,
        month=month,
        number=number + 1,
        due=due,
        used=used,
        rest=rest,
        booked=booked,
        entry=entry.id if entry else None,
        settled_at=now,
    )
    return made


def used_in(agreement: Agreement, span: months.Span) -> Decimal:
    """The cash of the month's takes and campaigns that the agreement covers, refunds and corrections counted.

    Not so what is accrued when the month is closed, after this, and given back in the next.
    """
    rows = Entry.objects.filter(
        workspace=agreement.workspace_id,
        effective_at__gte=span.start,
        effective_at__lt=span.end,
        kind__in=(EntryKind.CHARGE, EntryKind.REFUND, EntryKind.ADJUSTMENT),
        provider=agreement.provider,
        campaign__isnull=False,
    )
    if agreement.models_covered:
        rows = rows.filter(model__in=agreement.models_covered)
    found: Decimal = rows.aggregate(total=Coalesce(Sum(F("amount")), ZERO))["total"]
    return found


def _book(
    agreement: Agreement, amount: Decimal, at: datetime.datetime, now: datetime.datetime, month: str
) -> Entry:
    """A period cost of the month's last instant; a negative one is an adjustment."""
    what = (
        "unmet minimum"
        if agreement.kind == Kind.MINIMUM
        else "idle rest"
        if amount > 0
        else "used beyond plan"
    )
    charge = Charge(
        amount=abs(amount),
        service_at=at,
        stage="",
        provider=agreement.provider,
        calculation=f"{agreement.name}, {month}: {what}",
    )
    row = entries.period(workspace_id=agreement.workspace_id, charge=charge, amount=amount, now=now)
    pots.book([row])
    return row


def _propose_rate(agreement: Agreement, by: Membership) -> None:
    rate = unit_rate(agreement)
    if rate is None:
        return
    start = months.span(by.workspace, agreement.first_month).start
    for key in agreement.models_covered:
        if PriceRow.objects.filter(workspace=by.workspace, model_key=key, starts_at=start).exists():
            raise Invalid(
                {"models_covered": [f"{key} has a price from {agreement.first_month} on already."]},
                remedy="Let the agreement begin in a later month, or leave the model out.",
            )
        prices.add_row(
            model_key=key,
            unit=agreement.unit,
            amount=rate,
            currency=agreement.currency,
            starts_at=start,
            by=by,
            source=f"{agreement.name}: fee ÷ planned units"[:200],
        )


def _wrong(row: Agreement) -> dict[str, list[str]]:
    errors: dict[str, list[str]] = {}
    if row.kind not in Kind.values:
        errors["kind"] = [f"Give one of {', '.join(Kind.values)}."]
    for name in ("name", "provider", "source"):
        if not getattr(row, name):
            errors[name] = ["This is needed."]
    if not MONTH.fullmatch(row.first_month):
        errors["first_month"] = ["Give a month, as 2026-10."]
    if not re.fullmatch("[A-Z]{3}", row.currency):
        errors["currency"] = ["Give three capital letters such as USD."]
    if not row.fee.is_finite() or not 0 < row.fee < price_rules.MOST or row.fee != money.booked(row.fee):
        errors["fee"] = ["Give a number above zero, with at most eight decimals."]
    if wrong := [key for key in row.models_covered if not key.startswith(f"{row.provider}/")]:
        errors["models_covered"] = [f"{wrong[0]} is no model of {row.provider}."]
    planned = row.planned_units
    if row.kind == Kind.MINIMUM:
        if planned is not None or row.unit:
            errors["planned_units"] = ["A minimum has no units: its charges have prices of their own."]
    elif planned is None or not planned.is_finite() or planned <= 0 or row.unit not in Unit.values:
        errors["planned_units"] = ["Give the units that you plan to make in a month, and which."]
    elif not errors and not unit_rate(row):
        errors["planned_units"] = ["So many units would make the rate of one nothing."]
    return errors


def _lock(workspace_id: uuid.UUID) -> None:
    """Two settlements of a workspace come one after the other."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended(%s, 3))", [f"{workspace_id} agreements"]
        )
