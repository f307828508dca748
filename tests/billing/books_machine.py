"""Any sequence of verbs, killed at any statement, leaves the books balanced.

The machine keeps its own account in plain lists and compares every figure of the books with it.
"""

from __future__ import annotations

import collections
import contextlib
import dataclasses
import datetime
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from django.db import connection, transaction
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from billing import budgets, checks, ledger, pots, roll_forward
from billing.models import BudgetWindow, DeliverableCost, Entry, Hold, HoldOutcome
from projects.decisions import AgainstGrammar
from projects.models import Decision, Deliverable, Take
from tests import factories
from tests.billing.booking import books, charge, planned
from tests.cast import make_cast
from tests.factories import utc

FIRST = utc("2026-09-28T08:00")
amounts = st.decimals("0.00000001", "3", places=8) | st.sampled_from([Decimal("0.7"), Decimal("2.1")])
LATE = (0, 1, 30, 300, 1500)
WORDS = ("accept", "reverse", "write_off", "reopen", "reject", "select")
places = st.integers(0, 5)
#: One verb in four dies before one of its statements.
KILLS = st.sampled_from((*([None] * 60), *range(20)))


CLASSES = (
    *("Killed", "BudgetRefused", "LimitBelowUse", "RefundTooLarge", "AgainstGrammar"),
    *("above its hold", "late", "accept", "reverse", "write_off", "reopen"),
)
#: How often each class came about over all examples, so that a tame machine is noticed.
seen: collections.Counter[str] = collections.Counter()


class Killed(Exception):
    """The process died here."""


@contextlib.contextmanager
def killed_after(statements: int | None) -> Iterator[None]:
    """Dies before the statement of that number, counted from zero; with None, never."""
    left = statements

    def count(execute: Any, sql: str, *arguments: Any) -> Any:
        nonlocal left
        if left is not None and not sql.startswith(("SAVEPOINT", "RELEASE", "ROLLBACK")):
            if left == 0:
                left = None  # the dead do not die again while the database rolls back
                raise Killed
            left -= 1
        return execute(sql, *arguments)

    with connection.execute_wrapper(count):
        yield


@dataclasses.dataclass
class Held:
    row: Hold
    take: Take
    at: datetime.datetime
    entry: Entry | None = None
    given_back: Decimal = Decimal(0)
    open: bool = True


class Books(RuleBasedStateMachine):
    """Two deliverables, four budgets, a clock that only goes on.

    The books are looked at after every `looks_every` steps, and at the end.
    """

    looks_every = 5
    steps = 0

    @initialize()
    def begin(self) -> None:
        self.transaction = transaction.atomic()
        self.transaction.__enter__()
        self.cast, self.now = make_cast(), FIRST
        other = factories.deliverable(self.cast.campaign, category=self.cast.brand_film)
        self.takes = [factories.take(each) for each in (self.cast.deliverable, other)]
        self.held: list[Held] = []
        self.cash: list[tuple[Deliverable, datetime.datetime, Decimal]] = []
        self.moves: dict[Any, list[tuple[datetime.datetime, str]]] = {
            take.deliverable_id: [] for take in self.takes
        }
        self.budgets = [
            self._budget("workspace", None, "month", "9"),
            self._budget("campaign", self.cast.campaign, "campaign", "12"),
            self._budget("deliverable", self.cast.deliverable, "month", "5"),
            self._budget("workspace", None, "rolling", "8", rolling_days=3),
        ]

    def _budget(
        self, scope: str, target: Any, window: str, limit: str, rolling_days: int | None = None
    ) -> budgets.Budget:
        return budgets.set_budget(
            scope=scope,
            target=target,
            window=window,
            rolling_days=rolling_days,
            limit=Decimal(limit),
            by=self.cast.finance,
            now=self.now,
        )

    def teardown(self) -> None:
        if hasattr(self, "transaction"):
            try:
                self.look()
            finally:
                transaction.set_rollback(True)
                self.transaction.__exit__(None, None, None)
                seen["steps"] += self.steps

    @invariant()
    def now_and_then_all_is_sound(self) -> None:
        self.steps += 1
        if self.steps % self.looks_every == 0:
            self.look()

    def look(self) -> None:
        """Compares the books with the plain account."""
        self.pots_are_where_the_plain_lists_say()
        self.windows_are_the_sum_of_their_holds()
        self.every_hold_settles_once_and_totals_are_kept()
        self.the_books_find_nothing_wrong_with_themselves()

    @contextlib.contextmanager
    def attempt(self, kill: int | None, *refusals: type[Exception]) -> Iterator[list[bool]]:
        """What is done here happens whole, or is refused or killed and then has changed nothing."""
        before, done = books(), [True]
        try:
            with killed_after(kill), transaction.atomic():
                yield done
        except (Killed, *refusals) as error:
            done[0] = False
            seen[type(error).__name__] += 1
            assert books() == before

    @rule(hours=st.integers(1, 400))
    def time_passes(self, hours: int) -> None:
        self.now += datetime.timedelta(hours=hours)

    @rule(place=places, prices=st.lists(amounts, min_size=1, max_size=3), kill=KILLS)
    def reserve(self, place: int, prices: list[Decimal], kill: int | None) -> None:
        take = self.takes[place % len(self.takes)]
        made: list[Hold] = []
        with self.attempt(kill, budgets.BudgetRefused) as done:
            plan = [planned(str(price)) for price in prices]
            made = ledger.reserve(take=take, holds=plan, now=self.now)
        if done[0]:
            self.held += [Held(row, take, self.now) for row in made]

    @rule(place=places)
    def reserve_beyond_every_limit(self, place: int) -> None:
        with self.attempt(None, budgets.BudgetRefused) as done:
            ledger.reserve(take=self.takes[place % len(self.takes)], holds=[planned("25")], now=self.now)
        assert not done[0]

    def _one(self, place: int) -> Held:
        return self.held[place % len(self.held)]

    @precondition(lambda self: any(one.open for one in self.held))
    @rule(
        place=places,
        price=amounts,
        late=st.sampled_from(LATE),
        kill=KILLS,
    )
    def post(self, place: int, price: Decimal, late: int, kill: int | None) -> None:
        self.settle(place, price, late, kill)

    @precondition(lambda self: any(one.open for one in self.held))
    @rule(place=places, more=amounts, late=st.sampled_from(LATE[1:]))
    def post_late_and_above_its_hold(self, place: int, more: Decimal, late: int) -> None:
        waiting = [one for one in self.held if one.open]
        self.settle(place, waiting[place % len(waiting)].row.amount + more, late, None)

    def settle(self, place: int, price: Decimal, late: int, kill: int | None) -> None:
        waiting = [one for one in self.held if one.open]
        one, at = waiting[place % len(waiting)], self.now - datetime.timedelta(hours=late)
        moved = self.moves[one.take.deliverable_id]
        if late and moved:  # what comes late, comes from before the last decision
            at = min(at, moved[-1][0] - datetime.timedelta(hours=late))
        entry: Entry | None = None
        with self.attempt(kill) as done:
            entry = ledger.post(hold=one.row, charge=charge(str(price), at=at), now=self.now)
        if done[0]:
            assert entry is not None
            one.entry, one.open = entry, False
            self.cash.append((one.take.deliverable, at, price))
            seen["above its hold"] += price > one.row.amount
            seen["late"] += any(at < instant for instant, _ in moved)

    @precondition(lambda self: any(not one.open for one in self.held))
    @rule(place=places)
    def settle_again(self, place: int) -> None:
        settled = [one for one in self.held if not one.open]
        one, before = settled[place % len(settled)], books()
        assert ledger.post(hold=one.row, charge=charge("1"), now=self.now) is None
        assert books() == before

    @precondition(lambda self: self.held)
    @rule(place=places, kill=KILLS)
    def void(self, place: int, kill: int | None) -> None:
        one, released = self._one(place), False
        with self.attempt(kill) as done:
            released = ledger.void(hold=one.row, reason="cancelled", now=self.now)
        if done[0]:
            assert released == one.open
            one.open = False

    @precondition(lambda self: any(one.entry for one in self.held))
    @rule(place=places)
    def refund_too_much(self, place: int) -> None:
        self.refund_share(place, 11, None)

    @precondition(lambda self: any(one.entry for one in self.held))
    @rule(place=places, share=st.sampled_from([4, 7, 10]), kill=KILLS)
    def refund(self, place: int, share: int, kill: int | None) -> None:
        self.refund_share(place, share, kill)

    def refund_share(self, place: int, share: int, kill: int | None) -> None:
        posted = [one for one in self.held if one.entry]
        one = posted[place % len(posted)]
        back = (one.entry.amount * share / 10).quantize(Decimal("1e-8"))  # type: ignore[union-attr]
        with self.attempt(kill, ledger.RefundTooLarge) as done:
            ledger.refund(entry=one.entry, amount=back, at=self.now, now=self.now)  # type: ignore[arg-type]
        if done[0]:
            one.given_back += back
            self.cash.append((one.take.deliverable, self.now, -back))

    @rule(place=places, other=st.booleans(), kill=KILLS)
    def move_on(self, place: int, other: bool, kill: int | None) -> None:
        """A decision that fits the state, so that not all are refused."""
        moves = self.moves[self.takes[place % len(self.takes)].deliverable_id]
        pot = moves[-1][1] if moves else "wip"
        opening = "write_off" if other else "accept"
        self.decide_on(place, {"accepted": "reverse", "written_off": "reopen"}.get(pot, opening), kill)

    @rule(place=places, word=st.sampled_from(WORDS), kill=KILLS)
    def decide(self, place: int, word: str, kill: int | None) -> None:
        self.decide_on(place, word, kill)

    def decide_on(self, place: int, word: str, kill: int | None) -> None:
        take = Take.objects.get(pk=self.takes[place % len(self.takes)].pk)
        deliverable, count = take.deliverable, Decision.objects.count()
        whole = word in ("write_off", "reopen")
        with self.attempt(kill, AgainstGrammar) as done:
            pots.decide(
                deliverable=deliverable,
                take=None if whole else take,
                decision=word,
                by=self.cast.manager,
                at=self.now,
            )
        assert Decision.objects.count() == count + done[0]
        if done[0] and word in pots.POT_AFTER:
            self.moves[deliverable.pk].append((self.now, pots.POT_AFTER[word]))
            seen[word] += 1

    @rule(place=places, limit=st.sampled_from([0, 1, 5, 9, 12, 20]), kill=KILLS)
    def change_limit(self, place: int, limit: int, kill: int | None) -> None:
        budget = self.budgets[place % len(self.budgets)]
        with self.attempt(kill, budgets.LimitBelowUse):
            budgets.change_limit(budget=budget, limit=Decimal(limit), by=self.cast.finance, now=self.now)

    @precondition(lambda self: any(one.open for one in self.held))
    @rule()
    def lower_a_limit_too_far(self) -> None:
        """The campaign's budget covers every hold, so nothing is not enough."""
        with self.attempt(None, budgets.LimitBelowUse) as done:
            budgets.change_limit(budget=self.budgets[1], limit=Decimal(0), by=self.cast.finance, now=self.now)
        assert not done[0]

    def _pots(self, until: datetime.datetime) -> dict[tuple[Any, str], Decimal]:
        """What lies where, worked out slowly: all cash before an instant in the pot of the state then."""
        lies: dict[tuple[Any, str], Decimal] = {}
        for deliverable, at, amount in self.cash:
            if at < until:
                before = [pot for moved, pot in self.moves[deliverable.pk] if moved < until]
                place = deliverable.pk, before[-1] if before else "wip"
                lies[place] = lies.get(place, Decimal(0)) + amount
        return {place: amount for place, amount in lies.items() if amount}

    def pots_are_where_the_plain_lists_say(self) -> None:
        for until in (self.now + datetime.timedelta(seconds=1), self.now - datetime.timedelta(days=9)):
            kept: dict[tuple[Any, str], Decimal] = {}
            for row in Entry.objects.filter(effective_at__lt=until):
                for account, sign in ((row.debit, 1), (row.credit, -1)):
                    if not account.startswith("provider:"):
                        place = row.deliverable_id, account
                        kept[place] = kept.get(place, Decimal(0)) + row.amount * sign
            assert {place: amount for place, amount in kept.items() if amount} == self._pots(until)

    def windows_are_the_sum_of_their_holds(self) -> None:
        for row in BudgetWindow.objects.select_related("budget", "budget__workspace"):
            of = (row.budget, row.budget.workspace, row.starts_at)
            until, freed_until = budgets.windows.holds_end(*of), budgets.windows.end(*of)
            own = [
                one
                for one in self.held
                if one.at >= row.starts_at
                and (until is None or one.at < until)
                and row.budget.deliverable_id in (None, one.take.deliverable_id)
            ]
            assert row.reserved == sum((one.row.amount for one in own if one.open), Decimal(0))
            assert row.carried + row.spent + row.reserved <= row.limit + row.overshoot
            refunds = Entry.objects.filter(
                kind="refund", refunds__in=[one.entry.id for one in own if one.entry]
            )
            freed = [
                each.amount for each in refunds if freed_until is None or each.effective_at < freed_until
            ]
            spent = sum((one.entry.amount for one in own if one.entry), Decimal(0))
            assert row.spent == spent + sum(freed, Decimal(0))

    def every_hold_settles_once_and_totals_are_kept(self) -> None:
        assert Hold.objects.count() == len(self.held)
        assert HoldOutcome.objects.count() == sum(not one.open for one in self.held)
        for cost in DeliverableCost.objects.all():
            own = [amount for each, _, amount in self.cash if each.pk == cost.deliverable_id]
            assert cost.generation == sum(own, Decimal(0))
            open_ones = [
                one.row.amount
                for one in self.held
                if one.open and one.take.deliverable_id == cost.deliverable_id
            ]
            assert cost.reserved == sum(open_ones, Decimal(0))

    def the_books_find_nothing_wrong_with_themselves(self) -> None:
        assert checks.problems(now=self.now) == []
        for month in ("2026-09", f"{self.now:%Y-%m}"):
            found = roll_forward.roll_forward(self.cast.workspace, month)
            assert found.differences == []
