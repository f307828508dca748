"""Verbs of credits: buy a pack, spend out of packs, let packs expire."""

from __future__ import annotations

import datetime
from decimal import Decimal

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from billing import credits, ledger, months
from billing.models import CreditBalance
from tests.billing.booking import charge
from tests.billing.books_base import KILLS, Base, places
from tests.billing.books_ground import UNIT, seen
from tests.billing.books_plain import Lot

LIFE = (None, 0, 3, 20)
INSTANT = datetime.timedelta(microseconds=1)


class Credits(Base):
    """Packs of one provider's credits, and charges that draw on them."""

    @property
    def day(self) -> datetime.date:
        return self.now.astimezone(months.zone_of(self.cast.workspace)).date()

    @rule(
        number=st.sampled_from(["100", "30.5"]),
        price=st.sampled_from(["1", "0.99999999"]),
        days=st.sampled_from(LIFE),
        kill=KILLS,
    )
    def buy_credits(self, number: str, price: str, days: int | None, kill: int | None) -> None:
        lot, day = None, self.day
        until = None if days is None else day + datetime.timedelta(days=days)
        with self.attempt("buy credits", kill) as done:
            lot = credits.buy(
                unit=UNIT,
                credits=Decimal(number),
                bonus=Decimal(2),
                price=Decimal(price),
                currency="EUR",
                bought_on=day,
                expires_on=until,
                source=f"Receipt {self.steps}",
                by=self.cast.finance,
                now=self.now,
            )
        if done:
            assert lot is not None
            self.plain.lots.append(Lot(lot.pk, day, until, Decimal(number) + 2, Decimal(price)))

    @precondition(lambda self: self.waiting and self.plain.usable(self.day))
    @rule(place=places, number=st.sampled_from(["1", "7.5", "60", "1000"]), kill=KILLS)
    def post_in_credits(self, place: int, number: str, kill: int | None) -> None:
        """Never more than the packs have: what is used beyond them is another test's matter."""
        one, at, entry = self.one_of(self.waiting, place), self.now, None
        wanted = min(Decimal(number), sum((lot.credits for lot in self.plain.usable(self.day)), Decimal(0)))
        said = {"provider": "runway", "native_amount": wanted, "native_currency": UNIT}
        with self.attempt("post in credits", kill) as done:
            entry = ledger.post(hold=one.row, charge=charge("7", at=at, **said), now=self.now)
        if done:
            one.drawn = self.plain.draw(wanted, self.day)
            self.settled(one, entry, sum((cost for _, cost in one.drawn.values()), Decimal(0)), at)

    @precondition(lambda self: self.due())
    @rule(kill=KILLS)
    def expire_credits(self, kill: int | None) -> None:
        """Each pack ends in a transaction of its own, so only where there is one it may be killed."""
        due = self.due()
        with self.attempt("expire", kill if len(due) == 1 else None) as done:
            assert credits.expire_due(now=self.now) == len(due)
        if done:
            self.expired(due)

    def due(self) -> list[Lot]:
        """Packs with a rest whose last day is over."""
        return [
            lot for lot in self.plain.lots if lot.credits and lot.expires_on and lot.expires_on < self.day
        ]

    def expired(self, due: list[Lot]) -> None:
        """The rests are a period cost of their last day."""
        for lot in due:
            assert lot.expires_on is not None
            following = lot.expires_on + datetime.timedelta(days=1)
            over = months.first_instant(following, months.zone_of(self.cast.workspace))
            self.book(over - INSTANT, lot.cost)
            lot.credits = lot.cost = Decimal(0)
            seen["packs expired"] += 1

    def packs_hold_what_the_plain_account_says(self) -> None:
        kept = {row.lot_id: (row.credits, row.cost) for row in CreditBalance.objects.all()}
        assert kept == {lot.id: (lot.credits, lot.cost) for lot in self.plain.lots}
