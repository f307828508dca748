"""Prices from CSV: shown first, whole or not at all, the same file again changes nothing."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from billing import price_imports
from billing.models import PriceRow
from projects.access import MissingRight
from projects.problems import BadLines
from tests.billing.test_price_decisions import signed_in
from tests.cast import Cast
from tests.factories import utc

HEAD = "model_key,unit,amount,currency,starts_on,first_amount,list_amount,conditions,source\n"
GOOD = (
    HEAD
    + "fal/flux,image,0.05,USD,2026-10-01,,0.06,,fal.ai\n"
    + 'runway/gen4,second,5,credit:runway,2026-10-01,,,"{""by_height"": {""1080"": ""8""}}",docs\n'
)


def test_a_file_is_proposed_once(cast: Cast) -> None:
    assert price_imports.propose(text=GOOD, by=cast.finance) == 2
    assert price_imports.propose(text="\ufeff" + GOOD, by=cast.finance) == 0
    rows = PriceRow.objects.order_by("model_key").values_list(
        "model_key", "unit", "amount", "currency", "list_amount", "starts_at", "conditions"
    )
    assert list(rows) == [
        ("fal/flux", "image", Decimal("0.05"), "USD", Decimal("0.06"), utc("2026-09-30T22:00"), {}),
        (
            *("runway/gen4", "second", Decimal(5), "credit:runway", None, utc("2026-09-30T22:00")),
            {"by_height": {"1080": "8"}},
        ),
    ]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("fal/flux,image,,USD,2026-10-02,,,,", "leave the line out"),
        ("fal/flux,image,cheap,USD,2026-10-02,,,,", "“cheap” is no number"),
        ("fal/flux,image,NaN,USD,2026-10-02,,,,", "Give a number from zero on"),
        ("fal/flux,image,0,USD,2026-10-02,,,,", "Only built-in models are free"),
        ("fal/flux,hour,1,USD,2026-10-02,,,,", "unit: Give one of"),
        ("fal/flux,image,1,Dollar,2026-10-02,,,,", "currency: Give three capital letters"),
        ("fal/flux,image,1,USD,1.10.2026,,,,", "is no day"),
        ("fal/flux,image,1,USD,2026-10-02,,,[],", "no JSON object"),
        ("flux,image,1,USD,2026-10-02,,,,", "provider/endpoint"),
        ("fal/flux,image,1,USD,2026-10-02,,,,,,", "more or fewer cells"),
        ("fal/flux,image,0.07,USD,2026-10-01,,,,", "Line 2 has this model and day already"),
    ],
)
def test_a_bad_line_is_named_and_nothing_is_imported(cast: Cast, line: str, words: str) -> None:
    with pytest.raises(BadLines) as bad:
        price_imports.propose(text=f"{GOOD}{line}\n", by=cast.finance)
    assert [each["line"] for each in bad.value.lines] == [4]
    assert words in bad.value.lines[0]["reason"]
    assert PriceRow.objects.count() == 0


def test_a_row_that_is_there_otherwise_is_never_edited(cast: Cast) -> None:
    price_imports.propose(text=GOOD, by=cast.finance)
    with pytest.raises(BadLines) as bad:
        price_imports.propose(text=GOOD.replace(",0.05,", ",0.04,"), by=cast.finance)
    assert bad.value.lines[0]["line"] == 2
    assert "give the change a later start" in bad.value.lines[0]["reason"]
    assert PriceRow.objects.count() == 2


@pytest.mark.parametrize(
    "text", ["", "model,unit\n", HEAD.replace("unit", "unit,unit"), f"{HEAD.strip()},x\n"]
)
def test_a_header_that_does_not_fit_is_named(cast: Cast, text: str) -> None:
    found = price_imports.read(text=text, by=cast.finance)
    assert [row.line for row in found.bad] == [1]


def test_the_page_shows_the_file_before_it_is_proposed(cast: Cast) -> None:
    client = signed_in(cast.finance)
    file = SimpleUploadedFile("prices.csv", GOOD.encode())
    page = client.post("/w/studio/prices/import/", {"file": file})
    assert (page.status_code, PriceRow.objects.count()) == (200, 0)
    assert "2 new prices" in page.content.decode()
    answer = client.post("/w/studio/prices/import/", {"text": GOOD, "confirmed": "1"})
    assert (answer.status_code, PriceRow.objects.count()) == (302, 2)
    again = client.post("/w/studio/prices/import/", {"text": GOOD})
    assert "Nothing new: 2 prices are there already" in again.content.decode()


@pytest.mark.parametrize("data", [b"", b"\xff\xfe\x00", b"a\x00b", b"model_key\n"])
def test_a_file_that_is_none_is_refused_with_words(cast: Cast, data: bytes) -> None:
    answer = signed_in(cast.finance).post(
        "/w/studio/prices/import/", {"file": SimpleUploadedFile("prices.csv", data)}
    )
    assert answer.status_code == 422
    assert PriceRow.objects.count() == 0


def test_only_finance_imports(cast: Cast) -> None:
    with pytest.raises(MissingRight):
        price_imports.propose(text=GOOD, by=cast.manager)


def test_what_is_exported_is_there_already_when_it_comes_back(cast: Cast) -> None:
    price_imports.propose(text=GOOD, by=cast.finance)
    client = signed_in(cast.viewer)
    whole = client.get("/w/studio/prices/prices.csv").content.decode()
    found = price_imports.read(text=whole, by=cast.finance)
    assert (found.new, found.unchanged, found.bad) == ([], 2, [])
    part = client.get("/w/studio/prices/prices.csv?q=runway&state=proposed").content.decode()
    assert [line.split(",")[0] for line in part.splitlines()] == ["model_key", "runway/gen4"]
