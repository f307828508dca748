# ruff: noqa: E501 - each refusal stands in one piece
"""Odd files: each is read rightly or refused with the line and the remedy, and nothing of it is imported."""

from __future__ import annotations

import re
from decimal import Decimal

import pytest

from billing.invoices import columns, files, imports
from billing.models import Invoice, InvoiceLine
from projects.access import MissingRight
from projects.problems import BadLines, Invalid
from tests.billing import invoicing
from tests.billing.invoicing import bill, file, line
from tests.cast import Cast

HEAD = "date,amount,currency,request id\n"
GERMAN = "Datum;Betrag;Währung;Auftrag\n14.10.2026 12:00;1.234,50;EUR;a\n15.10.2026;0,05;EUR;b\n"


def refused(cast: Cast, content: bytes | str, **said: object) -> str:
    """The words of the refusal, after which nothing is there."""
    raw = content.encode() if isinstance(content, str) else content
    with pytest.raises(BadLines) as error:
        imports.bring_in(bill(raw, **said), by=cast.finance)
    assert (Invoice.objects.count(), InvoiceLine.objects.count()) == (0, 0)
    return "; ".join(f"{row['line']}: {row['reason']}" for row in error.value.lines)


def amounts(cast: Cast, content: bytes | str) -> list[Decimal]:
    raw = content.encode() if isinstance(content, str) else content
    imports.bring_in(bill(raw), by=cast.finance)
    return list(InvoiceLine.objects.order_by("number").values_list("amount", flat=True))


def test_a_byte_order_mark_is_no_part_of_the_first_column(cast: Cast) -> None:
    assert amounts(cast, b"\xef\xbb\xbf" + f"{HEAD}2026-10-14,1.50,EUR,a\n".encode()) == [Decimal("1.5")]


def test_semicolons_decimal_commas_and_thousands_points_are_read(cast: Cast) -> None:
    assert amounts(cast, GERMAN) == [Decimal("1234.5"), Decimal("0.05")]


@pytest.mark.parametrize(
    ("cells", "read"),
    [
        (('"1,234.50"', "0.05"), ("1234.5", "0.05")),
        (('"1,234,567"', "0.05"), ("1234567", "0.05")),
        (("1'234.50", "$2.00"), ("1234.5", "2")),
        (('"1.234,50"', '"0,05"'), ("1234.5", "0.05")),
        (("(3.20)", "+1.10"), ("-3.2", "1.1")),
    ],
)
def test_thousands_marks_are_told_from_decimals_by_the_whole_file(
    cast: Cast, cells: tuple[str, str], read: tuple[str, str]
) -> None:
    rows = "".join(f"2026-10-1{place},{cell},EUR,job{place}\n" for place, cell in enumerate(cells))
    assert amounts(cast, HEAD + rows) == [Decimal(each) for each in read]


def test_a_number_that_may_be_two_is_not_guessed(cast: Cast) -> None:
    said = refused(cast, f'{HEAD}2026-10-14,"1,234",EUR,a\n')
    assert said == "2: amount: “1,234” may be thousands or decimals; write all digits with a decimal point"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "1: the file is empty; export it with its header row"),
        (b"\xef\xbb\xbf \n", "1: the file is empty; export it with its header row"),
        (HEAD.encode(), "1: there is no line below the header; export a period with usage"),
        (b"date,amount,Amount\n2026-10-14,1,1\n", "1: columns stand there twice: amount; rename or remove one of them"),
        (b"date,amount\n2026-10-14,1\x00\n", "2: there are NUL bytes, so this is no text file; export it as CSV in UTF-8"),
        ("date,amount\n2026-10-14,1\n".encode("utf-16"), "1: the file is UTF-16; save it as “CSV UTF-8”"),
        (b"date,amount\n2026-10-14,\xe91\n", "2: the file is not UTF-8; save it as “CSV UTF-8”"),
        (b'date,amount\n2026-10-14,"1\n', "2: is no CSV from here on (unexpected end of data); close the quotes"),
        (b"date,amount,currency\n2026-10-14,1\n", "2: 2 cells, the header has 3; put cells with separators into quotes"),
        (b"date,amount,currency\n10/14/2026,1,EUR\n", "2: service_at: “10/14/2026” is no instant; write 2026-10-14T12:00:00Z"),
        (b"date,amount\n2026-10-14,1\n", "2: currency: no column names it; say in which currency the file is"),
        (b"date,amount,currency\n2026-10-14,,EUR\n", "2: amount: is empty; give 0 where nothing was billed"),
        (b"date,amount,currency\n2026-10-14,1,EUR\n2026-10-14,1,USD\n",
         "3: currency: USD, the lines before are in EUR; import one file for each currency"),
        (b"date,amount,currency\n2026-10-14,1,CHF\n",
         "2: currency: there is no rate from CHF to EUR on or before 2026-10-14; enter one on the page Prices & rates"),
        (b"date,amount,currency\n2026-08-14,1,EUR\n",
         "2: no line is of 2026-10, the file is about 2026-08; import it for that month"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_names_the_line_and_the_remedy(cast: Cast, content: bytes, said: str) -> None:
    assert refused(cast, content) == said


def test_every_bad_line_is_named_and_the_good_ones_stay_out(cast: Cast) -> None:
    content = f"{HEAD}2026-10-14,1,EUR,a\n2026-10-14,much,EUR,b\nnever,1,EUR,c\n"
    assert re.findall(r"(\d+): (\w+)", refused(cast, content)) == [("3", "amount"), ("4", "service_at")]


def test_a_file_of_200_mb_is_refused_before_it_is_read(cast: Cast) -> None:
    said = refused(cast, bytes(200 * 2**20))
    assert (
        said == "1: the file has 200 MB, at most 64 are read; export it in parts, such as half a month each"
    )


def test_a_foreign_file_takes_the_rate_of_each_day(cast: Cast) -> None:
    invoicing.price_row(cast.finance)
    assert amounts(cast, file([line("a"), line("b", Rate="0.8")])) == [Decimal("0.045"), Decimal("0.04")]


def test_the_same_file_again_changes_nothing(cast: Cast) -> None:
    content = f"{HEAD}2026-10-14,1,EUR,a\n".encode()
    first = imports.bring_in(bill(content), by=cast.finance)
    again = imports.bring_in(bill(content, file_name="other.csv"), by=cast.finance)
    assert (again.invoice, again.lines, again.known) == (first.invoice, 0, 1)
    assert (Invoice.objects.count(), InvoiceLine.objects.count()) == (1, 1)


def test_lines_that_an_earlier_file_had_come_once_and_repeated_ones_stay(cast: Cast) -> None:
    one = f"{HEAD}2026-10-14,1,EUR,a\n2026-10-14,1,EUR,a\n"
    imports.bring_in(bill(one.encode()), by=cast.finance)
    more = imports.bring_in(bill(f"{one}2026-10-15,2,EUR,b\n".encode()), by=cast.finance)
    assert (more.lines, more.known, more.invoice.amount) == (1, 2, Decimal(2))
    assert InvoiceLine.objects.count() == 3


def test_an_export_and_an_invoice_of_one_month_would_count_twice(cast: Cast) -> None:
    content = f"{HEAD}2026-10-14,1,EUR,a\n".encode()
    imports.bring_in(bill(content), by=cast.finance)
    with pytest.raises(imports.CountedTwice, match="fal has an invoice for 2026-10"):
        imports.bring_in(bill(content + b"2026-10-15,1,EUR,b\n", source="usage"), by=cast.finance)
    assert Invoice.objects.count() == 1


def test_a_file_is_of_one_month(cast: Cast) -> None:
    content = f"{HEAD}2026-10-14,1,EUR,a\n2026-09-14,1,EUR,b\n".encode()
    imports.bring_in(bill(content), by=cast.finance)
    with pytest.raises(Invalid, match="imported for 2026-10"):
        imports.bring_in(bill(content, month="2026-09"), by=cast.finance)


def test_columns_are_guessed_and_kept_for_the_next_file(cast: Cast) -> None:
    content = b"when it was,what it cost,cur\n2026-10-14,1,EUR\n"
    looked = imports.preview(bill(content), by=cast.finance)
    assert looked.errors == {
        "service_at": ["Say which column holds this: When."],
        "amount": ["Say which column holds this: Amount."],
    }
    chosen = {"service_at": "when it was", "amount": "what it cost", "currency": "cur"}
    assert imports.preview(bill(content), by=cast.finance, columns=chosen).amount == 1
    imports.bring_in(bill(content), by=cast.finance, columns=chosen)
    assert columns.for_file(cast.workspace, "fal", ["cur", "what it cost", "when it was"]) == chosen
    assert columns.for_file(cast.workspace, "fal", ["date", "amount"]) == {
        "service_at": "date",
        "amount": "amount",
    }


def test_a_preview_shows_the_first_lines_and_changes_nothing(cast: Cast) -> None:
    invoicing.price_row(cast.finance)
    content = file([line(f"job-{place}") for place in range(30)])
    looked = imports.preview(bill(content), by=cast.finance)
    assert (len(looked.lines), looked.line_count, looked.amount) == (20, 30, Decimal("1.35"))
    assert looked.columns["job_id"] == "Request ID"
    assert Invoice.objects.count() == 0


@pytest.mark.parametrize("role", ["producer", "reviewer", "manager", "admin", "viewer"])
def test_only_finance_imports(cast: Cast, role: str) -> None:
    with pytest.raises(MissingRight):
        imports.bring_in(bill(f"{HEAD}2026-10-14,1,EUR,a\n".encode()), by=getattr(cast, role))
    assert Invoice.objects.count() == 0


def test_files_are_limited_in_lines(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("billing.invoices.reading.MOST_LINES", 2)
    rows = "".join(f"2026-10-14,1,EUR,{place}\n" for place in range(3))
    assert refused(cast, HEAD + rows) == "4: more than 2 lines; export shorter periods"
    assert files.MOST_LINES == 250_000
