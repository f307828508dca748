"""Verbs of closing: review, what a signature needs, both signatures, accruals; and what is refused after."""

from __future__ import annotations

import dataclasses
import datetime
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from django.db import IntegrityError, connection, transaction
from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from billing import closing, closing_checks, months, pots, sampling, seals
from billing.models import Entry
from billing.unsettled import Unsettled
from tests.billing.booking import charge
from tests.billing.books_base import places
from tests.billing.books_credits import INSTANT, Credits
from tests.billing.books_ground import ask, seen
from tests.billing.books_plain import Held, eighth

#: A close takes some 200 statements; one in four dies before one of them.
LONG_KILLS = st.sampled_from((*([None] * 30), *range(0, 250, 25)))
FROZEN = """
    SELECT md5(string_agg(e::text, ',' ORDER BY e.id)) FROM billing_entry e
    WHERE e.effective_at < %s
    UNION ALL
    SELECT md5(string_agg(d::text, ',' ORDER BY d.sequence)) FROM projects_decision d WHERE d.at < %s
    UNION ALL
    SELECT md5(string_agg(c::text, ',' ORDER BY c.id)) FROM billing_monthclose c WHERE c.ends_at <= %s
"""


@dataclasses.dataclass
class Review:
    """How far the close of a month has come. `todo` are the checks that were named as missing."""

    month: str
    todo: list[str] = dataclasses.field(default_factory=list)
    signed_with: Any = None


class Closing(Credits):
    """Months are closed in their order, one verb a step, while other verbs go on."""

    review: Review | None
    frozen: list[tuple[datetime.datetime, list[Any]]]

    def unsettled(self, _: object, instant: datetime.datetime) -> list[Unsettled]:
        """What the room above tells of its open calls: each is expected at nine tenths of its hold."""
        return [self._asked(one) for one in self.waiting if one.at < instant]

    def _asked(self, one: Held) -> Unsettled:
        amount = str(expected(one.row.amount))
        said = charge(amount, at=one.at, run=one.row.run, call=one.row.pk)
        return Unsettled(one.row, said, one.at)

    def next_to_close(self) -> str:
        return months.month_of(self.cast.workspace, self.plain.closed_until or self.first)

    def is_over(self) -> bool:
        return months.span(self.cast.workspace, self.next_to_close()).end <= self.now

    @rule(kill=LONG_KILLS)
    def go_on_closing(self, kill: int | None) -> None:
        """The next verb on the way to a close; of a month that runs, the first is refused."""
        if self.review is None:
            self._begin(kill)
        elif self.review.todo:
            getattr(self, f"_{self.review.todo[-1]}")(self.review)
        elif self.review.signed_with is None:
            self._sign(self.review, kill)
        else:
            self._close(self.review, kill)

    @precondition(lambda self: self.is_over())
    @rule(kill=LONG_KILLS)
    def go_on_to_the_signatures(self, kill: int | None) -> None:
        """The same once more, so that months are closed more often than by chance."""
        self.go_on_closing(kill)

    def _begin(self, kill: int | None) -> None:
        month, due = self.next_to_close(), self.due()
        refusals = () if self.is_over() else (closing.CannotClose,)
        if due and refusals:  # packs expire, whatever becomes of the review
            self.expire_credits(kill)
            return
        with self.attempt("review", None if due else kill, *refusals) as done:
            closing.begin(workspace=self.cast.workspace, month=month, by=self.cast.finance, now=self.now)
        if done:
            self.expired(due)
            self.review = Review(month)
            assert not refusals

    def _providers(self, review: Review) -> None:
        said = {"workspace": self.cast.workspace, "month": review.month}
        names = list(closing_checks.providers(said["workspace"], months.span(**said)))
        steps = "SELECT provider FROM billing_monthstep WHERE month = %s AND kind = 'provider' AND id > %s"
        settled = {name for (name,) in ask(steps, review.month, self.taken_back)}
        open_ = [name for name in names if name not in settled]
        if len(open_) < 2:
            review.todo.pop()
        if open_:
            with self.attempt("settle provider", None):
                closing.settle_provider(
                    **said,
                    by=self.cast.finance,
                    provider=open_[0],
                    settlement="usage",
                    note="Its export: equal.",
                )

    def _sample(self, review: Review) -> None:
        said = {"workspace": self.cast.workspace, "month": review.month}
        open_ = [looked for looked in sampling.sample(**said) if looked.verdict is None]
        if len(open_) < 2:
            review.todo.pop()
        if open_:
            with self.attempt("judge", None):
                sampling.judge(
                    **said, by=self.cast.finance, take_id=open_[0].take.pk, agrees=True, now=self.now
                )

    def _exceptions(self, review: Review) -> None:
        review.todo.pop()
        with self.attempt("read exceptions", None):
            closing.read_exceptions(workspace=self.cast.workspace, month=review.month, by=self.cast.finance)

    def _sign(self, review: Review, kill: int | None) -> None:
        self._signing(
            "sign",
            review,
            kill,
            lambda: closing.sign(
                workspace=self.cast.workspace, month=review.month, by=self.cast.finance, now=self.now
            ),
        )
        if not review.todo:
            review.signed_with = self.as_closed(review.month)

    def _signing(self, verb: str, review: Review, kill: int | None, act: Callable[[], object]) -> Any:
        """A refusal names what is missing, so that the next steps bring it."""
        found: list[Any] = []
        with self.attempt(verb, kill, closing.CannotClose) as done:
            try:
                found.append(act())
            except closing.CannotClose as refused:
                review.todo = list(refused.extra.get("missing", []))
                found.append(refused)
                raise
        if done.killed:
            review.todo = review.todo or ["again"]
        return done, found

    def _again(self, review: Review) -> None:
        """It was killed: the next step tries once more."""
        review.todo.pop()
        self.go_on_closing(None)

    def _close(self, review: Review, kill: int | None) -> None:
        done, found = self._signing(
            "close",
            review,
            kill,
            lambda: closing.close(
                workspace=self.cast.workspace, month=review.month, by=self.ground.second, now=self.now
            ),
        )
        figures = self.as_closed(review.month)
        if done:
            assert figures == review.signed_with, "it was closed with other figures than were signed"
            self._closed(review.month, found[0])
        elif not done.killed:
            assert review.todo or "have changed" in found[0].detail
            review.signed_with = None

    def as_closed(self, month: str) -> Any:
        """The plain roll-forward of a month and what would be accrued."""
        span = months.span(self.cast.workspace, month)
        accrued = sorted((one.row.pk, one.row.amount) for one in self.waiting if one.at < span.end)
        return self.plain.terms(*span), accrued

    def _closed(self, month: str, row: Any) -> None:
        span = months.span(self.cast.workspace, month)
        for one in self.waiting:
            if one.at < span.end:
                self.book(span.end - INSTANT, expected(one.row.amount), take=one.take)
                self.book(span.end, -expected(one.row.amount), take=one.take)
                seen["accrual"] += 1
        self.plain.closed_until, self.review = span.end, None
        terms = self.plain.terms(*span).values()
        for name in ("opening_wip", "spend", "accepted", "written_off", "period", "closing_wip"):
            assert Decimal(row.document["roll_forward"][name]) == sum(
                (each.get(name, Decimal(0)) for each in terms), Decimal(0)
            ), name
        self.frozen.append((span.end, ask(FROZEN, *[span.end] * 3)))

    @precondition(lambda self: self.review and self.steps % 3 == 0)
    @rule()
    def take_a_review_back(self) -> None:
        assert self.review is not None
        with self.attempt("take back", None):
            closing.take_back(
                workspace=self.cast.workspace,
                month=self.review.month,
                by=self.cast.finance,
                note="A bill is missing.",
            )
        ((self.taken_back,),) = ask("SELECT max(id) FROM billing_monthstep")
        self.review = None

    @precondition(lambda self: self.review and self.review.signed_with)
    @rule()
    def close_as_who_signed(self) -> None:
        assert self.review is not None
        with self.attempt("close alone", None, closing.CannotClose) as done:
            closing.close(
                workspace=self.cast.workspace, month=self.review.month, by=self.cast.finance, now=self.now
            )
        assert not done

    @precondition(lambda self: self.plain.closed_until and self.held)
    @rule(place=places, hours=st.sampled_from([0, 5, 700]))
    def write_into_a_closed_month(self, place: int, hours: int) -> None:
        """What the database itself refuses, whatever the program would do."""
        at = self.plain.closed_until - INSTANT - datetime.timedelta(hours=hours)  # type: ignore[operator]
        take = self.takes[place % len(self.takes)]
        like = Entry.objects.filter(deliverable=take.deliverable_id, kind="charge").first()
        with (
            self.attempt("write into a closed month", None, IntegrityError, self.AgainstGrammar) as done,
            transaction.atomic(),
        ):
            if like is not None:
                like.id = self.held[-1].row.pk
                like.effective_at = at
                Entry.objects.bulk_create([like])
            else:
                pots.decide(
                    deliverable=take.deliverable, take=take, decision="select", by=self.cast.manager, at=at
                )
        assert not done

    def seal_what_is_due(self) -> None:
        """As the sweep does where a day is over."""
        with self.identified():
            seen["days sealed"] += seals.seal_due(now=self.now)

    def closed_months_are_as_they_were_closed(self) -> None:
        for until, rows in self.frozen[-1:]:
            assert ask(FROZEN, *[until] * 3) == rows
        assert list(seals.problems()) == []
        connection.check_constraints()


def expected(amount: Decimal) -> Decimal:
    return eighth(amount * 9 / 10)
