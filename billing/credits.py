"""A provider's credits: bought in packs, used first-to-expire-first, expired as a period cost.

A pack is a prepayment. Its price, in the workspace's currency at the rate of the day of purchase, spreads
over credits and bonus alike; each use takes its share of what is left, the last use all of it, so that what
was paid is booked to the last digit. Use that no lot covers takes the rate of the lot bought last and is
flagged; the next lot that is entered covers it, and a difference in price is a period cost.
"""

from __future__ import annotations

import datetime
import uuid
from collections.abc import Sequence
from decimal import Decimal

from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from billing import credit_lots, money, months, rates
from billing.models import CreditBalance, CreditLot, CreditMovement, Entry
from projects import access, events
from projects.access import Right
from projects.models import Membership, Workspace
from projects.problems import Invalid

ZERO = Decimal(0)
MOST = Decimal(10) ** 12
Kind = CreditMovement.Kind


def is_credit(currency: str) -> bool:
    return currency.startswith(credit_lots.PREFIX)


def buy(
    *,
    unit: str,
    credits: Decimal,
    price: Decimal,
    currency: str,
    bought_on: datetime.date,
    source: str,
    by: Membership,
    bonus: Decimal = ZERO,
    expires_on: datetime.date | None = None,
    now: datetime.datetime | None = None,
) -> CreditLot:
    """Enters a pack that was bought; needs the right to keep the books.

    Use beyond the lots is covered by it, oldest first. Raises Invalid (422) where a value does not fit or
    the pack is there already, and NoRate (422) where its currency has no rate on the day of purchase.
    """
    access.require(by, Right.KEEP_BOOKS)
    now = now or timezone.now()
    lot = CreditLot(
        workspace=by.workspace,
        unit=unit.strip(),
        bought_on=bought_on,
        expires_on=expires_on,
        credits=credits,
        bonus=bonus,
        price=price,
        currency=currency.strip().upper(),
        source=source.strip(),
        author=by.person,
    )
    if errors := _wrong(lot, now):
        raise Invalid(errors)
    noon = datetime.datetime.combine(bought_on, datetime.time(12), months.zone_of(by.workspace))
    lot.rate = rates.required(by.workspace, lot.currency, noon)
    lot.cost = money.exchanged(price, lot.rate)
    if not lot.cost:
        raise Invalid({"price": ["A pack costs something. Credits that were given are its bonus."]})
    try:
        with transaction.atomic():
            credit_lots.lock(by.workspace_id, lot.unit)
            lot.save(force_insert=True)
            balance = CreditBalance(lot=lot, credits=credits + bonus, cost=lot.cost)
            balance.save(force_insert=True)
            _cover(lot, balance, now)
            events.record(
                workspace=by.workspace,
                kind="credits.bought",
                by=by,
                at=now,
                unit=lot.unit,
                credits=str(credits + bonus),
            )
    except IntegrityError:
        words = f"A pack of {lot.unit}, bought on {bought_on:%Y-%m-%d}, has this source already."
        raise Invalid({"source": [words]}, remedy="Name the invoice or order that sets it apart.") from None
    return lot


def draw(cash: Sequence[Entry]) -> None:
    """Takes the credits of unsaved charges out of the lots, and prices the charges by what they took.

    Runs in the transaction that books them, for charges that are booked for certain.
    """
    drawn = [row for row in cash if is_credit(row.native_currency) and row.native_amount]
    if not drawn:
        return
    workspace = Workspace.objects.get(pk=drawn[0].workspace_id)
    zone = months.zone_of(workspace)
    for unit in sorted({row.native_currency for row in drawn}):
        credit_lots.lock(workspace.pk, unit)
        lots = credit_lots.of_unit(workspace.pk, unit)
        moved: list[CreditMovement] = []
        for row in drawn:
            if row.native_currency == unit:
                moved += _taken(row, lots, row.service_at.astimezone(zone).date())
        credit_lots.save(moved, [lot.balance for lot in lots])


def give_back(charge: Entry, back: Decimal, left: Decimal, now: datetime.datetime) -> None:
    """Returns to their lots the credits of `back` of a charge of which `left` was not given back yet.

    Runs in the refund's transaction. Where a later lot had covered the use at another price, the difference
    is taken back too.
    """
    if not is_credit(charge.native_currency) or not left:
        return
    credit_lots.lock(charge.workspace_id, charge.native_currency)
    nets = _nets(charge)
    if not nets:
        return
    share = credit_lots.Part(back, left)
    cost_left = money.booked(share.of(sum((cost for _, cost in nets.values()), ZERO)))
    difference = back - cost_left
    moved = []
    balances = {
        row.lot_id: row for row in CreditBalance.objects.filter(lot__in=[lot for _, lot in nets if lot])
    }
    for place, ((kind, lot_id), (credits, cost)) in enumerate(nets.items(), start=1):
        gone = cost_left if place == len(nets) else money.booked(share.of(cost))
        cost_left -= gone
        returned = money.booked(share.of(credits))
        moved.append(credit_lots.movement(charge, kind, lot_id, -returned, -gone, now))
        if kind == Kind.REFUND and lot_id is not None:
            balances[lot_id].credits += returned
            balances[lot_id].cost += gone
    credit_lots.save(moved, list(balances.values()))
    if difference:
        words = f"price difference of credits given back: {charge.native_currency}"
        credit_lots.book_period(charge.workspace_id, charge.native_currency, difference, now, now, words)


def expire_due(*, now: datetime.datetime, workspace: Workspace | None = None) -> int:
    """Books what is left of lots whose last day is over as a period cost of that day; answers how many.

    Safe to repeat: a lot without a rest is left alone. With a workspace, its lots alone.
    """
    due = CreditLot.objects.filter(
        expires_on__lt=now.date() + datetime.timedelta(days=1), balance__credits__gt=0
    )
    if workspace is not None:
        due = due.filter(workspace=workspace)
    return sum(_expire(lot, now) for lot in due.select_related("workspace").order_by("pk"))


def ours(workspace_id: uuid.UUID, unit: str) -> Decimal:
    """The credits that are left by our books: what the lots hold, less what was used beyond them."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT COALESCE((
                SELECT sum(b.credits) FROM billing_creditbalance b JOIN billing_creditlot l ON l.id = b.lot_id
                WHERE l.workspace_id = %(workspace)s AND l.unit = %(unit)s
            ), 0) - COALESCE((
                SELECT sum(credits) FROM billing_creditmovement
                WHERE workspace_id = %(workspace)s AND unit = %(unit)s AND kind = 'beyond'
            ), 0)
            """,
            {"workspace": workspace_id, "unit": unit},
        )
        found: Decimal = cursor.fetchone()[0]
    return found


def _wrong(lot: CreditLot, now: datetime.datetime) -> dict[str, list[str]]:
    errors: dict[str, list[str]] = {}
    if not is_credit(lot.unit) or not rates.CURRENCY.fullmatch(lot.unit):
        errors["unit"] = ["Give credit: and the provider's name, as credit:runway."]
    if not rates.CURRENCY.fullmatch(lot.currency) or is_credit(lot.currency):
        errors["currency"] = ["Give three capital letters such as USD."]
    for name, least in (("credits", False), ("price", False), ("bonus", True)):
        amount = getattr(lot, name)
        if not amount.is_finite() or not 0 <= amount < MOST or (not amount and not least):
            errors[name] = ["Give a number from zero on." if least else "Give a number above zero."]
        elif amount != money.booked(amount):
            errors[name] = ["Give at most eight decimals."]
    if lot.expires_on is not None and lot.expires_on < lot.bought_on:
        errors["expires_on"] = ["It would expire before it was bought."]
    if lot.bought_on > now.astimezone(months.zone_of(lot.workspace)).date():
        errors["bought_on"] = ["Enter a pack when it is bought, not before."]
    if not lot.source:
        errors["source"] = ["Name the invoice or order, so that others can look it up."]
    return errors


def _taken(row: Entry, lots: Sequence[CreditLot], day: datetime.date) -> list[CreditMovement]:
    """Takes the charge's credits out of the balances, and writes its amount, rate and words."""
    left, before = row.native_amount or ZERO, row.amount
    whole = left
    moved: list[CreditMovement] = []
    words = []
    for lot in lots:
        usable = lot.bought_on <= day and (lot.expires_on is None or lot.expires_on >= day)
        if not left or not usable or not lot.balance.credits:
            continue
        used, cost = credit_lots.taken_out(lot.balance, left)
        left -= used
        moved.append(credit_lots.movement(row, Kind.USE, lot.pk, used, cost, row.service_at))
        words.append(f"{money.unit_price(used)} of the pack of {lot.bought_on:%Y-%m-%d}")
    if left:
        last = max(lots, key=lambda lot: (lot.bought_on, lot.pk), default=None)
        cost = _beyond(left, whole, before, last)
        moved.append(
            credit_lots.movement(row, Kind.BEYOND, last.pk if last else None, left, cost, row.service_at)
        )
        words.append(f"{money.unit_price(left)} beyond the packs")
    row.amount = sum((each.cost for each in moved), ZERO)
    row.rate = money.EXACT.divide(row.amount, whole).quantize(rates.TEN_PLACES, context=money.EXACT)
    row.calculation = f"{row.calculation}; {', '.join(words)}"[:300]
    if row.computed_amount is not None and before:
        row.computed_amount = money.booked(credit_lots.Part(row.amount, before).of(row.computed_amount))
    return moved


def _beyond(left: Decimal, whole: Decimal, before: Decimal, last: CreditLot | None) -> Decimal:
    """What credits beyond the lots cost: at the last lot's rate, else as the charge was exchanged."""
    if last is None:
        return money.booked(credit_lots.Part(left, whole).of(before))
    return money.booked(credit_lots.Part(left, last.credits + last.bonus).of(last.cost))


def _cover(lot: CreditLot, balance: CreditBalance, now: datetime.datetime) -> None:
    """Lets a new lot cover use that was beyond the lots so far."""
    rows = CreditMovement.objects.filter(workspace=lot.workspace_id, unit=lot.unit, kind=Kind.BEYOND)
    open_: dict[tuple[uuid.UUID, uuid.UUID | None], tuple[Decimal, Decimal]] = {}
    for row in rows.order_by("at", "id"):
        credits, cost = open_.get((row.entry, row.lot_id), (ZERO, ZERO))
        open_[row.entry, row.lot_id] = credits + row.credits, cost + row.cost
    moved: list[CreditMovement] = []
    difference = ZERO
    for (entry, lot_id), (credits, cost) in open_.items():
        if credits <= 0 or not balance.credits:
            continue
        used, share = credit_lots.taken_out(balance, credits)
        was = money.booked(credit_lots.Part(used, credits).of(cost))
        like = {"workspace_id": lot.workspace_id, "unit": lot.unit, "entry": entry, "at": now}
        moved += [
            CreditMovement(**like, kind=Kind.BEYOND, lot_id=lot_id, credits=-used, cost=-was),
            CreditMovement(**like, kind=Kind.USE, lot_id=lot.pk, credits=used, cost=share),
        ]
        difference += share - was
    credit_lots.save(moved, [balance])
    if difference:
        words = f"price difference of {lot.unit} used before the pack of {lot.bought_on:%Y-%m-%d} was entered"
        credit_lots.book_period(lot.workspace_id, lot.unit, difference, now, now, words)


def _nets(charge: Entry) -> dict[tuple[str, uuid.UUID | None], tuple[Decimal, Decimal]]:
    """What of the charge's credits is still out, by how it returns (refund to a lot, or less beyond)."""
    nets: dict[tuple[str, uuid.UUID | None], tuple[Decimal, Decimal]] = {}
    rows = CreditMovement.objects.filter(workspace=charge.workspace_id, entry=charge.id)
    for row in rows.order_by("at", "id"):
        kind = Kind.BEYOND if row.kind == Kind.BEYOND else Kind.REFUND
        credits, cost = nets.get((kind, row.lot_id), (ZERO, ZERO))
        nets[kind, row.lot_id] = credits + row.credits, cost + row.cost
    return {place: net for place, net in nets.items() if any(net)}


def _expire(lot: CreditLot, now: datetime.datetime) -> bool:
    if lot.expires_on is None:
        return False
    following = lot.expires_on + datetime.timedelta(days=1)
    over = months.first_instant(following, months.zone_of(lot.workspace))
    if over > now:
        return False
    with transaction.atomic():
        credit_lots.lock(lot.workspace_id, lot.unit)
        balance = CreditBalance.objects.get(pk=lot.pk)
        if not balance.credits:
            return False
        credits, cost = credit_lots.taken_out(balance, balance.credits)
        words = f"{money.unit_price(credits)} credits of the pack of {lot.bought_on:%Y-%m-%d} expired"
        last = over - datetime.timedelta(microseconds=1)
        entry = credit_lots.book_period(lot.workspace_id, lot.unit, cost, last, now, words, credits=credits)
        credit_lots.save([credit_lots.movement(entry, Kind.EXPIRY, lot.pk, credits, cost, last)], [balance])
    return True
