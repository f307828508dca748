"""The FOCUS datasets: every row of the month once, as the specification's own linter accepts it."""

from __future__ import annotations

import csv
import datetime
import io
from decimal import Decimal
from pathlib import Path

import pytest
from focus_data_toolkit.cli import main as focus_toolkit

from billing import audit, months
from billing.exports import files
from billing.exports.forms import Form
from billing.invoices import imports
from billing.models import Entry, InvoiceLine, PriceRow
from generation.demo import build
from projects.models import Workspace
from tests import factories
from tests.billing import invoicing, written
from tests.billing.booking import NOON
from tests.billing.exports.test_workbook import imported
from tests.cast import Cast
from tests.factories import utc

TODAY = datetime.date(2026, 3, 18)
DATASETS = {
    Form.FOCUS: "cost-and-usage",
    Form.FOCUS_PERIODS: "billing-period",
    Form.FOCUS_INVOICES: "invoice-detail",
}


def text(workspace: Workspace, month: str, form: Form = Form.FOCUS) -> str:
    return b"".join(files.rows_file(workspace=workspace, month=month, form=form)).decode()


def rows(workspace: Workspace, month: str, form: Form = Form.FOCUS) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text(workspace, month, form), newline="")))


def accepted_by_the_toolkit(path: Path, form: Form) -> bool:
    try:
        return not focus_toolkit(["validate", str(path), "--dataset", DATASETS[form]])
    except SystemExit as ended:
        return not ended.code


@pytest.fixture
def october(cast: Cast) -> Cast:
    given = written.charge(31, "2025-10-22T09:00:00Z", "b", "3", "0.40")
    charges = [*written.OCTOBER_CHARGES, given, written.refund(32, "2025-10-23T09:00:00Z", given)]
    imported(
        cast.workspace, written.charges_file(*charges), written.decisions_file(*written.OCTOBER_DECISIONS)
    )
    return cast


def test_a_charge_carries_what_it_was_for(october: Cast) -> None:
    found = rows(october.workspace, "2025-10")
    (hero,) = (row for row in found if row["BilledCost"] == "2.00000000")
    assert {name: hero[name] for name in ("x_Model", "x_Tier", "x_Take", "x_Campaign", "x_Deliverable")} == {
        "x_Model": "harbour/tide",
        "x_Tier": "cinematic",
        "x_Take": "5",
        "x_Campaign": "p/c",
        "x_Deliverable": "a",
    }
    assert (hero["x_Accepted"], hero["ChargeCategory"], hero["ServiceProviderName"]) == (
        "true",
        "Usage",
        "harbour",
    )
    assert (hero["ChargePeriodStart"], hero["ChargePeriodEnd"]) == (
        "2025-10-13T09:00:00Z",
        "2025-10-13T09:00:01Z",
    )
    assert (hero["BillingPeriodStart"], hero["BillingPeriodEnd"]) == (
        "2025-09-30T22:00:00Z",
        "2025-10-31T23:00:00Z",
    )
    (back,) = (row for row in found if row["BilledCost"].startswith("-"))
    assert (back["BilledCost"], back["ChargeCategory"], back["x_Outcome"]) == (
        "-0.40000000",
        "Usage",
        "failed_refunded",
    )


def test_its_costs_add_up_to_what_was_spent(october: Cast) -> None:
    spend = audit.month_document(workspace=october.workspace, month="2025-10")["roll_forward"]["spend"]
    found = rows(october.workspace, "2025-10")
    assert sum(Decimal(row["BilledCost"]) for row in found) == Decimal(spend) == Decimal("2.60")
    assert len({row["x_EntryId"] for row in found}) == len(found) == 10


def test_a_billing_period_stands_for_each_provider(october: Cast) -> None:
    found = rows(october.workspace, "2025-10", Form.FOCUS_PERIODS)
    assert [(row["InvoiceIssuerName"], row["BillingPeriodStatus"]) for row in found] == [
        ("harbour", "Open"),
        ("lantern", "Open"),
    ]


def test_a_late_booking_of_another_month_is_a_correction(october: Cast) -> None:
    Entry.objects.create(
        workspace=october.workspace, kind="adjustment", debit="period", credit="provider:harbour",
        amount=Decimal("0.10"),
        service_at=utc("2025-09-20T10:00"), booked_at=utc("2025-10-05T10:00"),
        effective_at=utc("2025-10-05T10:00"), provider="harbour",
    )  # fmt: skip
    (row,) = (row for row in rows(october.workspace, "2025-10") if row["ChargeCategory"] == "Adjustment")
    assert (row["ChargeClass"], row["ChargePeriodStart"]) == ("Correction", "2025-09-20T10:00:00Z")


@pytest.fixture
def billed(cast: Cast) -> Cast:
    """A charge of four pictures at 0.05 dollars, listed at 0.08, found on an invoice with a tax and a fee."""
    row = invoicing.price_row(cast.finance, list_amount=Decimal("0.08"))
    take = factories.take(cast.deliverable)
    charge = invoicing.entry(take, "job-1", NOON, "0.20", row)
    charge.units = Decimal(4)
    invoicing.book(take, [charge])
    lines = [
        invoicing.line("job-1", cost="0.20", Units="4"),
        invoicing.line(cost="0.03", Units="", Type="VAT"),
        invoicing.line(cost="20.00", Units="", Type="Platform fee"),
        invoicing.line(cost="-1.00", Units="", Type="Credit note"),
    ]
    imports.bring_in(invoicing.bill(invoicing.file(lines), number="F-7"), by=cast.finance)
    return cast


def test_a_price_row_is_the_price_of_a_sku(billed: Cast) -> None:
    (found,) = rows(billed.workspace, "2026-10")
    price = PriceRow.objects.get()
    assert (found["SkuId"], found["SkuPriceId"]) == ("fal/flux", str(price.pk))
    assert (found["PricingQuantity"], found["PricingUnit"]) == ("4.00000000", "Image")
    assert (Decimal(found["ContractedUnitPrice"]), found["ContractedCost"]) == (
        Decimal("0.045"),
        "0.18000000",
    )
    assert (Decimal(found["ListUnitPrice"]), found["ListCost"]) == (Decimal("0.072"), "0.28800000")
    line = InvoiceLine.objects.get(job_id="job-1")
    assert (found["InvoiceId"], found["InvoiceDetailId"]) == ("F-7", str(line.pk))


def test_invoice_detail_has_each_line_of_the_months_invoices(billed: Cast, tmp_path: Path) -> None:
    found = rows(billed.workspace, "2026-10", Form.FOCUS_INVOICES)
    assert [
        (row["ChargeCategory"], row["BilledCost"], row["PaymentCurrencyBilledCost"]) for row in found
    ] == [
        ("Usage", "0.18000000", "0.20000000"),
        ("Tax", "0.02700000", "0.03000000"),
        ("Purchase", "18.00000000", "20.00000000"),
        ("Credit", "-0.90000000", "-1.00000000"),
    ]
    assert {(row["InvoiceId"], row["InvoiceIssuerName"], row["PaymentCurrency"]) for row in found} == {
        ("F-7", "fal", "USD")
    }
    assert rows(billed.workspace, "2026-09", Form.FOCUS_INVOICES) == []
    for form in DATASETS:
        path = tmp_path / f"{form}.csv"
        path.write_text(text(billed.workspace, "2026-10", form))
        assert accepted_by_the_toolkit(path, form), form


def test_a_usage_export_is_no_invoice(cast: Cast) -> None:
    content = invoicing.file([invoicing.line("job-1", cost="0.20", Rate="0.9")])
    imports.bring_in(invoicing.bill(content, source="usage"), by=cast.finance)
    assert rows(cast.workspace, "2026-10", Form.FOCUS_INVOICES) == []


def test_the_linter_refuses_a_file_that_is_wrong(october: Cast, tmp_path: Path) -> None:
    path = tmp_path / "wrong.csv"
    path.write_text(text(october.workspace, "2025-10").replace("Usage-Based", "Now and then"))
    assert not accepted_by_the_toolkit(path, Form.FOCUS)


def test_an_empty_month_is_a_header_alone(cast: Cast) -> None:
    for form in DATASETS:
        assert len(text(cast.workspace, "2024-02", form).splitlines()) == 1


def _bill_a_month(workspace: Workspace) -> None:
    """fal's invoice of February over all that was used there, and a tax."""
    used = Entry.objects.filter(workspace=workspace, provider="fal", kind="charge")
    span = months.span(workspace, "2026-02")
    of_month = used.filter(service_at__gte=span.start, service_at__lt=span.end)
    lines = [
        invoicing.line(row.external_id, row.service_at, str(row.native_amount), Endpoint=row.model)
        for row in of_month
    ]
    content = invoicing.file([*lines, invoicing.line("", span.start, "9.50", Units="", Type="VAT")])
    finance = workspace.memberships.filter(roles__contains=["finance"])[0]
    bill = invoicing.bill(content, month="2026-02", number="F-2026-02")
    assert imports.bring_in(bill, by=finance).lines == len(lines) + 1


@pytest.mark.slow
def test_the_whole_year_of_the_demo_passes_the_linter(db: None, tmp_path: Path) -> None:
    workspace = build.build(size="S", today=TODAY, say=lambda words: None, processes=0)
    _bill_a_month(workspace)
    names, at = [], months.month_of(workspace, utc("2026-03-18T00:00"))
    for _ in range(13):
        names.append(at)
        at = months.before(at)
    spent, refused, checked = Decimal(0), [], 0
    for month in names:
        for form in DATASETS:
            found = text(workspace, month, form)
            if len(found.splitlines()) == 1:
                continue  # a month without entries: the linter asks for a row
            path = tmp_path / f"{month}-{form}.csv"
            path.write_text(found)
            checked += 1
            if not accepted_by_the_toolkit(path, form):
                refused.append((month, form))
        spent += sum((Decimal(row["BilledCost"]) for row in rows(workspace, month)), Decimal(0))
    assert refused == []
    assert checked == 27
    assert spent == sum(
        Decimal(audit.month_document(workspace=workspace, month=month)["roll_forward"]["spend"])
        for month in names
    )
