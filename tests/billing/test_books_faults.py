"""The machine of the books notices a fault in each verb: each is planted here and found in a few steps."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection

from billing import (
    accruals,
    budget_raises,
    budgets,
    credit_lots,
    ledger,
    periods,
    pots,
    rerating,
    shared_costs,
    shares,
)
from billing.invoices import settle
from tests.billing.books_machine import Books, make_ground, seen

Plant = pytest.MonkeyPatch


@pytest.fixture
def books(db: None) -> Iterator[Books]:
    Books.ground_of = make_ground()
    machine = Books()
    machine.begin()
    yield machine
    machine.end()


def spend(books: Books) -> None:
    books.reserve(place=0, prices=[Decimal("2.1")], beyond=False, kill=None)
    books.post_at_a_price(place=0, units=7, at=0, late=0, kill=None)


def close(books: Books) -> None:
    books.a_month_ends(hours=5)
    before = books.plain.closed_until
    for _ in range(12):
        if books.plain.closed_until == before:
            books.go_on_closing(kill=None)
    assert books.plain.closed_until != before


def end_a_month_with_an_open_call(books: Books) -> None:
    spend(books)
    books.reserve(place=1, prices=[Decimal("0.7")], beyond=False, kill=None)
    close(books)


def rerate(books: Books) -> None:
    spend(books)
    books.rerate(wrong=0, right=2, kill=None)
    books.rerate(wrong=0, right=2, kill=None)


def adjust(books: Books) -> None:
    spend(books)
    books.adjust_by_a_bill(place=0, more=Decimal("0.11"), kill=None)


def adjust_shared(books: Books) -> None:
    books.book_a_shared_cost(place=0, amount=Decimal("2.1"), days=0, kill=None)
    books.adjust_a_shared_cost(place=0, to=Decimal("0.5"), kill=None)


def accept_and_reverse(books: Books) -> None:
    books.book_a_shared_cost(place=0, amount=Decimal("2.1"), days=0, kill=None)
    spend(books)
    for word in ("accept", "reverse"):
        books.decide(place=0, word=word, kill=None)


def write_off(books: Books) -> None:
    spend(books)
    books.decide(place=0, word="write_off", kill=None)


def end_campaign(books: Books) -> None:
    books.book_a_shared_cost(place=0, amount=Decimal("2.1"), days=0, kill=None)
    books.end_campaign(place=0, sure=True, kill=None)


def raise_a_limit(books: Books) -> None:
    books.ask_for_a_raise(place=0, who="manager", more=3, kill=None)
    books.grant_a_raise(place=0, who="finance", kill=None)


def raise_ones_own(books: Books) -> None:
    books.ask_for_a_raise(place=0, who="manager", more=3, kill=None)
    books.time_passes(hours=400)
    books.grant_a_raise(place=0, who="finance", kill=None)


def expire(books: Books) -> None:
    books.buy_credits(number="100", price="1", days=0, kill=None)
    books.time_passes(hours=50)
    books.expire_credits(kill=None)


def die_while_refunding(books: Books) -> None:
    spend(books)
    for statement in range(6, 12):
        books.refund(place=0, tenths=4, kill=statement)


@contextlib.contextmanager
def without_transaction(*_: object, **__: object) -> Iterator[None]:
    yield


def twice(module: Any, name: str) -> Callable[[Plant], None]:
    """Entries that this makes are of twice the amount."""

    def plant(patch: Plant) -> None:
        made = getattr(module, name)

        def doubled(*arguments: Any, **said: Any) -> Any:
            row = made(*arguments, **said)
            row.amount *= 2
            return row

        patch.setattr(module, name, doubled)

    return plant


def half_expires(patch: Plant) -> None:
    taken_out = credit_lots.taken_out
    patch.setattr(credit_lots, "taken_out", lambda balance, wanted: taken_out(balance, wanted / 2))


def raises_too_much(patch: Plant) -> None:
    change = budgets.change_limit
    patch.setattr(budgets, "change_limit", lambda **said: change(**{**said, "limit": said["limit"] + 1}))


def forgets_a_transfer(word: str) -> Callable[[Plant], None]:
    def plant(patch: Plant) -> None:
        move = pots.move_cash
        patch.setattr(pots, "move_cash", lambda rows: move([row for row in rows if row.decision != word]))

    return plant


@dataclasses.dataclass(frozen=True)
class Fault:
    plant: Callable[[Plant], None]
    steps: Callable[[Books], None]


FAULTS = {
    "re-rates what it has re-rated": Fault(
        lambda patch: patch.setattr(rerating, "_sums", lambda *_: {}), rerate
    ),
    "adjusts a charge twice": Fault(twice(settle, "_entry"), adjust),
    "adjusts a shared cost twice": Fault(twice(shared_costs, "_adjustment"), adjust_shared),
    "reverses without the cash": Fault(forgets_a_transfer("reverse"), accept_and_reverse),
    "writes off without the cash": Fault(forgets_a_transfer("write_off"), write_off),
    "ends a campaign without its rest": Fault(
        lambda patch: patch.setattr(shares, "MOVING", shares.MOVING[:-1]), end_campaign
    ),
    "gives back too much of an accrual": Fault(twice(accruals, "_given_back"), end_a_month_with_an_open_call),
    "raises a limit by too much": Fault(raises_too_much, raise_a_limit),
    "grants what has expired": Fault(
        lambda patch: patch.setattr(
            budget_raises, "_waiting", lambda request, by, now: budget_raises._locked(request, by)
        ),
        raise_ones_own,
    ),
    "leaves a rest that expired": Fault(half_expires, expire),
    "refunds without a transaction": Fault(
        lambda patch: patch.setattr(ledger.transaction, "atomic", without_transaction), die_while_refunding
    ),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_in_a_verb_is_noticed(books: Books, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    fault = FAULTS[name]
    with monkeypatch.context() as patch, pytest.raises(AssertionError):  # noqa: PT012
        fault.plant(patch)
        fault.steps(books)
        books.look()


@pytest.mark.parametrize(
    "steps", sorted({fault.steps for fault in FAULTS.values()}, key=lambda s: s.__name__)
)
def test_the_same_steps_without_a_fault_are_sound(books: Books, steps: Callable[[Books], None]) -> None:
    steps(books)
    books.look()


def test_what_is_open_at_a_close_is_accrued_and_a_reversal_returns_what_was_taken(books: Books) -> None:
    before = {name: seen[name] for name in ("accrual", "reverse")}
    end_a_month_with_an_open_call(books)
    accept_and_reverse(books)
    books.look()
    assert {name: seen[name] - number for name, number in before.items()} == {"accrual": 1, "reverse": 1}


def test_a_closed_month_that_changed_is_noticed(books: Books) -> None:
    end_a_month_with_an_open_call(books)
    books.look()
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE billing_entry DISABLE TRIGGER USER")
        cursor.execute("UPDATE billing_entry SET note = 'other' WHERE kind = 'charge'")
        cursor.execute("ALTER TABLE billing_entry ENABLE TRIGGER USER")
    with pytest.raises(AssertionError):
        books.closed_months_are_as_they_were_closed()


def test_an_entry_that_is_let_into_a_closed_month_is_noticed(
    books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The program thinks that nothing is closed, and the database's guard is off."""
    end_a_month_with_an_open_call(books)
    books.look()
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE billing_entry DISABLE TRIGGER USER")
    monkeypatch.setattr(periods, "open_from", lambda _: None)
    books.post(place=0, price=Decimal("0.5"), late=300, kill=None)
    with pytest.raises(AssertionError):
        books.look()
