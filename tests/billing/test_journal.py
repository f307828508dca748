"""The journal of a month: balanced to the cent, equal to the month's figures, in three layouts."""

from __future__ import annotations

import csv
import io
from decimal import Decimal
from random import Random

import pytest
from django.test import Client
from django.urls import reverse

from billing import accruals, audit, journal, journal_accounts, ledger, money, months, pots
from billing.exports import journal_files
from billing.journal_accounts import Setup
from billing.unsettled import Unsettled
from projects.access import MissingRight
from projects.identifiers import new_id
from projects.models import Campaign, Take
from projects.problems import Invalid
from tests import factories
from tests.billing.booking import charge, hold, spend
from tests.cast import Cast
from tests.factories import utc

MONTH = "2026-10"
NOW = utc("2026-11-03T09:00:00.005")
FULL = Setup({}, consultant=1001, client=7)


@pytest.fixture
def booked(cast: Cast) -> Cast:
    """Forty odd amounts over three campaigns, some accepted, dropped, shared, of no campaign, accrued."""
    dice = Random(4)
    centres = ["100", "200", ""]
    campaigns = [factories.campaign(cast.project, cost_centre=centre) for centre in centres]
    day = utc("2026-10-10T10:00")
    for number in range(30):
        piece = factories.deliverable(campaigns[number % 3], category=cast.brand_film, created_at=day)
        take = factories.take(piece)
        spend(take, f"0.{dice.randrange(1, 10**8):08d}", at=day, provider=dice.choice(["fal", "google"]))
        if number % 4 == 0:
            pots.decide(deliverable=piece, take=take, decision="accept", by=None, at=day)
        elif number % 7 == 1:
            pots.decide(deliverable=piece, take=None, decision="write_off", by=None, at=day)
    for number in range(10):
        body = campaigns[number % 3] if number % 2 else None
        said = charge(f"0.{dice.randrange(1, 10**8):08d}", at=day)
        ledger.charge_without_hold(workspace=cast.workspace, campaign=body, charge=said, now=day)
    return cast


def of_account(found: journal.Journal, account: str) -> Decimal:
    return sum(
        ((line.debit == account) - (line.credit == account)) * line.amount for line in found.lines
    ) or Decimal(0)


def test_every_account_is_the_months_figure_to_the_cent_and_all_add_up_to_nothing(booked: Cast) -> None:
    found = journal.of(booked.workspace, MONTH)
    terms = audit.month_document(workspace=booked.workspace, month=MONTH)["roll_forward"]
    assert sum(found.posted.values()) == 0
    assert sum(found.exact.values()) == 0
    assert any(line.what == "rounding" for line in found.lines)
    for account, figure in (("accepted", "accepted"), ("written_off", "written_off"), ("period", "period")):
        assert of_account(found, account) == money.minor(Decimal(terms[figure]), "EUR"), account
    growth = Decimal(terms["closing_wip"]) - Decimal(terms["opening_wip"])
    assert of_account(found, "wip") == money.minor(growth, "EUR")
    owed = sum(total for account, total in found.exact.items() if account.startswith("provider:"))
    assert -owed == Decimal(terms["spend"])
    for account, total in found.exact.items():
        assert of_account(found, account) == money.minor(total, "EUR"), account


def test_an_account_that_rounds_to_nothing_is_posted_as_nothing(cast: Cast, client: Client) -> None:
    spend(factories.take(cast.deliverable), "0.004", at=utc("2026-10-10T10:00"))
    found = journal.of(cast.workspace, MONTH)
    assert (found.lines, found.exact) == (
        [],
        {"provider:fal": Decimal("-0.004"), "wip": Decimal("0.004")},
    )
    assert found.posted == {"provider:fal": 0, "wip": 0}
    client.force_login(cast.finance.person)
    page = client.get(reverse("billing:journal", args=[cast.workspace.slug]), {"month": MONTH})
    assert page.status_code == 200


def test_lines_are_split_by_cost_centre_and_never_negative(booked: Cast) -> None:
    found = journal.of(booked.workspace, MONTH)
    assert {line.cost_centre for line in found.lines} == {"", "100", "200"}
    assert all(line.amount > 0 and line.amount == round(line.amount, 2) for line in found.lines)


def test_an_accrual_is_owed_apart_and_given_back_in_the_month_after(cast: Cast) -> None:
    take = factories.take(cast.deliverable)
    held = hold(take, "2.50", now=utc("2026-10-20T10:00"))
    call = Unsettled(held, charge("2.50", run=new_id(), call=new_id()), held.made_at)
    span = months.span(cast.workspace, MONTH)
    accruals.book([call], span=span, now=utc("2026-11-02T09:00"))
    october, november = (journal.of(cast.workspace, month) for month in (MONTH, "2026-11"))
    assert [(line.what, line.debit, line.credit, line.amount) for line in october.lines] == [
        ("accrual", "wip", "accruals", Decimal("2.50"))
    ]
    assert [(line.what, line.debit, line.credit, line.amount) for line in november.lines] == [
        ("reversal", "accruals", "wip", Decimal("2.50"))
    ]


def test_the_csv_has_the_columns_that_were_chosen_and_no_formula(booked: Cast) -> None:
    Campaign.objects.filter(cost_centre="100").update(cost_centre="=1+1")
    setup = Setup(
        {"wip": "1095"}, columns=(("Konto", "account"), ("Betrag", "amount"), ("KST", "cost_centre"))
    )
    made = b"".join(journal_files.encoded(journal.of(booked.workspace, MONTH), setup, "csv", NOW)).decode()
    rows = list(csv.reader(io.StringIO(made)))
    assert rows[0] == ["Konto", "Betrag", "KST"]
    assert {row[2] for row in rows[1:]} == {"", "'=1+1", "200"}
    assert "1095" in {row[0] for row in rows}
    assert sum(Decimal(row[1]) for row in rows[1:]) == 0


def test_datev_is_a_buchungsstapel_of_125_columns(booked: Cast) -> None:
    found = journal.of(booked.workspace, MONTH)
    made = b"".join(journal_files.encoded(found, FULL, "datev", NOW))
    head, columns, *rows = made.decode("cp1252").split("\r\n")[:-1]
    assert head == (
        '"EXTF";700;21;"Buchungsstapel";13;20261103090000005;;"RE";"Circletake";"";1001;7;20260101;4;20261001;'
        '20261031;"Circletake 2026-10";"";1;0;0;"EUR";;"";;;"";;;"";""'
    )
    names = columns.split(";")
    assert (len(names), names[0], names[36], names[124]) == (
        *(125, "Umsatz (ohne Soll/Haben-Kz)"),
        *("KOST1 - Kostenstelle", "Abw. Skontokonto"),
    )
    assert len(rows) == len(found.lines)
    read = list(csv.reader(rows, delimiter=";"))
    assert {len(row) for row in read} == {125}
    assert all(row[1] == "S" and row[2] == "EUR" and row[9] == "3110" for row in read)
    assert sum(Decimal(row[0].replace(",", ".")) for row in read) == found.turnover
    assert {row[36] for row in read} == {"", "100", "200"}
    assert rows[0].split(";")[8:9] == ['""']  # a text that is empty has its quotation marks


def test_datev_names_what_it_lacks(booked: Cast) -> None:
    found = journal.of(booked.workspace, MONTH)
    with pytest.raises(journal_files.NotMapped, match=r"consultant.*Work in progress"):
        journal_files.encoded(found, Setup({"wip": "WIP"}), "datev", NOW)


def test_datev_names_a_cost_centre_that_it_cannot_write(booked: Cast) -> None:
    Campaign.objects.filter(cost_centre="100").update(cost_centre="Łódź 1")
    Campaign.objects.filter(cost_centre="200").update(cost_centre="Köln – 2")
    found = journal.of(booked.workspace, MONTH)
    with pytest.raises(journal_files.NotMapped, match=r"cost centre “Łódź 1”\."):
        journal_files.encoded(found, FULL, "datev", NOW)
    assert b"".join(journal_files.encoded(found, FULL, "csv", NOW))


def test_the_fiscal_year_begins_where_it_was_said(booked: Cast) -> None:
    found = journal.of(booked.workspace, MONTH)
    setup = Setup({}, consultant=1001, client=7, year_begins_in=11)
    assert b";7;20251101;4;" in b"".join(journal_files.encoded(found, setup, "datev", NOW))


def test_xero_takes_one_journal_that_adds_up_to_nothing(booked: Cast) -> None:
    found = journal.of(booked.workspace, MONTH)
    made = b"".join(journal_files.encoded(found, FULL, "xero", NOW)).decode()
    rows = list(csv.DictReader(io.StringIO(made)))
    assert list(rows[0]) == list(journal_files.XERO)
    assert {(row["*Narration"], row["*Date"]) for row in rows} == {("Generative media 2026-10", "31/10/2026")}
    assert sum(Decimal(row["*Amount"]) for row in rows) == 0
    assert {row["TrackingOption1"] for row in rows} == {"", "100", "200"}
    assert {row["TrackingName1"] for row in rows} == {"", "Cost centre"}


def test_the_mapping_is_kept_in_versions_by_finance_alone(cast: Cast) -> None:
    said = {"columns": (("Konto", "account"),), "consultant": 1001, "client": 7}
    journal_accounts.say(by=cast.finance, accounts={"wip": "1095", "provider:fal": "70001"}, **said)  # type: ignore[arg-type]
    journal_accounts.say(by=cast.finance, accounts={"wip": "1096"}, **said)  # type: ignore[arg-type]
    found = journal_accounts.of(cast.workspace)
    assert (found.number("wip"), found.number("provider:fal"), found.number("accepted")) == (
        *("1096", "1600"),
        "5900",
    )
    with pytest.raises(MissingRight):
        journal_accounts.say(by=cast.manager, accounts={}, columns=())
    with pytest.raises(Invalid) as refused:
        journal_accounts.say(by=cast.finance, accounts={"wip": "=1"}, columns=(("A", "colour"),))
    assert set(refused.value.errors) == {"wip", "columns"}


def test_the_pages_show_the_journal_and_give_its_files(booked: Cast, client: Client) -> None:
    client.force_login(booked.finance.person)
    slug = booked.workspace.slug
    page = client.get(reverse("billing:journal", args=[slug]), {"month": MONTH}).content.decode()
    assert "Rounding difference" in page
    refused = client.get(reverse("billing:journal_file", args=[slug, MONTH, "datev"]))
    assert refused.status_code == 302
    form = client.get(reverse("billing:journal_accounts", args=[slug])).context["form"]
    said = {name: form[name].value() or "" for name in form.fields}
    answer = client.post(
        reverse("billing:journal_accounts", args=[slug]), {**said, "consultant": "1001", "client": "7"}
    )
    assert answer.status_code == 302
    made = client.get(reverse("billing:journal_file", args=[slug, MONTH, "datev"]))
    assert made["Content-Disposition"] == 'attachment; filename="EXTF_Buchungsstapel_2026-10.csv"'
    assert client.get(reverse("billing:journal_file", args=[slug, MONTH, "other"])).status_code == 404
    assert client.get(reverse("billing:journal", args=[slug]), {"month": "x"}).status_code == 404
    client.force_login(booked.viewer.person)
    assert client.post(reverse("billing:journal_accounts", args=[slug]), said).status_code == 403


def test_an_empty_month_has_no_lines(cast: Cast) -> None:
    found = journal.of(cast.workspace, MONTH)
    assert (found.lines, found.turnover) == ([], 0)
    assert not Take.objects.exists()
