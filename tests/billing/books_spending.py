"""Verbs that spend: reserve, post, void, refund, re-rate, adjust, and what a whole campaign costs."""

from __future__ import annotations

import datetime
from decimal import Decimal

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from billing import budgets, ledger, rerating, shared_costs
from billing.invoices import settle
from billing.models import Difference, Entry
from projects.models import Decision
from tests.billing.booking import charge, planned
from tests.billing.books_base import KILLS, Base, places, seldom
from tests.billing.books_ground import PRICES, RATE, seen
from tests.billing.books_plain import NOUGHT, Held, eighth, part

amounts = st.decimals("0.00000001", "3", places=8) | st.sampled_from([Decimal("0.7"), Decimal("2.1")])
LATE = (0, 1, 30, 300, 1500, 1500)


class Spending(Base):
    """Holds and what becomes of them; adjustments of charges and of shared costs."""

    @rule(place=places, prices=st.lists(amounts, min_size=1, max_size=3), beyond=seldom, kill=KILLS)
    def reserve(self, place: int, prices: list[Decimal], beyond: bool, kill: int | None) -> None:
        """Now and then beyond what any limit allows."""
        take, prices = self.takes[place % len(self.takes)], [*prices, *[Decimal(60)] * beyond]
        with self.attempt("reserve", kill, budgets.BudgetRefused) as done:
            made = ledger.reserve(take=take, holds=[planned(str(each)) for each in prices], now=self.now)
        assert not (done and beyond)
        if done:
            self.held += [Held(row, take, self.now) for row in made]

    @precondition(lambda self: self.waiting)
    @rule(place=places, price=amounts, late=st.sampled_from(LATE), kill=KILLS)
    def post(self, place: int, price: Decimal, late: int, kill: int | None) -> None:
        self._post(self.one_of(self.waiting, place), price, late, kill)

    @precondition(lambda self: self.waiting)
    @rule(place=places, more=amounts, late=st.sampled_from(LATE[1:]))
    def post_late_and_above_its_hold(self, place: int, more: Decimal, late: int) -> None:
        one = self.one_of(self.waiting, place)
        self._post(one, one.row.amount + more, late, None)

    @precondition(lambda self: self.waiting)
    @rule(
        place=places,
        units=st.integers(1, 30),
        at=st.sampled_from([0, 0, 1]),
        late=st.sampled_from(LATE),
        kill=KILLS,
    )
    def post_at_a_price(self, place: int, units: int, at: int, late: int, kill: int | None) -> None:
        native = eighth(PRICES[at] * units)
        one = self.one_of(self.waiting, place)
        said = {"native_amount": native, "native_currency": "USD", "rate": RATE}
        said |= {"units": Decimal(units), "price_row": self.ground.prices[at].pk}
        if self._post(one, eighth(native * RATE), late, kill, **said):
            one.price, one.units = at, Decimal(units)

    def _post(self, one: Held, price: Decimal, late: int, kill: int | None, **said: object) -> bool:
        at, entry = self.now - datetime.timedelta(hours=late), None
        moved = self.plain.last_move(one.take.deliverable_id)
        if late and moved:  # what comes late, comes from before the last decision
            at = min(at, moved.at - datetime.timedelta(hours=late))
        if late >= 300 and self.plain.closed_until:  # or from a month that is closed
            at = min(at, self.plain.closed_until - datetime.timedelta(hours=late))
        with self.attempt("post", kill) as done:
            entry = ledger.post(hold=one.row, charge=charge(str(price), at=at, **said), now=self.now)
        if not done:
            return False
        assert isinstance(entry, Entry)
        self.settled(one, entry, price, at)
        seen["above its hold"] += price > one.row.amount
        seen["late"] += moved is not None and at < moved.at
        seen["into a later month"] += self.plain.effective(at, self.now) != at
        return True

    @precondition(lambda self: self.held)
    @rule(place=places, kill=KILLS)
    def void(self, place: int, kill: int | None) -> None:
        """One that is settled already is settled by nothing, neither void nor post."""
        one, released = self.one_of(self.held, place), False
        if not one.open and place % 2:
            with self.unchanged("post again"):
                assert ledger.post(hold=one.row, charge=charge("1", at=self.now), now=self.now) is None
            return
        with self.attempt("void", kill) as done:
            released = ledger.void(hold=one.row, reason="cancelled", now=self.now)
        if done:
            assert released == one.open
            one.open = False

    @precondition(lambda self: self.posted)
    @rule(place=places, tenths=st.sampled_from([4, 7, 10, 11]), kill=KILLS)
    def refund(self, place: int, tenths: int, kill: int | None) -> None:
        one = self.one_of(self.posted, place)
        back = eighth(one.amount * tenths / 10)
        fits = back <= one.left and (one.left or not one.given_back)
        with self.attempt("refund", kill, ledger.RefundTooLarge) as done:
            row = ledger.refund(entry=one.entry, amount=back, at=self.now, now=self.now)
            assert row.amount == -back
        assert fits or not done
        if done:
            if one.drawn and back:
                self.plain.give_back(one, back)
            one.given_back.append((self.now, back))
            self.book(self.now, -back, take=one.take)
        else:
            assert done.killed or not fits

    @precondition(lambda self: any(one.price is not None for one in self.posted))
    @rule(wrong=st.sampled_from([0, 1]), right=st.sampled_from([0, 1, 2]), kill=KILLS)
    def rerate(self, wrong: int, right: int, kill: int | None) -> None:
        rows = self.ground.prices
        if wrong == right:
            right = 2
        wanted = [(one, lack) for one in self.posted if (lack := self._lacks(one, wrong, right))]
        with self.attempt("re-rate", kill) as done:
            found = rerating.rerate(
                wrong=rows[wrong],
                right=rows[right],
                by=self.cast.finance,
                note="Last year's list.",
                now=self.now,
            )
            assert found == (len(wanted), sum((lack for _, lack in wanted), NOUGHT))
        if done:
            for one, lack in wanted:
                one.adjusted += lack
                self.book(one.entry.service_at, lack, take=one.take)

    def _lacks(self, one: Held, wrong: int, right: int) -> Decimal:
        """By how much a charge under the wrong price is short of its units at the right one."""
        if one.price != wrong or (not one.left and one.amount):
            return NOUGHT
        native = eighth(part(PRICES[right] * one.units, one.left, one.amount))
        return eighth(native * RATE) - one.left - one.adjusted

    @precondition(lambda self: self.posted)
    @rule(place=places, more=st.sampled_from([Decimal("-0.3"), Decimal("0.11")]), kill=KILLS)
    def adjust_by_a_bill(self, place: int, more: Decimal, kill: int | None) -> None:
        one = self.one_of(self.posted, place)
        again = one.difference is not None
        if one.difference is None:
            one.difference = self._billed(one.entry, more)
        with self.attempt("adjust", kill, settle.Settled) as done:
            row = settle.adjust(
                difference=one.difference, reason="As billed", by=self.cast.finance, now=self.now
            )
            assert (row.amount, row.corrects) == (one.difference.amount, one.entry.id)
        if done:
            assert not (again and one.difference.pk in self.adjusted)
            self.adjusted.add(one.difference.pk)
            one.adjusted += one.difference.amount
            self.book(one.entry.service_at, one.difference.amount, take=one.take)
        else:
            assert done.killed or one.difference.pk in self.adjusted

    def _billed(self, entry: Entry, more: Decimal) -> Difference:
        """What the reconciliation of a bill leaves where it charges `more` than we booked."""
        return Difference.objects.create(
            workspace_id=entry.workspace_id,
            provider=entry.provider,
            month=f"{entry.service_at:%Y-%m}",
            kind="price",
            amount=more,
            ours=entry.amount,
            entry=entry.id,
            service_at=entry.service_at,
            why="another price",
            found_at=self.now,
        )

    @rule(place=places, amount=amounts, days=st.sampled_from([0, 2, 20]), kill=KILLS)
    def book_a_shared_cost(self, place: int, amount: Decimal, days: int, kill: int | None) -> None:
        campaign = self.campaigns[place % len(self.campaigns)]
        day = (self.now - datetime.timedelta(days=days)).date()
        with self.attempt("book shared", kill) as done:
            row = shared_costs.book(
                campaign=campaign,
                amount=amount,
                currency="EUR",
                service_on=day,
                reason="Plates",
                evidence="Bill 7",
                by=self.cast.finance,
                now=self.now,
            )
        if done:
            self.shared.append([row, amount])
            self.book(row.service_at, amount, campaign=campaign)

    @precondition(lambda self: self.shared)
    @rule(place=places, to=st.sampled_from([Decimal(0), Decimal("0.5"), Decimal("1.33333333")]), kill=KILLS)
    def adjust_a_shared_cost(self, place: int, to: Decimal, kill: int | None) -> None:
        cost = self.one_of(self.shared, place)
        row, was = cost
        if to == was:
            to += 1
        with self.attempt("adjust", kill) as done:
            shared_costs.adjust(
                entry=row, amount=to, was=was, reason="Rebate", by=self.cast.finance, now=self.now
            )
        if done:
            cost[1] = to
            self.book(row.service_at, to - was, campaign=row.campaign)

    @precondition(lambda self: self.posted)
    @rule(place=places, kill=KILLS)
    def let_the_campaign_bear_a_take(self, place: int, kill: int | None) -> None:
        take, rows = self.takes[place % len(self.takes)], []
        campaign = take.deliverable.campaign
        with self.attempt("take over", kill, shared_costs.NothingLeft) as done:
            rows = shared_costs.take_over(
                campaign=campaign, take=take, reason="Plates", by=self.cast.finance, now=self.now
            )
        whole = sum((row.amount for row in self.plain.cash if row.take == take.pk), NOUGHT)
        if done:
            assert sum(row.amount for row in rows) == whole
            self.book(self.now, -whole, take=take)
            self.book(self.now, whole, campaign=campaign)
        else:
            assert done.killed or not whole

    @precondition(lambda self: self.steps > 20)
    @rule(place=places, sure=seldom, kill=KILLS)
    def end_campaign(self, place: int, sure: bool, kill: int | None) -> None:
        """What is not spread is written off. Where it is not sure, the deliverable alone is."""
        campaign = self.campaigns[place % len(self.campaigns)]
        if not sure:
            self.decide_on(place, "write_off", kill)
            return
        with self.attempt("end campaign", kill, self.AgainstGrammar) as done:
            row = shared_costs.end_campaign(campaign=campaign, by=self.cast.finance, now=self.now)
            assert isinstance(row, Decision)
        if done:
            assert campaign.pk not in self.ended
            self.ended.add(campaign.pk)
            self.decided(self.now, "end_campaign", campaign.pk)
        else:
            assert done.killed or campaign.pk in self.ended
