"""Any sequence of verbs, killed before any statement, leaves the books balanced.

The machine keeps its own account in plain lists (`books_plain`) and compares every figure of the books
with it. Its verbs are in `books_spending`, `books_deciding`, `books_credits` and `books_closing`; its clock
goes on by a second a step, by hours, and over the ends of months.
"""

from __future__ import annotations

import contextlib
import datetime
from decimal import Decimal
from typing import Any

from django.db import transaction
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from billing import budgets, checks, months, roll_forward, unsettled, windows
from billing.models import BudgetWindow, DeliverableCost, Hold, HoldOutcome
from projects.models import Decision
from tests.billing.books_closing import Closing
from tests.billing.books_deciding import Deciding
from tests.billing.books_ground import FIRST, ask, clock, make_ground, seen
from tests.billing.books_plain import Account
from tests.billing.books_spending import Spending

__all__ = ["DONE", "FIRST", "LATEST", "VERBS", "Books", "make_ground", "seen"]

#: From here on time stands, so that a look at all months stays cheap.
LATEST = FIRST + datetime.timedelta(days=150)
SECOND = datetime.timedelta(seconds=1)
#: What has to come about in a run of some minutes, as the machine counts it; a shorter one has to do `DONE`.
DONE = (
    *("reserve", "post", "void", "refund", "re-rate", "adjust", "close", "write_off", "end_campaign"),
    *("raise", "expire", "accept", "Killed", "decide refused", "write into a closed month refused"),
)
VERBS = (
    *(
        "reserve",
        "post",
        "void",
        "refund",
        "re-rate",
        "adjust",
        "close",
        "reverse",
        "write_off",
        "end_campaign",
    ),
    *(
        "raise",
        "expire",
        "packs expired",
        "accrual",
        "requests expired",
        "take over",
        "days sealed",
        "Killed",
    ),
    *(
        "reserve refused",
        "limit refused",
        "refund refused",
        "decide refused",
        "raise refused",
        "sign refused",
    ),
    *("close refused", "close alone refused", "review refused", "write into a closed month refused"),
    *("above its hold", "late", "into a later month", "accept", "reopen", "post in credits"),
)
BOOKED = """
    SELECT effective_at, stage = 'shared', debit, credit, amount, campaign_id, deliverable_id
    FROM billing_entry
"""


class Books(Spending, Deciding, Closing, RuleBasedStateMachine):
    """Three deliverables of two campaigns, four budgets, a clock that only goes on.

    The books are looked at after every `looks_every` steps, and at the end. The class is given its `ground`
    (`make_ground`) before it runs.
    """

    looks_every = 20
    steps = 0
    first = FIRST

    @initialize()
    def begin(self) -> None:
        self.now, self.steps = FIRST, 0
        self.ground = self.ground_of.fresh()
        self.plain = Account()
        self.plain.began = {take.deliverable_id: take.deliverable.campaign_id for take in self.takes}
        self.held, self.shared, self.adjusted, self.ended = [], [], set(), set()
        self.requests, self.review, self.frozen, self.taken_back = [], None, [], 0
        self.open = contextlib.ExitStack()
        self.open.enter_context(clock(lambda: self.now))
        self.open.enter_context(transaction.atomic())
        self.sources, unsettled._sources = unsettled._sources, [self.unsettled]
        self.budgets = [
            self._budget("workspace", None, "month", "30"),
            self._budget("campaign", self.cast.campaign, "campaign", "40"),
            self._budget("deliverable", self.cast.deliverable, "month", "8"),
            self._budget("workspace", None, "rolling", "20", rolling_days=3),
        ]
        self.limits = {budget.pk: budget.limit for budget in self.budgets}

    def _budget(self, scope: str, target: Any, window: str, limit: str, **said: Any) -> budgets.Budget:
        return budgets.set_budget(
            scope=scope,
            target=target,
            window=window,
            limit=Decimal(limit),
            by=self.cast.finance,
            now=self.now,
            **said,
        )

    def teardown(self) -> None:
        if hasattr(self, "sources"):
            try:
                if self.steps % self.looks_every:
                    self.look()
            finally:
                self.end()

    def end(self) -> None:
        """Leaves everything as it was before the sequence."""
        unsettled._sources = self.sources
        transaction.set_rollback(True)
        self.open.close()
        seen["steps"] += self.steps

    @precondition(lambda self: self.now < LATEST)
    @rule(hours=st.integers(1, 400))
    def time_passes(self, hours: int) -> None:
        self.now += datetime.timedelta(hours=hours)
        self.seal_what_is_due()

    @precondition(lambda self: self.now < LATEST)
    @rule(hours=st.integers(1, 60))
    def a_month_ends(self, hours: int) -> None:
        end = months.span(self.cast.workspace, months.month_of(self.cast.workspace, self.now)).end
        self.now = end + datetime.timedelta(hours=hours)
        self.seal_what_is_due()

    @invariant()
    def now_and_then_all_is_sound(self) -> None:
        self.steps += 1
        if self.steps % self.looks_every == 0:
            self.look()

    def look(self) -> None:
        """Compares the books with the plain account."""
        seen["looks"] += 1
        self.cash_lies_where_the_plain_account_says()
        self.every_month_rolls_forward_as_the_plain_account_does()
        self.windows_are_the_sum_of_their_holds()
        self.every_hold_settles_once_and_totals_are_kept()
        self.packs_hold_what_the_plain_account_says()
        self.closed_months_are_as_they_were_closed()
        assert checks.problems(now=self.now) == []

    def cash_lies_where_the_plain_account_says(self) -> None:
        until, kept = self.now + SECOND, {}
        both = Decimal(0)
        for at, shared, debit, credit, amount, campaign, deliverable in ask(BOOKED):
            assert at < until
            for account, sign in ((debit, 1), (credit, -1)):
                both += amount * sign
                if not account.startswith("provider:"):
                    place = campaign, None if shared and account == "wip" else deliverable, account
                    kept[place] = kept.get(place, Decimal(0)) + amount * sign
        assert both == 0
        assert {place: amount for place, amount in kept.items() if amount} == self.plain.content(until)

    def every_month_rolls_forward_as_the_plain_account_does(self) -> None:
        workspace, at = self.cast.workspace, FIRST
        while at <= self.now:
            month = months.month_of(workspace, at)
            span = months.span(workspace, month)
            found = roll_forward.roll_forward(workspace, month)
            assert found.differences == []
            assert found.kept.off_by() == 0
            kept = {
                key: {name: amount for name, amount in vars(terms).items() if amount}
                for key, terms in found.by_campaign.items()
            }
            plain = self.plain.terms(*span)
            assert {key: terms for key, terms in kept.items() if terms} == {
                k: v for k, v in plain.items() if v
            }
            at = span.end

    def windows_are_the_sum_of_their_holds(self) -> None:
        for row in BudgetWindow.objects.select_related("budget", "budget__workspace"):
            of = (row.budget, row.budget.workspace, row.starts_at)
            until, freed_until = windows.holds_end(*of), windows.end(*of)
            own = [
                one
                for one in self.held
                if one.at >= row.starts_at
                and (until is None or one.at < until)
                and row.budget.deliverable_id in (None, one.take.deliverable_id)
                and row.budget.campaign_id in (None, one.take.deliverable.campaign_id)
            ]
            assert row.reserved == sum((one.row.amount for one in own if one.open), Decimal(0))
            assert row.carried + row.spent + row.reserved <= row.limit + row.overshoot
            freed = [
                amount
                for one in own
                for at, amount in one.given_back
                if freed_until is None or at < freed_until
            ]
            assert row.spent == sum((one.amount for one in own), Decimal(0)) - sum(freed, Decimal(0))
            assert row.budget.limit == self.limits[row.budget_id]
            if until is None or self.now < until:
                assert row.limit == row.budget.limit

    def every_hold_settles_once_and_totals_are_kept(self) -> None:
        assert Hold.objects.count() == len(self.held)
        assert HoldOutcome.objects.count() == sum(not one.open for one in self.held)
        ended = [row for row in self.plain.decided if row.word == "end_campaign"]
        assert Decision.objects.count() == self.plain.decisions + len(ended)
        for cost in DeliverableCost.objects.all():
            own = [row.amount for row in self.plain.cash if row.deliverable == cost.deliverable_id]
            assert cost.generation + cost.control == sum(own, Decimal(0))
            open_ones = [
                one.row.amount for one in self.waiting if one.take.deliverable_id == cost.deliverable_id
            ]
            assert cost.reserved == sum(open_ones, Decimal(0))
