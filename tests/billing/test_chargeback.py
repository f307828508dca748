"""A client's statement: cost of accepted, mark-up, fee and margin; it adds up to the roll-forward."""

from __future__ import annotations

import csv
import datetime
import io
import re
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from billing import audit, chargeback, pots, shared_costs
from billing.exports import chargeback_files, statement
from projects.access import MissingRight
from projects.models import Take
from projects.problems import Invalid
from tests import factories
from tests.billing import races
from tests.billing.booking import spend
from tests.cast import Cast, make_cast
from tests.factories import utc

MONTH = "2026-10"


@pytest.fixture
def delivered(cast: Cast) -> Cast:
    return deliver(cast)


def deliver(cast: Cast) -> Cast:
    """Two campaigns of Acme and one of another client; 1.00 a take, 4.00 shared, one late, one dropped."""
    day, early = utc("2026-10-10T10:00"), utc("2026-09-01T00:00")
    spring = factories.campaign(cast.project, "spring", name="=Spring")
    other = factories.campaign(factories.project(cast.workspace, "globex"), "winter")
    pieces = [
        factories.deliverable(campaign, category=cast.brand_film, created_at=early)
        for campaign in (cast.campaign, cast.campaign, spring, spring, other)
    ]
    takes = [factories.take(piece, phase="hero") for piece in pieces]
    for take in takes:
        spend(take, "1.00", at=day)
        Take.objects.filter(pk=take.pk).update(counted_at=day, state="ready")
    said: dict[str, Any] = {"reason": "Plates", "evidence": "Bill", "by": cast.finance, "now": day}
    shared_costs.book(
        campaign=spring, amount=Decimal(4), currency="EUR", service_on=datetime.date(2026, 10, 2), **said
    )
    for take in (*takes[:3], takes[4]):
        accept(take, utc("2026-10-12T10:00"))
    pots.decide(deliverable=pieces[3], take=None, decision="write_off", by=None, at=utc("2026-10-12T11:00"))
    spend(takes[0], "0.25", at=utc("2026-10-20T10:00"), stage="refinement")
    return cast


def accept(take: Take, at: datetime.datetime, decision: str = "accept") -> None:
    take.refresh_from_db()
    pots.decide(deliverable=take.deliverable, take=take, decision=decision, by=None, at=at)


def mark_up(cast: Cast, percent: str, month: str = MONTH) -> None:
    chargeback.set_mark_up(
        project=cast.project,
        percent=Decimal(percent),
        first_month=month,
        reason="Contract 5",
        by=cast.finance,
    )


def of(cast: Cast, first: str = MONTH, last: str = MONTH) -> chargeback.Statement:
    return chargeback.statement(project=cast.project, first=first, last=last)


def test_the_cost_is_that_of_the_roll_forward_and_the_mark_up_is_on_it(delivered: Cast) -> None:
    mark_up(delivered, "17.5")
    found = of(delivered)
    assert {name: f"{amount:.4f}" for name, amount in found.total.items()} == {
        "cash": "3.0000",
        "shared": "2.0000",
        "late": "0.2500",
        "cost": "5.2500",
        "mark_up": "0.9188",
        "charged": "6.1688",
        "written_off": "1.0000",
    }
    assert found.total["mark_up"] == Decimal("0.91875")
    terms = audit.month_document(workspace=delivered.workspace, month=MONTH)["roll_forward"]
    clients = chargeback.of_workspace(delivered.workspace, MONTH)
    assert sum(row.cost for _, _, row in clients) == Decimal(terms["accepted"])
    assert sum(row.written_off for _, _, row in clients) == Decimal(terms["written_off"])


def test_months_add_up_and_what_is_withdrawn_later_is_carried_back(delivered: Cast) -> None:
    mark_up(delivered, "10")
    mark_up(delivered, "20", "2026-11")
    take = Take.objects.filter(deliverable__campaign=delivered.campaign).earliest("requested_at", "id")
    held = Decimal(of(delivered).total["cost"])
    accept(take, utc("2026-11-05T10:00"), "reverse")
    october, november, both = (
        of(delivered),
        of(delivered, "2026-11", "2026-11"),
        of(delivered, MONTH, "2026-11"),
    )
    assert october.total["cost"] == held
    assert november.total["late"] in (Decimal(-1), Decimal("-1.25"))
    assert november.total["mark_up"] == november.total["cost"] / 10  # as it was charged in October
    for name, amount in both.total.items():
        assert amount == october.total[name] + november.total[name], name


def test_a_withdrawn_sign_off_gives_back_the_mark_up_that_was_charged_for_it(delivered: Cast) -> None:
    mark_up(delivered, "10")
    mark_up(delivered, "20", "2026-11")

    def spring(month: str) -> Decimal:
        (row,) = (row for row in of(delivered, month, month).campaigns if row.campaign.key == "spring")
        return row.mark_up

    assert spring(MONTH) == Decimal("0.3")  # of one and its share of two
    take = Take.objects.get(deliverable__campaign__key="spring", deliverable__state="accepted")
    accept(take, utc("2026-11-05T10:00"), "reverse")
    assert (spring(MONTH), spring("2026-11")) == (Decimal("0.3"), Decimal("-0.3"))
    accept(take, utc("2026-11-06T10:00"))
    assert spring("2026-11") == Decimal("0.7")  # of one and of all four, for it alone is open now; less 0.3


def test_a_file_has_nothing_that_came_while_it_was_made(committed: None, client: Client) -> None:
    cast = deliver(make_cast())
    charged, late = of(cast).total["charged"], factories.take(factories.deliverable(cast.campaign))
    client.force_login(cast.viewer.person)
    meanwhile: list[races.Background] = []

    def asked(execute: Any, sql: str, *said: Any) -> Any:
        if "l.deliverable_id, d.campaign_id, d.key" in sql and not meanwhile:
            meanwhile.append(races.Background(lambda: accepted_late(late)))
            meanwhile[0].result()
        return execute(sql, *said)

    address = reverse("billing:chargeback_client", args=[cast.workspace.slug, cast.project.pk])
    with connection.execute_wrapper(asked):
        made = client.get(address, {"first": MONTH, "last": MONTH, "format": "csv"}).getvalue().decode()
    assert meanwhile
    assert sum(Decimal(row["amount"]) for row in csv.DictReader(io.StringIO(made))) == charged
    assert of(cast).total["charged"] == charged + 7


def accepted_late(take: Take) -> None:
    at = utc("2026-10-11T10:00")
    spend(take, "7.00", at=at)
    Take.objects.filter(pk=take.pk).update(counted_at=at, state="ready")
    accept(take, utc("2026-10-12T10:00"))


def test_margin_is_the_fee_less_all_that_was_accepted_and_written_off(delivered: Cast) -> None:
    spring = delivered.project.campaigns.get(key="spring")
    said: dict[str, Any] = {"job_number": "J-1", "purchase_order": "PO-9", "cost_centre": "100"}
    chargeback.set_terms(campaign=spring, fee=Decimal(20), by=delivered.manager, **said)
    rows = {row.campaign.key: row for row in of(delivered).campaigns}
    assert rows["spring"].cost_to_date == 4  # one and its share of two, and one dropped
    assert rows["spring"].margin == 16
    assert rows["autumn"].margin is None
    with pytest.raises(MissingRight):
        chargeback.set_terms(campaign=spring, fee=None, by=delivered.producer, **said)
    with pytest.raises(Invalid):
        chargeback.set_terms(campaign=spring, fee=Decimal(-1), by=delivered.manager, **said)


def test_the_csv_adds_up_to_what_is_charged_and_no_cell_is_a_formula(delivered: Cast, client: Client) -> None:
    mark_up(delivered, "10")
    client.force_login(delivered.viewer.person)
    address = reverse("billing:chargeback_client", args=[delivered.workspace.slug, delivered.project.pk])
    asked = {"first": MONTH, "last": MONTH}
    made = b"".join(client.get(address, {**asked, "format": "csv"})).decode()  # type: ignore[arg-type]
    rows = list(csv.DictReader(io.StringIO(made)))
    assert sum(Decimal(row["amount"]) for row in rows) == of(delivered).total["charged"]
    assert {row["kind"] for row in rows} == {"deliverable", "late less carried back", "mark-up"}
    assert "'=Spring" in {row["name"] for row in rows}
    margins = b"".join(client.get(address, {**asked, "format": "margin"})).decode()  # type: ignore[arg-type]
    assert sum(Decimal(row["charged"]) for row in csv.DictReader(io.StringIO(margins))) == Decimal("5.775")


def test_the_pdf_says_what_the_page_says_and_neither_fee_nor_margin(delivered: Cast) -> None:
    mark_up(delivered, "10")
    found = of(delivered)
    made = chargeback_files.pdf(project=delivered.project, first=MONTH, last=MONTH)
    assert made.startswith(b"%PDF")
    words = str(chargeback_files.contents(found))
    assert "5.78 EUR" in words
    assert "can still change" in words
    assert not re.search("margin|fee", words, re.IGNORECASE)
    assert len(statement.typeset(chargeback_files.contents(found), "png", chargeback_files.TEMPLATE)) == 1


def test_a_mark_up_is_set_by_finance_and_never_for_a_closed_month(delivered: Cast, client: Client) -> None:
    client.force_login(delivered.finance.person)
    address = reverse("billing:mark_up", args=[delivered.workspace.slug, delivered.project.pk])
    said = {"percent": "12.5", "first_month": MONTH, "reason": "Contract"}
    assert client.post(address, {**said, "first_month": "October"}).status_code == 422
    assert client.post(address, said).status_code == 302
    assert of(delivered).by_month[0][1] == Decimal("12.5")
    client.force_login(delivered.manager.person)
    assert client.post(address, said).status_code == 403
    client.force_login(delivered.stranger.person)
    assert client.post(address, said).status_code == 404


def test_the_pages_show_clients_and_their_campaigns(delivered: Cast, client: Client) -> None:
    client.force_login(delivered.manager.person)
    slug = delivered.workspace.slug
    page = client.get(reverse("billing:chargeback", args=[slug]), {"month": MONTH}).content.decode()
    assert "Acme" in page
    assert "Globex" in page
    address = reverse("billing:chargeback_client", args=[slug, delivered.project.pk])
    page = client.get(address, {"last": MONTH}).content.decode()
    assert "=Spring" in page
    spring = delivered.project.campaigns.get(key="spring")
    terms = reverse("billing:campaign_terms", args=[slug, spring.pk])
    assert client.post(terms, {"fee": "5", "cost_centre": "=1"}).status_code == 422
    assert client.post(terms, {"fee": "5", "cost_centre": "C 1"}).status_code == 302
    assert client.get(address, {"last": "2026-13"}).status_code == 404
    assert client.get(address, {"first": "2020-01", "last": MONTH}).status_code == 404


def test_more_clients_and_campaigns_cost_no_more_queries(delivered: Cast, client: Client) -> None:
    client.force_login(delivered.finance.person)
    slug = delivered.workspace.slug
    addresses = (
        reverse("billing:chargeback", args=[slug]),
        reverse("billing:chargeback_client", args=[slug, delivered.project.pk]),
        reverse("billing:shared", args=[slug]),
        reverse("billing:journal", args=[slug]),
        reverse("billing:time_of_all", args=[slug]),
    )

    def queries(address: str) -> int:
        client.get(address)
        with CaptureQueriesContext(connection) as captured:
            assert client.get(address, {"month": MONTH, "last": MONTH}).status_code == 200
        return len(captured)

    before = [queries(address) for address in addresses]
    said: dict[str, Any] = {"reason": "Plates", "evidence": "Bill", "by": delivered.finance}
    for _ in range(3):
        campaign = factories.campaign(factories.project(delivered.workspace))
        for body in (campaign, factories.campaign(delivered.project)):
            shared_costs.book(
                campaign=body,
                amount=Decimal(4),
                currency="EUR",
                service_on=datetime.date(2026, 10, 2),
                **said,
            )
    assert [queries(address) for address in addresses] == before
