"""Logged time: one's own, taken back and not edited, locked with closed months, and never cash."""

from __future__ import annotations

import datetime
from decimal import Decimal
from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.test import Client
from django.urls import reverse

from billing import audit, closing, month_sums, months, periods, pots, standing, take_time, time_logs
from billing.models import Entry, MonthClose
from projects.access import MissingRight
from projects.models import RoleRate, TakeView, TimeLog
from projects.problems import Invalid
from tests import factories
from tests.billing.test_shared_costs import accept
from tests.cast import Cast
from tests.factories import utc

BEGUN = utc("2026-10-06T12:00:00")
END = utc("2026-10-31T00:00:00")


@pytest.fixture
def rated(cast: Cast) -> Cast:
    for role, rate in (("producer", 40), ("reviewer", 60)):
        RoleRate.objects.create(
            workspace=cast.workspace, role=role, hourly_rate=rate, starts_on=datetime.date(2026, 1, 1)
        )
    return cast


def log(cast: Cast, minutes: str = "30", **said: Any) -> TimeLog:
    usual: dict[str, Any] = {"kind": "briefing", "role": "producer", "started_at": BEGUN, "by": cast.producer}
    usual["deliverable"] = cast.deliverable
    return time_logs.log(minutes=Decimal(minutes), **{**usual, **said})


def worth(cast: Cast) -> Decimal:
    return sum(take_time.by_take(deliverable=cast.deliverable, until=END).values(), Decimal(0))


def test_a_log_is_worth_its_minutes_at_the_roles_rate_and_books_nothing(rated: Cast) -> None:
    row = log(rated)
    assert (row.person, row.campaign, row.logged_by) == (
        *(rated.producer.person, rated.campaign),
        rated.producer.person,
    )
    assert worth(rated) == 20
    assert not Entry.objects.exists()


def test_what_is_taken_back_counts_no_more_and_what_overlapped_with_it_counts_whole_again(
    rated: Cast,
) -> None:
    row = log(rated)
    other = log(rated, "60", kind="editing")
    assert worth(rated) == 40  # an hour in all: half of it is shared by both
    back = time_logs.take_back(row=row, by=rated.producer)
    assert (back.reverses, back.minutes) == (row, 30)
    assert worth(rated) == 40
    time_logs.take_back(row=other, by=rated.finance)
    assert worth(rated) == 0
    with pytest.raises(time_logs.TakenBack):
        time_logs.take_back(row=row, by=rated.producer)


def test_the_months_kept_sums_follow_a_log_and_its_taking_back(rated: Cast) -> None:
    take = factories.take(
        rated.deliverable, phase="hero", requested_at=BEGUN, state="ready", counted_at=BEGUN
    )
    accept(take, "2026-10-07T10:00")
    row = log(rated)
    month_sums.fold()
    assert month(rated) == "20.00000000"
    time_logs.take_back(row=row, by=rated.producer)
    assert month(rated) == "0.00000000"
    month_sums.fold()
    assert month_sums.problems() == []


def month(cast: Cast) -> str:
    found: str = audit.month_document(workspace=cast.workspace, month="2026-10")["totals"]["time"]
    return found


def test_what_is_wrong_is_named(rated: Cast) -> None:
    with pytest.raises(Invalid) as refused:
        log(
            rated,
            "-1",
            kind="sleep",
            role="finance",
            campaign=rated.campaign,
            started_at=utc("2999-01-01T00:00"),
        )
    assert set(refused.value.errors) == {"minutes", "kind", "role", "deliverable", "started_at"}
    with pytest.raises(MissingRight):
        log(rated, by=rated.viewer)
    row = log(rated)
    with pytest.raises(MissingRight):
        time_logs.take_back(row=row, by=rated.manager)
    assert TimeLog.objects.count() == 1


def test_a_closed_month_takes_no_log_and_gives_none_back(rated: Cast) -> None:
    row = log(rated)
    span = months.span(rated.workspace, "2026-10")
    who = rated.finance.person
    MonthClose.objects.create(
        workspace=rated.workspace,
        month="2026-10",
        starts_at=span.start,
        ends_at=span.end,
        document={},
        digest="",
        entries=0,
        signed_by=who,
        signed_at=span.end,
        closed_by=who,
        closed_at=span.end,
        single_signature=True,
    )
    with pytest.raises(IntegrityError, match=r"month of 2026-10-06 .* is closed"), transaction.atomic():
        TimeLog.objects.create(
            workspace=rated.workspace, person=who, started_at=BEGUN, minutes=5, role="producer"
        )
    with pytest.raises(periods.MonthClosed):
        log(rated)
    with pytest.raises(periods.MonthClosed):
        time_logs.take_back(row=row, by=rated.producer)
    assert TimeLog.objects.count() == 1


def test_a_month_under_review_takes_no_log_and_gives_one_back_to_finance_alone(rated: Cast) -> None:
    row = log(rated)
    closing.begin(workspace=rated.workspace, month="2026-10", by=rated.finance, now=utc("2026-11-02T08:00"))
    with pytest.raises(standing.SoftClosed, match="2026-10, which is under review"):
        log(rated)
    with pytest.raises(standing.SoftClosed):
        time_logs.take_back(row=row, by=rated.producer)
    assert TimeLog.objects.count() == 1
    time_logs.take_back(row=row, by=rated.finance)
    assert worth(rated) == 0


def test_a_log_is_never_changed(rated: Cast) -> None:
    log(rated)
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("UPDATE projects_timelog SET minutes = 1")


def test_reviews_and_waiting_are_measured_up_to_the_caps(rated: Cast) -> None:
    person = rated.reviewer.person
    take = factories.take(
        rated.deliverable,
        phase="hero",
        requested_by=person,
        requested_at=BEGUN,
        ended_at=BEGUN + datetime.timedelta(minutes=90),
        state="ready",
        counted_at=BEGUN,
    )
    TakeView.objects.create(workspace=rated.workspace, take=take, person=person, at=utc("2026-10-07T09:50"))
    take.refresh_from_db()
    pots.decide(
        deliverable=take.deliverable,
        take=take,
        decision="accept",
        by=rated.reviewer,
        at=utc("2026-10-07T10:00"),
    )
    span = months.span(rated.workspace, "2026-10")
    assert time_logs.measured(rated.workspace, span) == (1, 10, 1, 60)
    assert time_logs.measured(rated.workspace, span, person.pk) == (1, 10, 1, 60)
    assert time_logs.measured(rated.workspace, span, rated.producer.person_id) == (0, 0, 0, 0)


def test_an_opening_is_measured_for_the_first_decision_after_it_alone(rated: Cast) -> None:
    person = rated.reviewer.person
    piece = factories.deliverable(rated.campaign, category=rated.concept_sketch, created_at=BEGUN)
    take = factories.take(piece, requested_at=BEGUN, state="ready", counted_at=BEGUN)
    TakeView.objects.create(workspace=rated.workspace, take=take, person=person, at=utc("2026-10-07T09:50"))
    for at, decision in (("2026-10-07T09:54", "select"), ("2026-10-07T10:00", "accept")):
        piece.refresh_from_db()
        pots.decide(deliverable=piece, take=take, decision=decision, by=rated.reviewer, at=utc(at))
    span = months.span(rated.workspace, "2026-10")
    assert time_logs.measured(rated.workspace, span, person.pk)[:2] == (1, 4)


def test_everybodys_time_names_persons_only_where_the_workspace_says_so(rated: Cast) -> None:
    log(rated)
    log(rated, "15", deliverable=None, campaign=rated.campaign, kind="meeting")
    span = months.span(rated.workspace, "2026-10")
    assert [
        (row.key, row.kind, row.person, row.minutes, row.worth)
        for row in time_logs.summed(rated.workspace, span)
    ] == [
        ("acme/autumn", "briefing", "", 30, 20),
        ("acme/autumn", "meeting", "", 15, 10),
    ]
    rated.workspace.time_by_person = True
    assert {row.person for row in time_logs.summed(rated.workspace, span)} == {"producer@example.com"}


def test_the_pages_log_take_back_and_export(rated: Cast, client: Client) -> None:
    client.force_login(rated.producer.person)
    slug = rated.workspace.slug
    mine = reverse("billing:time", args=[slug])
    said = {
        "minutes": "30",
        "started_at": "2026-10-06T14:00",
        "kind": "briefing",
        "role": "producer",
        "campaign": str(rated.campaign.pk),
        "deliverable": "opening",
        "note": "=brief",
    }
    assert 'type="submit" data-once>Log time' in client.get(mine).content.decode()
    assert client.post(f"{mine}?month=2026-10", {**said, "deliverable": "nothing"}).status_code == 422
    assert client.post(f"{mine}?month=2026-10", said).status_code == 302
    row = TimeLog.objects.get()
    assert row.started_at == BEGUN
    made = b"".join(client.get(mine, {"month": "2026-10", "format": "csv"})).decode()  # type: ignore[arg-type]
    assert ",30.000,briefing,producer,acme/autumn,opening,'=brief," in made
    assert client.get(reverse("billing:time_of_all", args=[slug])).status_code == 403
    back = reverse("billing:take_time_back", args=[slug, row.pk])
    client.force_login(rated.stranger.person)
    assert client.post(back).status_code == 404
    client.force_login(rated.manager.person)
    assert client.post(back).status_code == 403
    client.force_login(rated.producer.person)
    assert client.post(back).status_code == 302
    assert "taken back" in client.get(mine, {"month": "2026-10"}).content.decode()
    client.force_login(rated.finance.person)
    page = client.get(reverse("billing:time_of_all", args=[slug]), {"month": "2026-10"})
    assert page.status_code == 200
