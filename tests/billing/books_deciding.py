"""Verbs that decide: on deliverables, on limits of budgets, and on requests to raise one."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from billing import budget_raises, budgets, pots
from billing.models import Budget
from tests.billing.books_base import KILLS, Base, places
from tests.billing.books_ground import seen
from tests.billing.books_plain import FROM

WORDS = ("accept", "reverse", "write_off", "reopen", "reject", "select")
ASKERS = ("producer", "reviewer", "manager")


class Deciding(Base):
    """Decisions on three deliverables; limits and raises of four budgets."""

    budgets: list[Budget]
    limits: dict[Any, Decimal]
    requests: list[Any]

    @rule(place=places, word=st.sampled_from((None, None, *WORDS)), kill=KILLS)
    def decide(self, place: int, word: str | None, kill: int | None) -> None:
        """Without a word it is one that fits the state, so that not all are refused."""
        pot = self.plain.pot(self.takes[place % len(self.takes)].deliverable_id)
        opening = "write_off" if place > 3 else "accept"
        word = word or {"accepted": "reverse", "written_off": "reopen"}.get(pot, opening)
        self.decide_on(place, word, kill)

    def decide_on(self, place: int, word: str, kill: int | None) -> None:
        take = self.takes[place % len(self.takes)]
        deliverable, whole = take.deliverable, word in ("write_off", "reopen")
        pot = self.plain.pot(deliverable.pk)
        fits = FROM[word] == pot if word in FROM else word == "select" or pot != "accepted"
        with self.attempt("decide", kill, self.AgainstGrammar) as done:
            pots.decide(
                deliverable=deliverable,
                take=None if whole else take,
                decision=word,
                by=self.cast.manager,
                at=self.now,
            )
        assert bool(done) == fits or done.killed
        if done:
            self.plain.decisions += 1
            if word in FROM:
                self.decided(self.now, word, deliverable.campaign_id, deliverable.pk)

    @rule(place=places, limit=st.sampled_from([0, 1, 5, 9, 12, 20, 30]), kill=KILLS)
    def change_limit(self, place: int, limit: int, kill: int | None) -> None:
        budget = self.budgets[place % len(self.budgets)]
        with self.attempt("limit", kill, budgets.LimitBelowUse) as done:
            budgets.change_limit(budget=budget, limit=Decimal(limit), by=self.cast.finance, now=self.now)
        if done:
            assert limit or budget != self.budgets[1] or not self.holds_of_the_campaign()
            self.limits[budget.pk] = Decimal(limit)

    def holds_of_the_campaign(self) -> bool:
        """The campaign's budget covers every hold of the campaign, so with one nothing is not enough."""
        return any(one.take.deliverable.campaign_id == self.cast.campaign.pk for one in self.waiting)

    @rule(place=places, who=st.sampled_from(ASKERS), more=st.sampled_from([1, 3]), kill=KILLS)
    def ask_for_a_raise(self, place: int, who: str, more: int, kill: int | None) -> None:
        budget, row = self.budgets[place % len(self.budgets)], None
        waits = any(
            (each.budget_id, each.requested_by_id) == (budget.pk, getattr(self.cast, who).person_id)
            for each in self.requests
        )
        with self.attempt("ask", kill, budget_raises.RaiseRefused) as done:
            row = budget_raises.ask(
                budget=budget, more=Decimal(more), reason="Snow", by=getattr(self.cast, who), now=self.now
            )
        assert bool(done) != waits or done.killed
        if done:
            self.requests.append(row)

    @precondition(lambda self: self.requests)
    @rule(place=places, who=st.sampled_from(["manager", "second_manager", "finance"]), kill=KILLS)
    def grant_a_raise(self, place: int, who: str, kill: int | None) -> None:
        row, by = self.one_of(self.requests, place), getattr(self.cast, who)
        refusals = (budget_raises.RaiseRefused, budgets.LimitBelowUse)
        with self.attempt("raise", kill, *refusals) as done:
            budget_raises.grant(request=row, by=by, now=self.now)
        if done:
            assert row.requested_by_id != by.person_id
            assert row.expires_at > self.now
            self.limits[row.budget_id] += row.more
            self.requests.remove(row)

    @precondition(lambda self: self.requests)
    @rule(place=places, word=st.sampled_from(["decline", "withdraw"]), kill=KILLS)
    def end_a_request(self, place: int, word: str, kill: int | None) -> None:
        row = self.one_of(self.requests, place)
        asker = next(who for who in ASKERS if getattr(self.cast, who).person_id == row.requested_by_id)
        with self.attempt(word, kill, budget_raises.RaiseRefused) as done:
            if word == "withdraw":
                budget_raises.withdraw(request=row, by=getattr(self.cast, asker), now=self.now)
            else:
                budget_raises.decline(request=row, by=self.cast.finance, note="Not now", now=self.now)
        if done:
            self.requests.remove(row)
        else:
            assert done.killed or row.expires_at <= self.now

    @precondition(lambda self: any(each.expires_at <= self.now for each in self.requests))
    @rule()
    def let_requests_expire(self) -> None:
        over = [each for each in self.requests if each.expires_at <= self.now]
        with self.attempt("expire request", None):
            assert budget_raises.expire_due(now=self.now) == len(over)
        self.requests = [each for each in self.requests if each not in over]
        seen["requests expired"] += len(over)
