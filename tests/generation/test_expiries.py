"""The hourly look at expired credits: on the queue's schedule, and by the task that it names."""

from __future__ import annotations

import datetime
from decimal import Decimal

from django.utils import timezone
from django_q.models import Schedule

from billing import credits
from billing.models import Entry
from generation import expiries, tasks
from tests.cast import Cast


def test_the_schedule_names_the_task_once(db: None) -> None:
    for _ in range(2):
        expiries.ensure_schedule()
    row = Schedule.objects.get()
    assert (row.func, row.schedule_type) == ("generation.tasks.expiries", Schedule.HOURLY)


def test_the_task_books_what_expired_once(cast: Cast) -> None:
    today = timezone.now().date()
    credits.buy(
        unit="credit:runway",
        credits=Decimal(100),
        price=Decimal(4),
        currency="EUR",
        bought_on=today - datetime.timedelta(days=9),
        expires_on=today - datetime.timedelta(days=3),
        source="R-1",
        by=cast.finance,
    )
    assert [tasks.expiries(), tasks.expiries()] == [1, 0]
    assert Entry.objects.get().amount == Decimal(4)
