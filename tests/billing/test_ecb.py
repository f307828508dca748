"""Exchange rates from the files of the European Central Bank."""

from __future__ import annotations

import datetime
import io
import zipfile
from decimal import Decimal

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from billing import ecb, rates
from billing.models import ExchangeRate
from projects.access import MissingRight
from projects.problems import Invalid
from tests import factories
from tests.billing.test_price_decisions import signed_in
from tests.cast import Cast
from tests.factories import utc

HISTORY = b"""Date,USD,JPY,CYP,GBP,
2026-11-20,1.0876,163.5,N/A,0.8333,
2026-11-19,1.08,163,N/A,0.83,
"""
DAILY = b"Date, USD, GBP, \n20 November 2026, 1.0876, 0.8333, \n"
XML = b"""<?xml version="1.0" encoding="UTF-8"?>
<gesmes:Envelope xmlns:gesmes="http://www.gesmes.org/xml/2002-08-01"
    xmlns="http://www.ecb.int/vocabulary/2002-08-01/eurofxref">
<Cube><Cube time='2026-11-20'>
<Cube currency='USD' rate='1.0876'/><Cube currency='GBP' rate='0.8333'/>
</Cube></Cube>
</gesmes:Envelope>"""
FRIDAY = datetime.date(2026, 11, 20)


def packed(data: bytes, name: str = "eurofxref-hist.csv") -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as pack:
        pack.writestr(name, data)
    return file.getvalue()


@pytest.mark.parametrize("data", [HISTORY, packed(HISTORY), DAILY, packed(DAILY, "eurofxref.csv"), XML])
def test_each_form_of_the_file_is_read(data: bytes) -> None:
    fixing = ecb.read(data)[FRIDAY]
    assert (fixing["USD"], fixing["GBP"]) == (Decimal("1.0876"), Decimal("0.8333"))
    assert "CYP" not in fixing


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"PK\x03\x04broken",
        packed(b"x", "x.txt"),
        b"Day,USD\n2026-11-20,1\n",
        b"Date,USD\n20.11.2026,1\n",
        b"Date,USD\n2026-11-20,-1\n",
        b"Date,USD\n2026-11-20,much\n",
        b"Date,USD\n",
        b"<Cube",
        b"<!DOCTYPE a [<!ENTITY b 'c'>]><a/>",
        b"\xff\xfe\xfa",
    ],
)
def test_what_is_no_such_file_is_refused(cast: Cast, data: bytes) -> None:
    with pytest.raises(Invalid):
        ecb.import_file(data=data, by=cast.finance)
    assert ExchangeRate.objects.count() == 0


def test_rates_of_the_currencies_in_use_are_entered_once(cast: Cast) -> None:
    rates.add_rate(currency="USD", day=datetime.date(2026, 11, 19), rate=Decimal("0.9"), by=cast.finance)
    done = ecb.import_file(data=HISTORY, by=cast.finance)
    assert (done.new, done.unchanged, done.gaps) == (1, 0, 0)
    assert done.differing == [
        (datetime.date(2026, 11, 19), "USD", Decimal("0.9"), Decimal("0.9259259259")),
    ]
    again = ecb.import_file(data=HISTORY, by=cast.finance)
    assert (again.new, again.unchanged, len(again.differing)) == (0, 1, 1)
    # Saturday takes Friday's; the entered rate of Thursday stands
    at = {day: rates.rate_at(cast.workspace, "USD", utc(f"2026-11-{day}T12:00")) for day in (18, 19, 21)}
    assert at == {18: None, 19: Decimal("0.9"), 21: Decimal("0.9194556822")}


def test_another_currency_takes_cross_rates_of_the_day(cast: Cast) -> None:
    london = factories.workspace("london", currency="GBP", time_zone="Europe/London")
    finance = factories.membership(london, "finance")
    done = ecb.import_file(data=HISTORY, by=finance, currencies=["USD", "EUR", "JPY"], since=FRIDAY)
    assert (done.new, done.first, done.last) == (3, FRIDAY, FRIDAY)
    assert rates.rates_at(london, utc("2026-11-22")) == {
        "GBP": 1,
        "EUR": Decimal("0.8333"),
        "USD": Decimal("0.7661824200"),
        "JPY": Decimal("0.0050966361"),
    }


def test_a_day_without_the_own_currency_is_a_gap(cast: Cast) -> None:
    cyprus = factories.workspace("cyprus", currency="CYP")
    done = ecb.import_file(data=HISTORY, by=factories.membership(cyprus, "finance"), currencies=["USD"])
    assert (done.new, done.gaps) == (0, 2)


def test_finance_imports_on_the_page_and_nobody_else(cast: Cast) -> None:
    with pytest.raises(MissingRight):
        ecb.import_file(data=HISTORY, by=cast.manager)
    client = signed_in(cast.finance)
    body = {"file": SimpleUploadedFile("hist.csv", HISTORY), "currencies": "usd, gbp", "since": "2026-11-01"}
    page = client.post("/w/studio/rates/import/", body)
    assert (page.status_code, ExchangeRate.objects.count()) == (200, 4)
    assert "4 new rates" in page.content.decode()
    wrong = {"file": SimpleUploadedFile("hist.csv", b"nothing"), "since": "2026-11-01"}
    assert client.post("/w/studio/rates/import/", wrong).status_code == 422
    assert "0.9194556822" in client.get("/w/studio/rates/").content.decode()
