"""What the machine of the books stands on: people and rows, a clock, crashes, a fingerprint of the rows."""

from __future__ import annotations

import collections
import contextlib
import copy
import dataclasses
import datetime
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from django.db import connection
from django.utils import timezone

from billing import ledger, prices, rates
from billing.models import PriceRow
from projects.models import Campaign, Membership, Take
from tests import factories
from tests.cast import Cast, make_cast
from tests.factories import utc

FIRST = utc("2026-09-28T08:00")
RATE = Decimal("0.9")
UNIT = "credit:runway"
#: What an image costs in USD by each of the price rows.
PRICES = tuple(map(Decimal, ("0.04", "0.05", "0.00333333")))
#: How often each verb was done, refused and killed over all examples, so that a tame machine is noticed.
seen: collections.Counter[str] = collections.Counter()

#: Every table that an action on money writes, in one statement.
TABLES = (
    *("billing_entry", "billing_hold", "billing_holdoutcome", "billing_holdbudget", "billing_budgetwindow"),
    *("billing_budget", "billing_budgetraise", "billing_deliverablecost", "billing_costshare"),
    *("billing_creditlot", "billing_creditbalance", "billing_creditmovement", "billing_differencestep"),
    *("billing_monthclose", "billing_monthstep", "billing_sealedday", "projects_decision", "projects_event"),
)
FINGERPRINT = " UNION ALL ".join(
    f"SELECT count(*), COALESCE(sum(hashtextextended(t::text, 0)), 0) FROM {table} t" for table in TABLES
)


@dataclasses.dataclass(frozen=True)
class Ground:
    """Rows that stay as they are: two campaigns with three deliverables and a take each, and price rows."""

    cast: Cast
    second: Membership
    takes: tuple[Take, ...]
    prices: tuple[PriceRow, ...]

    @property
    def campaigns(self) -> list[Campaign]:
        return list({take.deliverable.campaign_id: take.deliverable.campaign for take in self.takes}.values())

    def fresh(self) -> Ground:
        """The same rows as objects of their own."""
        return copy.deepcopy(self)


def make_ground() -> Ground:
    """Makes the rows, and the ledger's months for the time that sequences run through."""
    cast, day_before = make_cast(), FIRST - datetime.timedelta(days=1)
    second = factories.membership(cast.workspace, "finance", person=factories.person("second@example.com"))
    winter = factories.campaign(cast.project, "winter", name="Winter")
    others = [
        factories.deliverable(each, category=cast.brand_film, created_at=day_before)
        for each in (cast.campaign, winter)
    ]
    cast.deliverable.created_at = day_before
    cast.deliverable.save(update_fields=["created_at"])
    takes = tuple(factories.take(each, requested_at=day_before) for each in (cast.deliverable, *others))
    rates.add_rate(currency="USD", day=day_before.date(), rate=RATE, by=cast.finance)
    rows = tuple(
        prices.add_row(
            model_key="fal/flux",
            unit="image",
            amount=amount,
            currency="USD",
            starts_at=day_before + datetime.timedelta(hours=number),
            by=cast.finance,
        )
        for number, amount in enumerate(PRICES)
    )
    ledger.ensure_partitions(FIRST, FIRST + datetime.timedelta(days=170))
    return Ground(cast, second, takes, rows)


class Killed(BaseException):
    """The process died here; nothing of the product may catch it."""


@contextlib.contextmanager
def killed_after(statements: int | None) -> Iterator[None]:
    """Dies before the statement of that number, counted from zero; with None, never."""
    if statements is None:
        yield
        return
    left: int | None = statements

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


@contextlib.contextmanager
def clock(now: Any) -> Iterator[None]:
    """Lets `timezone.now` answer what `now()` does, as it answers the database's time in the program."""
    before, timezone.now = timezone.now, now
    try:
        yield
    finally:
        timezone.now = before


def fingerprint() -> list[tuple[Any, ...]]:
    """Differs where a row of any table that an action on money writes has come, gone or changed."""
    return ask(FINGERPRINT)


def ask(statement: str, *values: Any) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return list(cursor.fetchall())
