"""Sums of months: kept by fold, exact before it, checked against the rows and a slow reference for time."""

from __future__ import annotations

import datetime
import random
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection

from billing import audit, ledger, month_sums, pots, touched
from billing.figures import printed
from billing.models import MonthPart, MonthSum
from projects.models import (
    Campaign,
    Deliverable,
    Person,
    RoleRate,
    Take,
    TakeView,
    TimeLog,
    Touch,
    Workspace,
)
from tests import factories
from tests.billing import naive_time
from tests.billing.booking import charge, spend
from tests.billing.naive_time import Day
from tests.factories import utc

pytestmark = pytest.mark.django_db

FIRST = utc("2025-10-30T00:00")
NOVEMBER = 2 * 24 * 60
DECEMBER = 32 * 24 * 60


def instant(minute: int) -> datetime.datetime:
    return FIRST + datetime.timedelta(minutes=minute)


@pytest.fixture
def campaign(db: None) -> Campaign:
    """Of a workspace in UTC, with hourly rates."""
    workspace = factories.workspace("timed", time_zone="UTC")
    for role, rate in naive_time.RATES.items():
        RoleRate.objects.create(workspace=workspace, role=role, hourly_rate=rate, starts_on="2025-01-01")
    return factories.campaign(factories.project(workspace, "p"), "c")


class Studio:
    """Writes what happens into the product and into the slow reference."""

    def __init__(self, campaign: Campaign) -> None:
        self.campaign = campaign
        self.workspace = campaign.workspace
        self.day = Day()
        self.people = {name: factories.person(f"{name}@example.org") for name in ("ada", "pia")}
        category = factories.category(self.workspace)
        self.deliverables = {
            key: factories.deliverable(campaign, key, category=category, created_at=instant(0))
            for key in "abcd"
        }
        self.takes: dict[str, Take] = {}

    def person(self, name: str) -> Person:
        return self.people[name]

    def asked(self, name: str, person: str, key: str, at: int) -> None:
        self.takes[name] = factories.take(
            self.deliverables[key], requested_by=self.person(person), requested_at=instant(at), state="queued"
        )

    def ready(self, name: str, person: str, key: str, asked: int, at: int) -> None:
        take = Take.objects.filter(pk=self.takes[name].pk)
        take.update(state="ready", ended_at=instant(at), counted_at=instant(at))
        self.day.waits.append((person, key, asked, at))

    def opened(self, name: str, person: str, key: str, at: int) -> None:
        take = self.takes[name]
        TakeView.objects.create(
            workspace=self.workspace, take=take, person=self.person(person), at=instant(at)
        )
        self.day.views.append((person, key, name, at))

    def decided(self, name: str, person: str, key: str, at: int, decision: str) -> None:
        deliverable = Deliverable.objects.get(pk=self.deliverables[key].pk)
        take = Take.objects.get(pk=self.takes[name].pk)
        if deliverable.state == "accepted" and (decision == "accept" or take.mark == "accepted"):
            return
        by = self.person(person)
        pots.decide(deliverable=deliverable, take=take, decision=decision, by=by, at=instant(at))
        self.day.decisions.append((person, key, name, at))
        if decision == "accept":
            self.day.accepted[key] = at

    def logged(self, name: str, person: str, key: str, at: int, minutes: int) -> None:
        TimeLog.objects.create(
            workspace=self.workspace,
            deliverable=self.deliverables[key],
            take=self.takes[name],
            person=self.person(person),
            role="reviewer",
            started_at=instant(at),
            minutes=minutes,
        )
        self.day.logs.append((person, key, name, at, minutes))


def plan(dice: random.Random) -> list[tuple[int, str, tuple[Any, ...]]]:
    """What happens around the end of October, in the order of time; crowded, so that much overlaps."""
    found: list[tuple[int, str, tuple[Any, ...]]] = []
    for number in range(14):
        name, key, person = f"t{number}", dice.choice("abcd"), dice.choice(("ada", "pia"))
        asked = NOVEMBER + dice.randrange(-240, 120)
        ready = asked + dice.randrange(1, 90)
        found.append((asked, "asked", (name, person, key, asked)))
        found.append((ready, "ready", (name, person, key, asked, ready)))
        at = ready
        for _ in range(dice.randrange(3)):
            by, at = dice.choice(("ada", "pia")), at + dice.randrange(1, 40)
            found.append((at, "opened", (name, by, key, at)))
            if dice.random() < 0.7:
                at += dice.randrange(0, 25)
                decision = dice.choice(("select", "reject", "accept"))
                found.append((at, "decided", (name, by, key, at, decision)))
        if dice.random() < 0.15:
            at += dice.randrange(1, 30)
            minutes = dice.randrange(5, 120)
            found.append((at + minutes, "logged", (name, dice.choice(("ada", "pia")), key, at, minutes)))
    return sorted(found, key=lambda each: each[0])


def time_of(workspace: Workspace, month: str) -> str:
    found = audit.month_document(workspace=workspace, month=month)["totals"]["time"]
    assert isinstance(found, str)
    return found


@pytest.mark.parametrize("seed", range(12))
def test_time_agrees_with_the_slow_reference_whenever_it_is_folded(campaign: Campaign, seed: int) -> None:
    dice = random.Random(seed)
    studio = Studio(campaign)
    for _, what, values in plan(dice):
        getattr(studio, what)(*values)
        if dice.random() < 0.15:
            month_sums.fold()
    assert month_sums.problems() == []
    ends = {"2025-10": NOVEMBER, "2025-11": DECEMBER}
    for month, until in ends.items():
        begins = until - 30 * 24 * 60 if month == "2025-11" else 0
        accepted = [key for key, at in studio.day.accepted.items() if begins <= at < until]
        expected = sum(studio.day.cost(key, until) for key in accepted)
        assert time_of(campaign.workspace, month) == printed(expected), month
    month_sums.fold()
    assert month_sums.problems() == []
    assert not Touch.objects.exists()


@pytest.fixture
def folded(campaign: Campaign) -> Studio:
    """One deliverable accepted after a wait of 30 minutes and 5 of review; another not yet."""
    studio = Studio(campaign)
    studio.asked("one", "pia", "a", 600)
    studio.ready("one", "pia", "a", 600, 630)
    studio.opened("one", "ada", "a", 640)
    studio.decided("one", "ada", "a", 645, "accept")
    month_sums.fold()
    assert (time_of(campaign.workspace, "2025-10"), Touch.objects.count()) == ("10.00000000", 0)
    return studio


def beside(studio: Studio) -> None:
    """Another take of the same producer, known after the first was accepted."""
    studio.asked("two", "pia", "b", 615)
    studio.ready("two", "pia", "b", 615, 700)


def logged(studio: Studio) -> None:
    studio.logged("one", "ada", "a", 500, 20)


def rate(studio: Studio) -> None:
    RoleRate.objects.create(
        workspace=studio.workspace, role="producer", hourly_rate=80, starts_on="2025-10-30"
    )


def cap(studio: Studio) -> None:
    Workspace.objects.filter(pk=studio.workspace.pk).update(waiting_cap_minutes=12)
    studio.workspace.refresh_from_db()


def opened_again(studio: Studio) -> None:
    studio.opened("one", "ada", "a", 643)


@pytest.mark.parametrize(
    ("write", "expected"),
    [
        (beside, "8.75000000"),  # 15 + 15 / 2 minutes of waiting
        (logged, "25.00000000"),  # the log stands instead of the opening
        (rate, "15.00000000"),
        (cap, "7.00000000"),
        (opened_again, "7.00000000"),
    ],
)
def test_what_changes_time_is_seen_at_once_and_kept(
    folded: Studio, write: Callable[[Studio], None], expected: str
) -> None:
    write(folded)
    assert time_of(folded.workspace, "2025-10") == expected
    month_sums.fold()
    assert time_of(folded.workspace, "2025-10") == expected
    assert month_sums.problems() == []


def test_cash_that_comes_late_is_seen_at_once_and_kept(folded: Studio) -> None:
    spend(folded.takes["one"], "1.5", at=instant(900))
    for _ in range(2):
        found = audit.month_document(workspace=folded.workspace, month="2025-10")
        assert (found["totals"]["late"], found["outcomes"]["accepted"]) == ("1.50000000", "1.50000000")
        month_sums.fold()
    assert not Touch.objects.exists()


def test_another_time_zone_moves_the_months(folded: Studio) -> None:
    spend(folded.takes["one"], "1.5", at=utc("2025-10-31T23:30"))
    month_sums.fold()
    Workspace.objects.update(time_zone="Europe/Berlin")
    folded.workspace.refresh_from_db()
    for _ in range(2):
        found = audit.month_document(workspace=folded.workspace, month="2025-11")
        assert found["outcomes"]["accepted"] == "1.50000000"
        month_sums.fold()
    assert month_sums.problems() == []


def test_a_due_date_that_is_moved_changes_what_was_on_time(folded: Studio) -> None:
    assert audit.also(workspace=folded.workspace, month="2025-10").on_time is None
    Deliverable.objects.filter(key="a").update(due_on="2025-10-29")
    for _ in range(2):
        assert audit.also(workspace=folded.workspace, month="2025-10").on_time == 0
        month_sums.fold()


def test_what_no_figure_stands_on_is_not_noted(folded: Studio) -> None:
    Take.objects.update(starred=True)
    Deliverable.objects.update(name="another", updated_at=utc("2026-01-01T00:00"))
    factories.take(folded.deliverables["a"], state="queued")
    assert not touched.seen(folded.workspace)


def test_a_wrong_sum_is_named_and_worked_out_anew(folded: Studio) -> None:
    MonthSum.objects.filter(figure="time", category="").update(amount=Decimal(11))
    assert month_sums.problems() == [
        f"{folded.workspace}, 2025-10: time p/c is kept as 11.00000000, the rows say 10.00000000."
    ]
    Touch.objects.create(workspace=folded.workspace)
    assert time_of(folded.workspace, "2025-10") == "10.00000000"
    month_sums.fold()
    assert month_sums.problems() == []


def test_cash_of_a_day_in_no_month_lets_the_others_be_worked_out(folded: Studio) -> None:
    said = charge("1.5", at=utc("0202-11-05T10:00"))
    deliverable = folded.deliverables["a"]
    ledger.charge_without_hold(workspace=folded.workspace, deliverable=deliverable, charge=said)
    beside(folded)
    month_sums.fold()
    assert not Touch.objects.exists()
    assert time_of(folded.workspace, "2025-10") == "8.75000000"
    assert month_sums.problems() == []


def test_a_workspace_that_cannot_be_worked_out_keeps_no_other_from_it(folded: Studio) -> None:
    other = factories.workspace()
    for workspace in (folded.workspace, other):
        Touch.objects.create(workspace=workspace)
    Workspace.objects.filter(pk=folded.workspace.pk).update(time_zone="Mars/Olympus_Mons")
    month_sums.fold()
    assert set(Touch.objects.values_list("workspace", flat=True)) == {folded.workspace.pk}


def test_so_many_notes_that_all_is_worked_out_anew(folded: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(touched, "MANY", 1)
    beside(folded)
    assert touched.seen(folded.workspace).everything
    month_sums.fold()
    assert time_of(folded.workspace, "2025-10") == "8.75000000"
    assert MonthPart.objects.count() == 1


def test_all_is_worked_out_month_by_month_and_stays_exact_meanwhile(folded: Studio) -> None:
    spend(folded.takes["one"], "1.5", at=utc("2025-11-30T12:00"))
    month_sums.fold()
    Touch.objects.create(workspace=folded.workspace)
    steps = 0
    while month_sums.fold_step(folded.workspace):
        steps += 1
        assert time_of(folded.workspace, "2025-10") == ("10.00000000" if steps < 3 else "8.75000000")
        if steps == 2:
            beside(folded)
    assert steps == 4  # everything is emptied, two months, the note goes; then what came since
    assert time_of(folded.workspace, "2025-10") == "8.75000000"
    assert not Touch.objects.exists()
    assert month_sums.problems() == []


def test_a_setting_that_changes_meanwhile_begins_it_anew(folded: Studio) -> None:
    Touch.objects.create(workspace=folded.workspace)
    assert month_sums.fold_step(folded.workspace)
    assert month_sums.fold_step(folded.workspace)
    cap(folded)
    month_sums.fold()
    assert time_of(folded.workspace, "2025-10") == "7.00000000"
    assert month_sums.problems() == []


def test_lead_times_are_the_same_kept_and_worked_out(folded: Studio) -> None:
    for key, at in (("b", 700), ("c", 1500)):
        folded.asked(key, "pia", key, at - 20)
        folded.ready(key, "pia", key, at - 20, at - 10)
        folded.decided(key, "ada", key, at, "accept")
    for _ in range(2):
        found = audit.also(workspace=folded.workspace, month="2025-10")
        assert found.lead_median == datetime.timedelta(minutes=700)
        assert found.lead_80 == datetime.timedelta(minutes=700 + 0.6 * 800)
        month_sums.fold()


def test_a_reader_outside_a_transaction_reads_one_instant(transactional_db: None) -> None:
    with month_sums.snapshot(), connection.cursor() as cursor:
        cursor.execute("SHOW transaction_isolation")
        assert cursor.fetchone() == ("repeatable read",)
