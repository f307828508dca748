"""The month that finance signs, in a real browser: bill, differences, two signatures, and a wrong price."""

from __future__ import annotations

import datetime
import re
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from allauth.account.models import EmailAddress
from django.utils import timezone
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

from billing import closing, month_sums, months, pots, price_decisions, prices, rates
from billing.exports import statement
from billing.models import Entry, MonthClose
from billing.models.ledger import EntryKind
from projects.models import Membership
from tests import factories
from tests.billing import invoicing
from tests.cast import Cast, make_cast

pytestmark = pytest.mark.browser

PATIENCE = 30_000  # milliseconds, of a busy machine
PASSWORD = "three-crows-in-a-row"
MODEL = "fal/flux"


class Visitor:
    """One signed-in person at a window of their own; what the browser complains of is remembered."""

    def __init__(self, browser: Browser, base: str, member: Membership) -> None:
        self.base, self.errors = base, list[str]()
        self.page: Page = browser.new_page(viewport={"width": 1440, "height": 900}, locale="en-GB")
        self.page.set_default_timeout(PATIENCE)
        self.page.on("console", lambda line: self.errors.append(line.text) if line.type == "error" else None)
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.go("/accounts/login/")
        self.page.fill("input[name=login]", member.person.email)
        self.page.fill("input[name=password]", PASSWORD)
        self.page.locator("input[name=password]").press("Enter")
        self.page.wait_for_url("**/w/studio/")

    def go(self, path: str) -> None:
        answer = self.page.goto(self.base + path)
        assert answer is not None
        assert answer.status == 200, f"{path}: {answer.status}"

    def says(self, *words: str) -> None:
        for each in words:
            expect(self.page.locator("body")).to_contain_text(each, timeout=PATIENCE)

    def press(self, name: str, *, confirm: str = "") -> None:
        """A button of the page, and the one of the question that follows."""
        self.page.locator("main").get_by_role("button", name=name).first.click()
        if confirm:
            self.page.locator("#confirm-dialog").get_by_role("button", name=confirm, exact=True).click()

    def cells(self, table: str, row: str) -> list[str]:
        """The words of a table's row, its head first."""
        found = self.page.get_by_role("region", name=table, exact=True).locator("tr", has_text=row).first
        return [" ".join(each.split()) for each in found.locator("th, td").all_inner_texts()]


@pytest.fixture
def month() -> str:
    """The month that is over."""
    today = timezone.now().astimezone(ZoneInfo("Europe/Berlin"))
    return months.before(f"{today:%Y-%m}")


@pytest.fixture
def studio(committed: None, month: str) -> Cast:
    """Three calls of four pictures for a film that was signed off as is, at 0.10 USD a picture."""
    cast = make_cast()
    start = months.span(cast.workspace, month).start
    factories.membership(cast.workspace, "finance", person=factories.person("second@example.com"))
    rates.add_rate(
        currency="USD", day=start.date(), rate=invoicing.RATE, source="European Central Bank", by=cast.finance
    )
    row = prices.add_row(
        model_key=MODEL,
        unit="image",
        amount=Decimal("0.10"),
        currency="USD",
        starts_at=start,
        source="fal.ai, pricing",
        by=cast.finance,
    )
    price_decisions.approve(row=row, by=_second(cast))
    at = start + datetime.timedelta(days=9, hours=12)
    takes = [factories.take(cast.deliverable, counted_at=at) for _ in range(3)]
    for number, take in enumerate(takes, 1):
        charge = invoicing.entry(take, f"job-{number}", at + datetime.timedelta(hours=number), "0.40", row)
        charge.units = Decimal(4)
        invoicing.book(take, [charge])
    pots.decide(
        deliverable=cast.deliverable,
        take=takes[2],
        decision="accept",
        by=cast.manager,
        at=at + datetime.timedelta(days=5),
        as_is=True,
        note="The client loves the sketch",
        money_saved=Decimal("1.20"),
    )
    for member in (cast.finance, _second(cast)):
        member.person.set_password(PASSWORD)
        member.person.save()
        EmailAddress.objects.create(
            user=member.person, email=member.person.email, verified=True, primary=True
        )
    return cast


def _second(cast: Cast) -> Membership:
    return Membership.objects.get(workspace=cast.workspace, person__email="second@example.com")


def bill(month: str, folder: Path) -> str:
    """What fal bills: one job dearer, one that nobody here knows, and a tax."""
    at = f"{month}-10T"
    rows: list[dict[str, Any]] = [
        invoicing.line("job-1", cost="0.40", Units="4", **{"Completed At": f"{at}13:00:00Z"}),
        invoicing.line("job-2", cost="0.50", Units="4", **{"Completed At": f"{at}14:00:00Z"}),
        invoicing.line("job-3", cost="0.40", Units="4", **{"Completed At": f"{at}15:00:00Z"}),
        invoicing.line("job-9", cost="0.20", Units="2", **{"Completed At": f"{at}18:00:00Z"}),
        invoicing.line(cost="0.10", Units="", Type="VAT", **{"Completed At": f"{at}18:00:00Z"}),
    ]
    path = folder / f"fal-{month}.csv"
    path.write_bytes(invoicing.file(rows))
    return str(path)


def test_finance_signs_a_month_and_rerates_a_price_in_the_next(
    browser: Browser, studio: Cast, live_server: LiveServer, month: str, tmp_path: Path
) -> None:
    finance = Visitor(browser, live_server.url, studio.finance)
    second = Visitor(browser, live_server.url, _second(studio))
    import_the_bill(finance, month, bill(month, tmp_path))
    reconcile_it(finance)
    read_the_month(finance, month)
    prepare_and_sign(finance, month)
    close_as_the_second(second, month)
    export_the_statement(second, studio, month)
    enter_the_right_price(finance, second)
    rerate(finance)
    the_next_month_bears_it_alone(finance, studio, month)
    assert [each for each in finance.errors if "status of 409" not in each] == []  # signed twice by one
    assert second.errors == []


def import_the_bill(finance: Visitor, month: str, path: str) -> None:
    finance.go(f"/w/studio/invoices/?month={month}")
    assert finance.cells("Providers", "fal") == ["fal", "no bill yet", "€1.08", "Bring its bill"]
    finance.page.get_by_role("link", name="Bring its bill").click()
    expect(finance.page.locator("input[name=month]")).to_have_value(month)
    finance.page.set_input_files("input[type=file]", path)
    finance.press("Look at it")
    finance.says("5 lines, €1.44 in all. Nothing is imported yet.")
    finance.press("Import 5 lines")
    finance.says("5 lines imported; 3 differences found.", "3 of 5 lines were found here.")
    assert finance.cells("Bridge", "Used here") == ["Used here, before adjustments", "", "€1.08", "", "", ""]
    assert [finance.cells("Bridge", kind)[1:3] for kind in ("Missing here", "Price", "Tax")] == [
        ["1", "0.18"],
        ["1", "0.09"],
        ["1", "0.09"],
    ]
    assert finance.cells("Bridge", "Billed") == ["Billed", "", "€1.44", "0.00", "0.00", "0.36"]


def reconcile_it(finance: Visitor) -> None:
    """The price and the unknown job are booked, the tax is accepted by its key."""
    for kind, act in (("Price", "Book €0.09"), ("Missing here", "Book €0.18"), ("Tax", "Control+Enter")):
        chosen = finance.page.locator("#difference h3")
        if not chosen.count() or kind not in chosen.inner_text():  # settling one leads to the next
            differences = finance.page.get_by_role("region", name="Differences", exact=True).last
            differences.get_by_role("link", name=kind, exact=True).click()
        expect(chosen).to_contain_text(kind, timeout=PATIENCE)
        finance.page.fill("#reason", "As billed" if kind != "Tax" else "It is given back with the return")
        if "+" in act:
            finance.page.locator("#reason").press(act)
        else:
            finance.press(act)
        finance.says(f"{kind}: {'accepted' if kind == 'Tax' else 'adjusted'}.")
    expect(finance.page.locator(".page-header")).to_contain_text("Reconciled")
    assert finance.cells("Bridge", "Billed") == ["Billed", "", "€1.44", "0.27", "0.09", "0.00"]
    totals = " ".join(finance.page.get_by_role("region", name="Totals").inner_text().split())
    assert "Used here €1.35 Difference €0.09 Not reconciled €0.00" in totals


def read_the_month(finance: Visitor, month: str) -> None:
    """1.17 for the film, its dearer job included; the unknown job is a period cost."""
    finance.go(f"/w/studio/month/{month}/")
    assert headline(finance) == "1.17"
    assert spent(finance) == "1.35"
    finance.go(f"/w/studio/month/{month}/exceptions/")
    finance.says("Drafts signed off as is", "Opening", "€1.20", "The client loves the sketch")
    finance.go(f"/w/studio/month/{month}/")


def prepare_and_sign(finance: Visitor, month: str) -> None:
    page = finance.page
    page.locator(".page-header").get_by_role("link", name="Close").click()
    finance.press("Put under review")
    finance.says("fal", "Not settled: fal.", "1 are unread.", "1 of 1 takes have not been looked at.")
    finance.press("I have read the exceptions")
    finance.says("1 read by Finance.")
    page.get_by_label("How fal was settled").select_option("invoice")
    finance.press("Save fal")
    finance.says("1 settled.")
    finance.press("Accept again")
    finance.says("1 looked at, 0 would not be accepted again.")
    finance.press("Sign as the first", confirm="Sign")
    finance.says("You have signed.")
    finance.press("Close the month", confirm="Close the month")
    finance.says("You have given the first signature.")
    assert not MonthClose.objects.exists()


def close_as_the_second(second: Visitor, month: str) -> None:
    second.go(f"/w/studio/month/{month}/close/")
    second.press("Close the month", confirm="Close the month")
    second.says("Closed by Second", "signed by Finance")
    row = MonthClose.objects.get(month=month)
    second.says(row.digest)
    assert not closing.differs(row)
    assert row.document["totals"]["cash_per_acceptable"] == "1.17000000"
    assert row.document["roll_forward"]["spend"] == "1.35000000"


def export_the_statement(second: Visitor, cast: Cast, month: str) -> None:
    second.go(f"/w/studio/month/{month}/")
    second.press("Export")
    with second.page.expect_download() as download:
        second.page.locator("#exports").get_by_role("link", name=re.compile("To read, sign and file")).click()
    assert download.value.suggested_filename == f"studio-{month}-statement.pdf"
    assert Path(download.value.path()).read_bytes()[:5] == b"%PDF-"
    with month_sums.snapshot():
        typeset = statement.contents(workspace=cast.workspace, month=month)
    assert typeset["headline"] == "1.17 EUR"
    assert typeset["forward"]["rows"][1] == ["+ Spent", "1.35 EUR"]
    assert [each["name"] for each in typeset["signatures"]] == [
        "Finance (finance@example.com)",
        "Second (second@example.com)",
    ]


def enter_the_right_price(finance: Visitor, second: Visitor) -> None:
    """0.08 instead of 0.10, proposed by the one and approved by the other."""
    page = finance.page
    finance.go(f"/w/studio/prices/new/?model={MODEL}")
    page.fill("input[name=amount]", "0.08")
    page.fill("input[name=currency]", "USD")
    page.fill("input[name=source]", "The contract of May")
    finance.press("Propose price")
    finance.says("the price is proposed", "You proposed it: another person of finance approves.")
    effect = finance.cells("Effect of the proposals", MODEL)
    assert effect[2:] == ["3", "€1.08", "€0.86", "−€0.22"]
    second.go(f"/w/studio/prices/history/?model={MODEL}")
    second.press("Approve")
    second.says("the price is approved")


def rerate(finance: Visitor) -> None:
    """What the invoice had made of one job is part of what is booked for it so far."""
    finance.go(f"/w/studio/prices/history/?model={MODEL}")
    rows = finance.page.get_by_role("region", name=f"Prices of {MODEL}").locator("tr", has_text="fal.ai")
    rows.get_by_role("link", name="Re-rate").click()
    assert finance.cells("Rows with another price", "$0.08")[3:] == ["3", "−€0.31"]
    finance.page.fill("#note", "The contract of May was not entered")
    finance.press("Book the adjustments", confirm="Book the adjustments")
    finance.says("3 entries are adjusted by -0.306 EUR in all.")


def the_next_month_bears_it_alone(finance: Visitor, cast: Cast, month: str) -> None:
    booked = Entry.objects.filter(kind=EntryKind.ADJUSTMENT, calculation__startswith="re-rated")
    assert sorted(booked.values_list("amount", flat=True)) == [
        Decimal("-0.162"),
        Decimal("-0.072"),
        Decimal("-0.072"),
    ]
    finance.go("/w/studio/month/")
    assert spent(finance) == "-0.306"
    finance.go(f"/w/studio/month/{month}/")
    assert (headline(finance), spent(finance)) == ("1.17", "1.35")
    finance.go(f"/w/studio/month/{month}/close/")
    figures = finance.page.get_by_role("region", name="As closed and as restated").locator("tbody tr")
    assert {row.inner_text().split()[-1] for row in figures.all()} == {"none"}
    assert not closing.differs(MonthClose.objects.get(month=month))


def headline(finance: Visitor) -> str:
    return amount(finance.page.locator(".headline__figure data").first.get_attribute("value"))


def spent(finance: Visitor) -> str:
    line = finance.page.locator("table.statement tr", has_text="Spent")
    return amount(line.locator("data").first.get_attribute("value"))


def amount(text: str | None) -> str:
    assert text is not None
    return f"{Decimal(text).normalize():f}"
