"""What the rows of a history become, column by column."""

from __future__ import annotations

import io
from decimal import Decimal

import pytest
from django.db import connection

from billing.models import Entry
from generation import history
from generation.history import HistoryResult
from projects.models import Campaign, Decision, Take, TimeLog, Workspace
from tests import factories
from tests.billing import races
from tests.billing.written import charge, charges_file, decision, decisions_file, refund
from tests.factories import utc

AT = "2025-10-06T09:00:00Z"
LATER = "2025-10-07T09:00:00Z"


@pytest.fixture
def studio(db: None) -> Workspace:
    return factories.workspace("books")


def run(studio: Workspace, charges: str, decisions: str = "") -> HistoryResult:
    return history.import_history(
        workspace=studio,
        charges=io.BytesIO(charges.encode()),
        decisions=io.BytesIO((decisions or decisions_file()).encode()),
        by=None,
    )


def test_a_foreign_charge_keeps_its_own_amount_and_rate(studio: Workspace) -> None:
    run(studio, charges_file(charge(1, AT, "a", "1", "2.00", currency="USD", rate="0.9")))
    row = Entry.objects.get()
    assert (row.amount, row.native_amount, row.native_currency, row.rate) == (
        Decimal("1.80"),
        Decimal("2.00"),
        "USD",
        Decimal("0.9"),
    )
    assert row.calculation == "imported at 0.9"


def test_a_charge_of_the_own_currency_has_no_rate(studio: Workspace) -> None:
    run(studio, charges_file(charge(1, AT, "a", "1", "2.00")))
    row = Entry.objects.get()
    assert (row.native_amount, row.native_currency, row.rate, row.calculation) == (None, "", None, "imported")


def test_what_gives_back_a_charge_for_a_failure_is_of_a_failure_too(studio: Workspace) -> None:
    failed = charge(1, AT, "a", "1", "0.05", charge="failed_charged")
    fine = charge(2, AT, "a", "2", "0.07")
    run(studio, charges_file(failed, fine, refund(3, LATER, failed), refund(4, LATER, fine)))
    rows = Entry.objects.exclude(kind="transfer").order_by("external_id")
    assert [(row.external_id, row.amount, row.failed_charged) for row in rows] == [
        ("1", Decimal("0.05"), True),
        ("2", Decimal("0.07"), False),
        ("3", Decimal("-0.05"), True),
        ("4", Decimal("-0.07"), False),
    ]
    by_id = {row.external_id: row for row in rows}
    assert (by_id["3"].refunds, by_id["4"].refunds) == (by_id["1"].id, by_id["2"].id)


def test_people_who_are_known_are_named_and_others_kept_as_text(studio: Workspace) -> None:
    ada = factories.membership(studio, "producer", person=factories.person("ada@example.org")).person
    run(
        studio,
        charges_file(
            charge(1, AT, "a", "1", "0.05", person="Ada@example.org"),
            charge(2, AT, "a", "2", "0.05", person="bob@example.org"),
            charge(3, AT, "a", "", "1.00", stage="time", person="ada@example.org"),
        ),
        decisions_file(decision(LATER, "a", "1", "reject")),
    )
    rows = Entry.objects.order_by("external_id")
    assert [(row.person, row.person_email) for row in rows] == [
        (ada, "Ada@example.org"),
        (None, "bob@example.org"),
    ]
    takes = Take.objects.order_by("number")
    assert [(take.requested_by, take.requested_by_email) for take in takes] == [
        (ada, "Ada@example.org"),
        (None, "bob@example.org"),
    ]
    assert TimeLog.objects.get().person == ada
    assert (Decision.objects.get().by, Decision.objects.get().imported) == (ada, True)
    assert Take.objects.filter(requested_by__email="bob@example.org").count() == 0


def test_a_campaign_ends_when_the_history_says_so(studio: Workspace) -> None:
    run(
        studio,
        charges_file(charge(1, AT, "a", "1", "0.05")),
        decisions_file(decision(LATER, "", "", "end_campaign")),
    )
    assert Campaign.objects.get().ended_at == utc("2025-10-07T09:00:00")


def test_two_imports_into_one_workspace_come_one_after_the_other(committed: None) -> None:
    studio = factories.workspace("books")
    file = charges_file(charge(1, AT, "a", "1", "0.05"))
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM billing_entry")  # the connection is there
    first, second = races.while_uncommitted(lambda: run(studio, file), lambda: run(studio, file))
    assert (first.charges, second.result().charges) == (1, 0)
    assert Entry.objects.count() == 1
