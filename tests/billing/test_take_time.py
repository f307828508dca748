"""What people's time on each take of a deliverable is worth: the same pieces as the month adds up."""

from __future__ import annotations

from decimal import Decimal

from billing import audit, take_time
from projects.models import Deliverable, RoleRate, TimeLog
from tests import factories
from tests.billing.test_audit import looked, made, reviewed
from tests.factories import utc

__all__ = ["reviewed"]
END = utc("2025-10-31T00:00:00")


def test_each_take_has_its_own_review_and_waiting(reviewed: Deliverable) -> None:
    person = reviewed.workspace.memberships.get().person
    first = made(reviewed, "08:00", "08:10", requested_by=person)
    second = made(reviewed, "10:00", "10:06")
    looked(first, "09:00", "09:40", "reject")  # 15 minutes at most, at 60
    looked(second, "11:00", "11:03", "accept")
    found = take_time.by_take(deliverable=reviewed, until=END)
    # waiting: 10 minutes at 40, a quarter of it
    assert found == {first.pk: Decimal("15") + Decimal("1.66666667"), second.pk: Decimal("3")}
    month = audit.month_document(workspace=reviewed.workspace, month="2025-10", by="campaign")
    assert abs(Decimal(month["totals"]["time"]) - sum(found.values())) <= Decimal("0.00000001")


def test_only_what_is_known_by_then_counts(reviewed: Deliverable) -> None:
    take = made(reviewed, "08:00", "08:10")
    looked(take, "09:00", "09:10", "reject")
    assert take_time.by_take(deliverable=reviewed, until=utc("2025-10-06T09:10:00")) == {}
    assert take_time.by_take(deliverable=reviewed, until=utc("2025-10-06T09:10:01")) == {take.pk: 10}


def test_a_log_on_the_deliverable_stands_for_itself(reviewed: Deliverable) -> None:
    TimeLog.objects.create(
        workspace=reviewed.workspace,
        deliverable=reviewed,
        person=reviewed.workspace.memberships.get().person,
        started_at=utc("2025-10-06T12:00:00"),
        minutes=30,
        role="producer",
    )
    assert take_time.by_take(deliverable=reviewed, until=END) == {None: Decimal(20)}


def test_without_rates_or_events_there_is_nothing(reviewed: Deliverable) -> None:
    RoleRate.objects.all().delete()
    other = factories.deliverable(reviewed.campaign, "e", category=reviewed.category)
    assert take_time.by_take(deliverable=other, until=END) == {}
