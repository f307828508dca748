"""What every verb of the machine of the books has: the sequence's state, its clock, and crashes."""

from __future__ import annotations

import contextlib
import datetime
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any, ClassVar, TypeVar

from hypothesis import strategies as st

from projects import identifiers
from projects.decisions import AgainstGrammar
from projects.models import Campaign, Take
from tests.billing import books_ground
from tests.billing.books_ground import Ground, Killed, killed_after, seen
from tests.billing.books_plain import NOUGHT, Account, Cash, Decided, Held

T = TypeVar("T")
places = st.integers(0, 5)
seldom = st.sampled_from([False, False, False, True])
#: One verb in four dies before one of its statements.
KILLS = st.sampled_from((*([None] * 84), *range(28)))


class Done:
    """Whether a verb was done; where it was not, whether it was killed."""

    def __init__(self) -> None:
        self.whole, self.killed = True, False

    def __bool__(self) -> bool:
        return self.whole


class Base:
    """The state of one sequence. `ground` is made once, before all sequences."""

    AgainstGrammar = AgainstGrammar
    ground_of: ClassVar[Ground]
    ground: Ground
    now: datetime.datetime
    plain: Account
    steps: int
    held: list[Held]
    shared: list[Any]
    adjusted: set[Any]
    ended: set[Any]

    def decide_on(self, place: int, word: str, kill: int | None) -> None:
        raise NotImplementedError

    @property
    def cast(self) -> Any:
        return self.ground.cast

    @property
    def takes(self) -> Sequence[Take]:
        return self.ground.takes

    @property
    def campaigns(self) -> list[Campaign]:
        return self.ground.campaigns

    @property
    def waiting(self) -> list[Held]:
        return [one for one in self.held if one.open]

    @property
    def posted(self) -> list[Held]:
        return [one for one in self.held if one.entry]

    def one_of(self, rows: Sequence[T], place: int) -> T:
        """The newest rows first, so that what came lately is met again."""
        return rows[-1 - place % len(rows)]

    @contextlib.contextmanager
    def attempt(self, verb: str, kill: int | None, *refusals: type[Exception]) -> Iterator[Done]:
        """What is done here happens whole, or is refused or killed and then has changed nothing.

        No transaction is opened around it: that nothing stays of what was begun is the verb's own to see to.
        """
        before = books_ground.fingerprint() if refusals or kill is not None else None
        done = Done()
        try:
            with self.identified(), killed_after(kill):
                yield done
        except (Killed, *refusals) as error:
            done.whole, done.killed = False, isinstance(error, Killed)
            seen[type(error).__name__] += 1
            seen[f"{verb} {'killed' if done.killed else 'refused'}"] += 1
            assert books_ground.fingerprint() == before, f"{verb} was broken off and left something"
        else:
            seen[verb] += 1

    @contextlib.contextmanager
    def unchanged(self, verb: str) -> Iterator[None]:
        before = books_ground.fingerprint()
        with self.identified():
            yield
        assert books_ground.fingerprint() == before
        seen[verb] += 1

    @contextlib.contextmanager
    def identified(self) -> Iterator[None]:
        """A second goes by, and identifiers are of the sequence's time, as the days of the chain are."""
        self.now += datetime.timedelta(seconds=1)
        at = int(self.now.timestamp() * 1000)
        with identifiers.repeatable(seed=at, milliseconds=at):
            yield

    def settled(self, one: Held, entry: Any, amount: Decimal, at: datetime.datetime) -> None:
        assert entry.amount == amount
        one.entry, one.amount, one.open = entry, amount, False
        self.book(at, amount, take=one.take)

    def book(
        self,
        at: datetime.datetime,
        amount: Decimal,
        *,
        take: Take | None = None,
        campaign: Campaign | None = None,
    ) -> None:
        """Cash of a service date, for a take, a campaign or (a period cost) for neither."""
        if amount == NOUGHT:
            return
        if take is not None:
            campaign = take.deliverable.campaign
        self.plain.cash.append(
            Cash(
                self.plain.effective(at, self.now),
                amount,
                campaign.pk if campaign else None,
                take.deliverable_id if take else None,
                take.pk if take else None,
            )
        )

    def decided(self, at: datetime.datetime, word: str, campaign: Any, deliverable: Any = None) -> None:
        self.plain.decided.append(Decided(at, word, campaign, deliverable))
        seen[word] += 1
