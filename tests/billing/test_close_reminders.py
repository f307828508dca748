"""Reminders that a month waits: told late, to whom it concerns, each week, and not for ever."""

from __future__ import annotations

import datetime

import pytest

from billing import close_reminders, closing
from billing.models import Entry
from projects.models import Membership, Notice
from tests import factories
from tests.billing.test_closing import AFTER, MONTH, closed, prepare, second, spent
from tests.cast import Cast
from tests.factories import utc

__all__ = ["second", "spent"]
END = utc("2026-09-30T22:00:00")  # of September in Berlin
DAY = datetime.timedelta(days=1)


def told() -> list[tuple[str, str]]:
    rows = Notice.objects.filter(kind="month_waits").order_by("created_at", "membership__person__email")
    return list(rows.values_list("membership__person__email", "title"))


def test_a_month_that_is_over_is_told_after_three_days_and_each_week(cast: Cast, spent: Entry) -> None:
    finance = cast.finance.person.email
    assert close_reminders.tell(now=END + 3 * DAY - DAY / 24) == 0
    assert close_reminders.tell(now=END + 3 * DAY) == 1
    assert close_reminders.tell(now=END + 9 * DAY) == 0
    assert close_reminders.tell(now=END + 10 * DAY) == 1
    assert told() == [(finance, "September 2026 is over and not under review")] * 2
    assert close_reminders.tell(now=END + 30 * DAY) == 1
    assert close_reminders.tell(now=END + 31 * DAY - DAY / 24) == 0


def test_nothing_is_told_of_a_month_without_cash(cast: Cast) -> None:
    assert close_reminders.tell(now=END + 4 * DAY) == 0


def test_a_review_waits_for_its_signature_and_then_for_the_other_person(
    cast: Cast, spent: Entry, second: Membership
) -> None:
    closing.begin(workspace=cast.workspace, month=MONTH, by=cast.finance, now=AFTER)
    assert close_reminders.tell(now=AFTER + 2 * DAY - DAY / 24) == 0
    assert close_reminders.tell(now=AFTER + 2 * DAY) == 2
    assert {title for _, title in told()} == {"September 2026 waits for its first signature"}
    Notice.objects.all().delete()
    prepare(cast)
    signed = AFTER + 3 * DAY
    closing.sign(workspace=cast.workspace, month=MONTH, by=cast.finance, now=signed)
    assert close_reminders.tell(now=signed + DAY) == 1
    assert told() == [(second.person.email, "September 2026 waits for its second person")]


def test_a_closed_month_waits_no_more_and_the_next_is_looked_at(
    cast: Cast, spent: Entry, second: Membership
) -> None:
    closed(cast, second)
    found = close_reminders.waiting(cast.workspace, utc("2026-11-10T00:00:00"))
    assert found is None  # October has no cash
    assert close_reminders.tell(now=AFTER + 20 * DAY) == 0


@pytest.mark.parametrize("others", [True, False])
def test_who_signed_is_asked_again_only_where_nobody_else_could_close(
    cast: Cast, spent: Entry, others: bool
) -> None:
    if others:
        factories.membership(cast.workspace, "finance", person=factories.person("third@example.com"))
    prepare(cast)
    closing.sign(workspace=cast.workspace, month=MONTH, by=cast.finance, now=AFTER)
    close_reminders.tell(now=AFTER + DAY)
    expected = "third@example.com" if others else cast.finance.person.email
    assert [email for email, _ in told()] == [expected]
