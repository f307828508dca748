"""The audit by exact values: worked examples, bridge, effects, time, what is printed beside, the check."""

from __future__ import annotations

import datetime
import io
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from billing import audit, effects, exceptions, ledger, pots
from billing.dimensions import By
from billing.figures import Cells, Sums, printed
from billing.models import Entry
from billing.models.ledger import EntryKind
from generation import history
from projects.models import (
    CategoryTarget,
    Decision,
    Deliverable,
    RoleRate,
    Take,
    TakeView,
    TimeLog,
    Workspace,
)
from projects.problems import Invalid
from tests import factories
from tests.billing import written
from tests.factories import utc

pytestmark = pytest.mark.django_db


@pytest.fixture
def studio(db: None) -> Workspace:
    """The worked example with its September."""
    workspace = factories.workspace("studio")
    bring(
        workspace,
        written.charges_file(*written.OCTOBER_CHARGES, *written.SEPTEMBER_CHARGES),
        written.decisions_file(*written.OCTOBER_DECISIONS, *written.SEPTEMBER_DECISIONS),
    )
    return workspace


def bring(workspace: Workspace, charges: str, decisions: str) -> None:
    history.import_history(
        workspace=workspace,
        charges=io.BytesIO(charges.encode()),
        decisions=io.BytesIO(decisions.encode()),
        by=None,
    )


def october(workspace: Workspace, by: str = "campaign") -> dict[str, Any]:
    return audit.month_document(workspace=workspace, month="2025-10", by=by)


def test_the_worked_example_in_full(studio: Workspace) -> None:
    found = october(studio)
    assert found["totals"] == {
        "accepted": 1,
        "takes": 5,
        "rounds": 5,
        "multiplier": "5.00000000",
        "base": "0.44000000",
        "generation": "2.20000000",
        "control": "0.00000000",
        "refinement": "0.30000000",
        "time": "0.00000000",
        "cash": "2.50000000",
        "cash_per_acceptable": "2.50000000",
        "cost_per_acceptable": "2.50000000",
        "late": "0.00000000",
        "shared": "0.00000000",
        "cost_per_acceptable_with_shared": "2.50000000",
        "loaded_cost_per_acceptable": "2.55000000",
    }
    assert {name: found["previous"][name] for name in ("accepted", "takes", "cash_per_acceptable")} == {
        "accepted": 1,
        "takes": 2,
        "cash_per_acceptable": "2.05000000",
    }
    assert found["effects"] == {
        "price": "0.00000000",
        "multiplier": "0.15000000",
        "rest": "0.30000000",
        "mix": "0.00000000",
    }
    assert {kind: amount for kind, amount in found["outcomes"].items() if Decimal(amount)} == {
        "rejected": "0.10000000",
        "superseded": "0.05000000",
        "accepted": "2.35000000",
        "open": "0.10000000",
    }
    assert found["roll_forward"] == {
        "opening_wip": "0.05000000",
        "spend": "2.60000000",
        "accepted": "2.50000000",
        "written_off": "0.05000000",
        "period": "0.00000000",
        "closing_wip": "0.10000000",
    }


def test_by_phase_the_columns_add_up_and_base_stands_without_acceptance(studio: Workspace) -> None:
    draft, hero = october(studio, "phase")["rows"]
    assert (draft["accepted"], draft["takes"], draft["cash"], draft["base"]) == (
        0,
        4,
        "0.20000000",
        "0.05000000",
    )
    assert (draft["multiplier"], draft["cash_per_acceptable"]) == (None, None)
    assert (hero["accepted"], hero["takes"], hero["cash"]) == (1, 1, "2.30000000")


@pytest.mark.parametrize("by", By.values)
def test_every_split_adds_up_to_the_totals(studio: Workspace, by: str) -> None:
    found = october(studio, by)
    for name in ("accepted", "takes", "rounds"):
        assert sum(row[name] for row in found["rows"]) == found["totals"][name]
    for name in ("generation", "control", "refinement", "time", "cash"):
        assert sum(Decimal(row[name]) for row in found["rows"]) == Decimal(found["totals"][name])


def test_a_month_without_acceptance_has_no_ratio(studio: Workspace) -> None:
    found = audit.month_document(workspace=studio, month="2025-12")
    assert found["effects"] is None
    assert found["rows"] == []
    for name in ("multiplier", "base", "cash_per_acceptable", "loaded_cost_per_acceptable"):
        assert found["totals"][name] is None


@pytest.mark.parametrize(
    ("month", "by"), [("2025-13", "campaign"), ("October", "campaign"), ("2025-10", "colour")]
)
def test_an_unknown_month_or_split_is_refused(studio: Workspace, month: str, by: str) -> None:
    with pytest.raises(Invalid):
        audit.month_document(workspace=studio, month=month, by=by)


def test_queries_stay_the_same_when_the_rows_double(studio: Workspace) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as found:
            october(studio)
        return len(found)

    first = queries()
    more = [
        written.charge(50 + n, "2025-10-08T09:00:00Z", f"x{n}", "1", "0.1", campaign=f"k{n}")
        for n in range(9)
    ]
    bring(studio, written.charges_file(*more), written.decisions_file())
    assert queries() == first


def test_a_planted_wrong_transfer_is_seen(studio: Workspace) -> None:
    assert audit.roll_forward_check(studio, "2025-10").holds
    accepted = Entry.objects.get(kind=EntryKind.TRANSFER, deliverable__key="a")
    Entry.objects.create(
        workspace=studio,
        project_id=accepted.project_id,
        campaign_id=accepted.campaign_id,
        deliverable_id=accepted.deliverable_id,
        kind=EntryKind.TRANSFER,
        debit="wip",
        credit="accepted",
        amount=Decimal("0.01"),
        decision=accepted.decision,
        service_at=accepted.service_at,
        booked_at=accepted.booked_at,
        effective_at=accepted.effective_at,
    )
    check = audit.roll_forward_check(studio, "2025-10")
    assert not check.holds
    assert any(
        "accepted is kept as 2.49000000, the rows say 2.50000000" in line for line in check.differences
    )
    assert october(studio)["roll_forward"]["accepted"] == "2.49000000"


def sums(n: int, k: int, generation: str, rest: str = "0") -> Sums:
    return Sums(accepted=n, takes=k, generation=Decimal(generation), control=Decimal(rest))


def test_effects_are_rounded_each_and_the_mix_takes_what_is_left() -> None:
    old: Cells = {("a", "draft", ""): sums(3, 7, "1"), ("gone", "draft", ""): sums(1, 1, "5")}
    new: Cells = {("a", "draft", ""): sums(6, 10, "2", "0.5"), ("new", "draft", ""): sums(1, 2, "9")}
    found = effects.effects(old=old, new=new)
    assert found is not None
    price = Fraction(6, 7) * (Fraction(2, 10) - Fraction(1, 7)) * Fraction(7, 3)
    multiplier = Fraction(6, 7) * Fraction(2, 10) * (Fraction(10, 6) - Fraction(7, 3))
    assert found["price"] == printed(price)
    assert found["multiplier"] == printed(multiplier)
    assert found["rest"] == printed(Fraction(6, 7) * Fraction(1, 12))
    change = Decimal(printed(Fraction("11.5") / 7)) - Decimal(printed(Fraction(6, 4)))
    assert sum(map(Decimal, found.values())) == change


def test_a_phase_that_was_new_takes_the_other_months_base() -> None:
    old: Cells = {("a", "draft", ""): sums(1, 1, "1"), ("a", "hero", ""): sums(0, 0, "0.25")}
    new: Cells = {("a", "draft", ""): sums(0, 1, "1"), ("a", "hero", ""): sums(1, 2, "8")}
    assert effects.effects(old=old, new=new) == {
        "price": "0.00000000",
        "multiplier": "8.00000000",
        "rest": "-0.25000000",
        "mix": "0.00000000",
    }


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("0.000000005", "0.00000000"),
        ("0.000000015", "0.00000002"),
        ("-0.000000025", "-0.00000002"),
        ("-3", "-3.00000000"),
    ],
)
def test_figures_are_rounded_half_even(value: str, words: str) -> None:
    assert printed(Fraction(value)) == words


# Time


@pytest.fixture
def reviewed(db: None) -> Deliverable:
    """A deliverable of two takes, with hourly rates: reviewer 60, producer 40."""
    workspace = factories.workspace("timed")
    for role, rate in (("reviewer", 60), ("producer", 40)):
        RoleRate.objects.create(workspace=workspace, role=role, hourly_rate=rate, starts_on="2025-01-01")
    row = factories.deliverable(factories.campaign(factories.project(workspace, "p"), "c"), "d")
    factories.membership(workspace, "reviewer", person=factories.person("ada@example.org"))
    return row


def made(deliverable: Deliverable, asked: str, ready: str, **fields: Any) -> Take:
    """A draft that was asked for and ready on 6 October 2025 at these times of day, UTC."""
    day = "2025-10-06T"
    return factories.take(
        deliverable,
        requested_at=utc(day + asked),
        ended_at=utc(day + ready),
        counted_at=utc(day + ready),
        state="ready",
        **fields,
    )


def looked(take: Take, opened: str, decided: str, decision: str) -> Decision:
    person = take.workspace.memberships.get().person
    TakeView.objects.create(
        workspace=take.workspace, take=take, person=person, at=utc("2025-10-06T" + opened)
    )
    return pots.decide(
        deliverable=take.deliverable, take=take, decision=decision, by=person, at=utc("2025-10-06T" + decided)
    )


def time_of(deliverable: Deliverable, by: str = "campaign") -> dict[str, str]:
    found = audit.month_document(workspace=deliverable.workspace, month="2025-10", by=by)
    assert found["totals"]["cash"] == "0.00000000"
    return {row["key"]: row["time"] for row in found["rows"]} | {"total": found["totals"]["time"]}


def test_review_minutes_run_from_opening_to_decision_and_are_cut_off(reviewed: Deliverable) -> None:
    first, second = made(reviewed, "08:00", "08:10"), made(reviewed, "08:00", "08:10")
    looked(first, "09:00", "09:40", "reject")  # 15 minutes at most
    looked(second, "10:00", "10:05", "accept")
    assert time_of(reviewed)["total"] == "20.00000000"


def test_a_decision_without_an_opening_costs_nothing(reviewed: Deliverable) -> None:
    take = made(reviewed, "08:00", "08:10")
    person = reviewed.workspace.memberships.get().person
    pots.decide(deliverable=reviewed, take=take, decision="accept", by=person, at=utc("2025-10-06T10:00"))
    assert time_of(reviewed)["total"] == "0.00000000"


def test_an_explicit_log_stands_instead_of_the_opening(reviewed: Deliverable) -> None:
    take = made(reviewed, "08:00", "08:10")
    person = reviewed.workspace.memberships.get().person
    TimeLog.objects.create(
        workspace=reviewed.workspace,
        deliverable=reviewed,
        take=take,
        person=person,
        role="reviewer",
        started_at=utc("2025-10-06T08:30"),
        minutes=Decimal(30),
    )
    looked(take, "09:50", "10:00", "accept")
    assert time_of(reviewed)["total"] == "30.00000000"


def test_waiting_is_weighted_cut_off_and_overlaps_are_shared(reviewed: Deliverable) -> None:
    producer = factories.person("pia@example.org")
    elsewhere = factories.deliverable(reviewed.campaign, "other", category=reviewed.category)
    mine = made(reviewed, "08:00", "08:30", requested_by=producer)
    made(elsewhere, "08:15", "08:45", requested_by=producer)  # 15 of the 30 minutes overlap
    person = reviewed.workspace.memberships.get().person
    pots.decide(deliverable=reviewed, take=mine, decision="accept", by=person, at=utc("2025-10-06T12:00"))
    # 15 + 15 / 2 minutes of 40 an hour, a quarter of it
    assert time_of(reviewed)["total"] == "3.75000000"


def test_time_is_split_by_person_only_where_the_workspace_says_so(reviewed: Deliverable) -> None:
    looked(made(reviewed, "08:00", "08:10"), "10:00", "10:06", "accept")
    assert time_of(reviewed, "person") == {"": "6.00000000", "total": "6.00000000"}
    Workspace.objects.update(time_by_person=True)
    reviewed.refresh_from_db()
    assert time_of(reviewed, "person")["ada@example.org"] == "6.00000000"


def test_what_comes_after_the_acceptance_is_no_part_of_it(reviewed: Deliverable) -> None:
    first, second = made(reviewed, "08:00", "08:10"), made(reviewed, "08:00", "08:10")
    looked(first, "09:00", "09:05", "accept")
    looked(second, "09:10", "09:15", "reject")
    assert time_of(reviewed)["total"] == "5.00000000"


# Beside the figures


def test_pace_lead_time_and_curve(studio: Workspace) -> None:
    Deliverable.objects.filter(key="a").update(due_on="2025-10-14")
    found = audit.also(workspace=studio, month="2025-10")
    assert found.lead_median == datetime.timedelta(days=8, hours=3)
    assert found.lead_80 == datetime.timedelta(days=8, hours=3)
    # October 2025 in Berlin has an hour more: the clock change
    assert found.accepted_a_week == Fraction(7 * 24, 31 * 24 + 1)
    assert found.on_time == 1
    assert found.curve == [(5, 1, Decimal("2.5"))]


def test_the_error_bar_is_the_share_of_takes_that_would_pass_the_target(studio: Workspace) -> None:
    category = Deliverable.objects.get(key="a").category
    CategoryTarget.objects.create(
        workspace=studio, category=category, amount=Decimal("3.125"), starts_on="2025-10-01"
    )
    (bar,) = audit.error_bars(workspace=studio, month="2025-10")
    assert (bar.figure, bar.target, bar.bias) == (Decimal("2.5"), Decimal("3.125"), Fraction(1, 25))
    assert audit.error_bars(workspace=studio, month="2025-09") == []


def test_exceptions_list_what_was_taken_as_is(studio: Workspace) -> None:
    deliverable = Deliverable.objects.get(key="b")
    take = Take.objects.get(deliverable=deliverable, number=2)
    row = pots.decide(
        deliverable=deliverable,
        take=take,
        decision="accept",
        by=None,
        at=utc("2025-10-30T12:00"),
        as_is=True,
        note="good enough",
        money_saved=Decimal(2),
    )
    (found,) = exceptions.listed(workspace=studio, month="2025-10")
    assert (found.id, found.amount) == (row.id, Decimal(2))
    assert not exceptions.number(workspace=studio, month="2025-09")


def test_a_partly_returned_charge_keeps_its_outcome(studio: Workspace) -> None:
    whole = Entry.objects.get(external_id="7")
    ledger.refund(entry=whole, at=utc("2025-10-25T12:00"), amount=Decimal("0.02"))
    assert october(studio)["outcomes"]["open"] == "0.08000000"
    ledger.refund(entry=whole, at=utc("2025-10-26T12:00"))
    found = october(studio)["outcomes"]
    assert (found["open"], found["failed_refunded"]) == ("0.05000000", "0.00000000")
