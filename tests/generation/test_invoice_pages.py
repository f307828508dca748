"""Pages and API of what providers billed: from a file to a month that is reconciled."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from billing.invoices import imports, settle, unclaimed
from billing.models import (
    Assignment,
    Difference,
    DifferenceStep,
    Entry,
    Invoice,
    InvoiceTolerance,
    InvoiceUpload,
)
from projects import tokens
from projects.models import Membership
from tests import factories
from tests.billing import invoicing
from tests.billing.booking import NOON
from tests.billing.invoicing import bill, entry, file, line
from tests.cast import Cast
from tests.generation import pages

MONTH = "/w/studio/invoices/fal/2026-10/"


def signed_in(member: Membership) -> Client:
    client = Client()
    client.force_login(member.person)
    return client


def sent(content: bytes, **said: str) -> dict[str, object]:
    usual = {"provider": "fal", "month": "2026-10", "source": "invoice", "number": "INV-7", "currency": ""}
    return {**usual, **said, "file": SimpleUploadedFile("fal.csv", content)}


@pytest.fixture
def books(cast: Cast) -> Cast:
    """Ten calls at 0.045, of which the bill says 0.054 for two, and one line too many."""
    row, take = invoicing.price_row(cast.finance), factories.take(cast.deliverable)
    invoicing.book(take, [entry(take, f"job-{n}", NOON, "0.05", row) for n in range(10)])
    return cast


def lines(more: int = 0) -> bytes:
    rows = [line(f"job-{n}", cost="0.06" if n < 2 else "0.05") for n in range(10)]
    return file([*rows, line("job-lost", Key="=1+1"), *(line(f"x-{n}") for n in range(more))])


def test_a_bill_goes_from_the_file_over_its_preview_to_a_reconciled_month(books: Cast) -> None:
    client = signed_in(books.finance)
    looked = client.post("/w/studio/invoices/new/", sent(lines()), follow=True)
    page = looked.content.decode()
    assert "11 lines" in page
    assert "Request ID" in page
    assert Invoice.objects.count() == 0
    address = looked.redirect_chain[-1][0]
    done = client.post(address, dict(looked.context["found"].columns), follow=True)
    assert "11 lines imported; 3 differences found." in done.content.decode()
    assert InvoiceUpload.objects.count() == 0
    for row in Difference.objects.all():
        said = {"action": "adjust", "reason": "as billed"}
        assert client.post(f"/w/studio/invoices/differences/{row.pk}/", said).status_code == 302
    assert "Reconciled" in client.get(MONTH).content.decode()
    waiting = client.get("/w/studio/unclaimed/").content.decode()
    assert "=1+1" in waiting
    (charge,) = unclaimed.listed(books.finance)
    given = {"entry": str(charge.id), "target": "acme/autumn/opening", "stage": "generation"}
    assert client.post("/w/studio/unclaimed/assign/", given).status_code == 302
    assert Assignment.objects.get().deliverable == books.deliverable


def test_a_bill_is_withdrawn_from_its_month_and_stands_there_as_withdrawn(books: Cast) -> None:
    done = imports.bring_in(bill(lines()), by=books.finance)
    address = f"/w/studio/invoices/bills/{done.invoice.pk}/withdraw/"
    said = {"reason": "Of another account"}
    assert pages.statuses(books, address, method="post") == pages.only(books, "finance", status=422)
    client = signed_in(books.finance)
    page = client.post(address, said, follow=True).content.decode()
    assert "fal-2026-10.csv is withdrawn with its 11 lines. Bring it again to undo this." in page
    assert "was withdrawn by Finance: Of another account" in page
    assert (Invoice.objects.count(), Difference.objects.count()) == (0, 0)
    assert client.post(address, said).status_code == 404
    third = factories.membership(factories.workspace("third"), "finance")
    again = imports.bring_in(bill(lines()), by=books.finance).invoice
    other = f"/w/third/invoices/bills/{again.pk}/withdraw/"
    assert signed_in(third).post(other, said).status_code == 404


def test_bad_lines_are_named_on_the_preview_and_nothing_can_be_imported(books: Cast) -> None:
    client = signed_in(books.finance)
    looked = client.post("/w/studio/invoices/new/", sent(b"date,amount\n2026-10-14,much\n"), follow=True)
    page = looked.content.decode()
    assert "amount: “much” is no number; write 1234.50" in page
    assert "data-once" not in page
    refused = client.post(looked.redirect_chain[-1][0], {"service_at": "date", "amount": "amount"})
    assert refused.status_code == 422
    assert Invoice.objects.count() == 0


def test_other_columns_are_read_again(books: Cast) -> None:
    client = signed_in(books.finance)
    content = b"day it was,what it cost,what it costs\n2026-10-14,1.00,2.00\n"
    looked = client.post("/w/studio/invoices/new/", sent(content, currency="EUR"), follow=True)
    address = looked.redirect_chain[-1][0]
    assert "Say which column holds this: Amount." in looked.content.decode()
    again = client.get(address, {"service_at": "day it was", "amount": "what it costs"})
    assert again.context["found"].amount == 2


def test_the_page_lists_by_kind_and_shows_one_difference(books: Cast) -> None:
    imports.bring_in(bill(lines()), by=books.finance)
    client = signed_in(books.viewer)
    assert len(client.get(MONTH, {"kind": "price"}).context["page"].object_list) == 2
    row = Difference.objects.get(kind="missing_here")
    part = client.get(MONTH, {"d": str(row.pk)}, headers={"HX-Request": "true"}).content.decode()
    assert "Job job-lost is unknown" in part
    assert "<html" not in part
    assert 'name="reason"' not in part
    assert 'name="reason"' in signed_in(books.finance).get(MONTH, {"d": str(row.pk)}).content.decode()


def test_the_csv_has_no_formulas(books: Cast) -> None:
    content = file([line("job-0"), line("=HYPERLINK(1)", at=NOON)])
    imports.bring_in(bill(content, file_name="=cmd.csv"), by=books.finance)
    answer = signed_in(books.viewer).get(MONTH, {"format": "csv"})
    text = answer.content.decode()
    assert "'=HYPERLINK(1)" in text
    assert ",=" not in text
    assert answer["Content-Type"].startswith("text/csv")


def test_a_class_is_accepted_and_a_tolerance_set(books: Cast) -> None:
    imports.bring_in(bill(lines()), by=books.finance)
    client = signed_in(books.finance)
    client.post(f"{MONTH}tolerance/", {"money": "0.01", "share": "2.5", "minutes": "5", "rounding": "0.005"})
    row = InvoiceTolerance.objects.get()
    assert (row.share, row.minutes) == (Decimal("0.025"), 5)
    client.post(f"{MONTH}class/", {"kind": "price", "reason": "their list price"})
    assert DifferenceStep.objects.filter(as_class=True).count() == 2


def test_empty_pages_say_what_to_do(cast: Cast) -> None:
    finance, viewer = signed_in(cast.finance), signed_in(cast.viewer)
    assert "Bring a bill" in finance.get("/w/studio/invoices/").content.decode()
    assert "Bring its bill" in finance.get(MONTH).content.decode()
    assert "Bring its bill" not in viewer.get(MONTH).content.decode()
    assert "Nothing is unclaimed" in viewer.get("/w/studio/unclaimed/").content.decode()
    assert finance.get("/w/studio/invoices/fal/2026-13/").status_code == 404


def test_another_workspace_finds_nothing(books: Cast) -> None:
    imports.bring_in(bill(lines()), by=books.finance)
    client, row = signed_in(books.stranger), Difference.objects.first()
    assert row is not None
    assert client.get(MONTH).status_code == 404
    own = client.post(f"/w/elsewhere/invoices/differences/{row.pk}/", {"action": "accept", "reason": "mine"})
    assert own.status_code == 404
    token = f"Token {tokens.issue(membership=books.stranger)}"
    answer = client.post(
        f"/api/v1/differences/{row.pk}/accept/",
        json.dumps({"reason": "mine"}),
        content_type="application/json",
        headers={"authorization": token},
    )
    assert answer.status_code == 404
    assert DifferenceStep.objects.count() == 0


def test_more_rows_ask_no_more_queries(books: Cast) -> None:
    client, counts = signed_in(books.finance), []
    for more in (2, 20):
        imports.bring_in(bill(lines(more), number=str(more)), by=books.finance)
        for row in Difference.objects.filter(kind="missing_here", steps__isnull=True)[:more]:
            settle.adjust(difference=row, reason="as billed", by=books.finance)
        taken = []
        for address in ("/w/studio/invoices/?month=2026-10", MONTH, "/w/studio/unclaimed/"):
            with CaptureQueriesContext(connection) as queries:
                assert client.get(address).status_code == 200
            taken.append(len(queries))
        counts.append(taken)
    assert counts[0] == counts[1]


def test_the_api_carries_the_whole_way(books: Cast) -> None:
    client = Client(headers={"authorization": f"Token {tokens.issue(membership=books.finance)}"})

    def post(address: str, **body: object) -> dict[str, object]:
        answer = client.post(f"/api/v1/{address}", json.dumps(body), content_type="application/json")
        assert answer.status_code == 200, answer.content
        return answer.json()

    made = client.post("/api/v1/invoices/", sent(lines()))
    assert made.status_code == 201, made.content
    assert {name: made.json()[name] for name in ("lines", "known", "differences")} == {
        "lines": 11,
        "known": 0,
        "differences": 3,
    }
    assert client.get("/api/v1/invoices/").json()["results"][0]["number"] == "INV-7"
    of_month = "reconciliations/fal/2026-10/"
    found = client.get(f"/api/v1/{of_month}").json()
    assert (found["billed"], found["used"], found["unreconciled"]) == (
        "0.51300000",
        "0.45000000",
        "0.06300000",
    )
    assert post(f"{of_month}accept/", kind="price", reason="their list price") == {"count": 2}
    (missing,) = client.get(f"/api/v1/{of_month}differences/?state=open").json()["results"]
    assert (missing["kind"], missing["job_id"], missing["amount"]) == (
        "missing_here",
        "job-lost",
        "0.04500000",
    )
    assert post(f"differences/{missing['id']}/adjust/", reason="as billed")["state"] == "adjusted"
    (charge,) = client.get("/api/v1/unclaimed/").json()["results"]
    assert post("unclaimed/assign/", entries=[charge["id"]], campaign="acme/autumn") == {"count": 1}
    assert Entry.objects.filter(kind="adjustment").count() == 3
    assert client.get(f"/api/v1/{of_month}").json()["reconciled"] is True
