"""Exports by page and API: names, access, the menu, and those that are made in the background."""

from __future__ import annotations

import csv
import io
import json

import pytest
from django.db import connection
from django.http import HttpResponseBase
from django.test import Client
from django.test.utils import CaptureQueriesContext

from billing import audit
from billing.exports import files
from billing.exports.forms import Form
from projects import tokens
from projects.models import Deliverable, Membership
from tests.billing import written
from tests.billing.exports.test_workbook import imported
from tests.cast import Cast, make_cast
from tests.generation.pages import everybody, signed_in, statuses, text

MONTH = "/w/studio/month/2025-10/"


@pytest.fixture
def october(cast: Cast) -> Cast:
    charges = written.charges_file(*written.OCTOBER_CHARGES, *written.SEPTEMBER_CHARGES)
    decisions = written.decisions_file(*written.OCTOBER_DECISIONS, *written.SEPTEMBER_DECISIONS)
    imported(cast.workspace, charges, decisions)
    return cast


def body(answer: HttpResponseBase) -> bytes:
    found: bytes = answer.getvalue()  # type: ignore[attr-defined]
    return found


def by_api(member: Membership, query: str) -> HttpResponseBase:
    token = tokens.issue(membership=member)
    client = Client(headers={"authorization": f"Token {token}"})
    return client.get(f"/api/v1/audits/2025-10/export/?{query}")


@pytest.mark.parametrize("form", [Form.ROWS, Form.FOCUS])
def test_nothing_is_held_open_while_a_file_is_sent(form: Form, committed: None) -> None:
    answer = files.response(workspace=make_cast().workspace, month="2025-10", form=form)
    assert next(iter(answer))
    assert not connection.in_atomic_block
    answer.close()


@pytest.mark.parametrize(
    ("form", "name", "begins"),
    [
        ("xlsx", "studio-2025-10-month.xlsx", b"PK"),
        ("pdf", "studio-2025-10-statement.pdf", b"%PDF-"),
        ("json", "studio-2025-10-month.json", b"{"),
        ("rows", "studio-2025-10-canonical-rows.csv", b"id,effective_at,"),
        ("focus", "studio-2025-10-focus-cost-and-usage.csv", b"BilledCost,"),
        ("focus-billing-period", "studio-2025-10-focus-billing-period.csv", b"BillingPeriodCreated,"),
        ("focus-invoice-detail", "studio-2025-10-focus-invoice-detail.csv", b"BilledCost,"),
    ],
)
def test_page_and_api_give_the_same_file_under_its_name(
    form: str, name: str, begins: bytes, october: Cast
) -> None:
    page = signed_in(october.viewer).get(f"{MONTH}exports/{form}/")
    api = by_api(october.viewer, f"format={form}")
    for answer in (page, api):
        assert (answer.status_code, answer["Content-Disposition"]) == (200, f'attachment; filename="{name}"')
        assert answer["Cache-Control"] == "private, no-store"
    found = body(page)
    assert found.startswith(begins)
    if form not in ("xlsx", "pdf"):  # which say when they were made
        assert found == body(api)


def test_the_json_is_the_apis_document_with_exact_fractions(october: Cast) -> None:
    found = json.loads(body(signed_in(october.viewer).get(f"{MONTH}exports/json/")))
    document = audit.month_document(workspace=october.workspace, month="2025-10")
    assert {name: found[name] for name in document} == document
    assert found["fractions"]["base"] == {"numerator": "11", "denominator": "25"}
    assert found["fractions"]["multiplier"] == {"numerator": "5", "denominator": "1"}
    by_model = audit.month_document(workspace=october.workspace, month="2025-10", by="model")["rows"]
    assert found["rows_by"]["model"] == by_model


def test_who_reads_the_month_takes_its_files_and_nobody_else(october: Cast) -> None:
    for form in ("json", "rows", "focus"):
        assert statuses(october, f"{MONTH}exports/{form}/") == everybody(october)
    assert signed_in(october.viewer).get(f"{MONTH}exports/docx/").status_code == 404
    assert signed_in(october.viewer).get("/w/studio/month/2025-13/exports/rows/").status_code == 404


def test_the_menu_offers_every_form_and_begins_with_the_last_used(october: Cast) -> None:
    client = signed_in(october.viewer)
    page = text(client, MONTH)
    places = [page.index(f"exports/{form}/") for form in Form.values]
    assert places == sorted(places)
    client.get(f"{MONTH}exports/focus/")
    page = text(client, MONTH)
    assert page.index("exports/focus/") < page.index("exports/xlsx/")
    assert page.count("Last used.") == 1


def test_no_text_in_a_csv_becomes_a_formula(cast: Cast) -> None:
    rows = [written.charge(1, "2025-10-06T09:00:00Z", "a", "1", "0.05")]
    imported(cast.workspace, written.charges_file(*rows), written.decisions_file())
    Deliverable.objects.filter(key="a").update(key="=a")
    for form, column in (("rows", "deliverable"), ("focus", "x_Deliverable")):
        found = body(signed_in(cast.viewer).get(f"{MONTH}exports/{form}/")).decode()
        assert [row[column] for row in csv.DictReader(io.StringIO(found))] == ["'=a"]


@pytest.mark.parametrize("form", ["xlsx", "json", "rows", "focus", "pdf"])
def test_twice_the_rows_cost_the_same_number_of_queries(form: str, cast: Cast) -> None:
    client, counts = signed_in(cast.viewer), []
    for turn in range(2):
        rows = [
            written.charge(turn * 10 + number, "2025-10-08T09:00:00Z", f"x{turn}{number}", "1", "0.10")
            for number in range(6)
        ]
        accepts = [
            written.decision("2025-10-09T09:00:00Z", f"x{turn}{number}", "1", "accept") for number in range(6)
        ]
        imported(cast.workspace, written.charges_file(*rows), written.decisions_file(*accepts))
        with CaptureQueriesContext(connection) as queries:
            body(client.get(f"{MONTH}exports/{form}/"))
        counts.append(len(queries))
    assert counts[0] == counts[1]
