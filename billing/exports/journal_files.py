"""A month's journal as files: CSV by the workspace's own columns, DATEV's and Xero's layouts.

DATEV: EXTF, header version 700, category 21, format version 13 with its 125 columns; texts in quotation
marks, decimals with a comma, days as TTMM, Windows-1252, CRLF. Source: developer.datev.de, DATEV-Format,
Buchungsstapel. Xero: the columns of its import template for manual journals, a debit positive and a credit
negative, days as dd/mm/yyyy. Source: help.xero.com, ManualJournalsImport; Xero takes 300 lines at once.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any

from billing import audit_tables, journal_accounts, money
from billing.exports import lines
from billing.journal import Journal
from billing.journal_accounts import Setup
from projects.problems import Refused

CALLED = {"csv": "journal", "datev": "EXTF_Buchungsstapel", "xero": "xero-manual-journal"}
XERO = (
    *("*Narration", "*Date", "Description", "*AccountCode", "*TaxRate", "*Amount"),
    *("TrackingName1", "TrackingOption1", "TrackingName2", "TrackingOption2"),
)
DATEV_FIRST = (
    "Umsatz (ohne Soll/Haben-Kz);Soll/Haben-Kennzeichen;WKZ Umsatz;Kurs;Basis-Umsatz;WKZ Basis-Umsatz;Konto;"
    "Gegenkonto (ohne BU-Schlüssel);BU-Schlüssel;Belegdatum;Belegfeld 1;Belegfeld 2;Skonto;Buchungstext;"
    "Postensperre;Diverse Adressnummer;Geschäftspartnerbank;Sachverhalt;Zinssperre;Beleglink"
)
DATEV_MIDDLE = (
    "KOST1 - Kostenstelle;KOST2 - Kostenstelle;Kost-Menge;EU-Land u. UStID (Bestimmung);"
    "EU-Steuersatz (Bestimmung);Abw. Versteuerungsart;Sachverhalt L+L;Funktionsergänzung L+L;"
    "BU 49 Hauptfunktionstyp;BU 49 Hauptfunktionsnummer;BU 49 Funktionsergänzung"
)
DATEV_LAST = (
    "Stück;Gewicht;Zahlweise;Forderungsart;Veranlagungsjahr;Zugeordnete Fälligkeit;Skontotyp;Auftragsnummer;"
    "Buchungstyp;USt-Schlüssel (Anzahlungen);EU-Land (Anzahlungen);Sachverhalt L+L (Anzahlungen);"
    "EU-Steuersatz (Anzahlungen);Erlöskonto (Anzahlungen);Herkunft-Kz;Buchungs GUID;KOST-Datum;"
    "SEPA-Mandatsreferenz;Skontosperre;Gesellschaftername;Beteiligtennummer;Identifikationsnummer;"
    "Zeichnernummer;Postensperre bis;Bezeichnung SoBil-Sachverhalt;Kennzeichen SoBil-Buchung;Festschreibung;"
    "Leistungsdatum;Datum Zuord. Steuerperiode;Fälligkeit;Generalumkehr (GU);Steuersatz;Land;"
    "Abrechnungsreferenz;BVV-Position;EU-Land u. UStID (Ursprung);EU-Steuersatz (Ursprung);Abw. Skontokonto"
)
DATEV_COLUMNS = (
    *DATEV_FIRST.split(";"),
    *(f"Beleginfo - {part} {number}" for number in range(1, 9) for part in ("Art", "Inhalt")),
    *DATEV_MIDDLE.split(";"),
    *(
        f"Zusatzinformation{part} {number}"
        for number in range(1, 21)
        for part in (" - Art", "- Inhalt")  # as DATEV writes them
    ),
    *DATEV_LAST.split(";"),
)
#: Numbers of the columns and of the header's fields that are texts, which stand in quotation marks.
DATEV_TEXTS = {
    *(2, 3, 6, 9, 11, 12, 14, 16, *range(20, 37), 37, 38, 40, 42, *range(48, 88), 91, 95, 96, 98, 102, 103),
    *(105, 107, 109, 110, 112, 118, 120, 121, 123),
}
DATEV_HEADER_TEXTS = {1, 4, 8, 9, 10, 17, 18, 22, 24, 27, 30, 31}


class NotMapped(Refused):
    """A layout lacks what it asks for."""

    status = 409
    title = "The mapping is not complete"


def encoded(journal: Journal, setup: Setup, layout: str, now: datetime.datetime) -> Iterator[bytes]:
    """The file, line by line. Raises NotMapped (409) before anything is sent."""
    if layout == "datev":
        _check_datev(journal, setup)
        return _datev(journal, setup, now)
    return lines.encoded(xero(journal, setup) if layout == "xero" else table(journal, setup))


def table(journal: Journal, setup: Setup) -> Iterator[Sequence[Any]]:
    """Each line twice, as a debit and as a credit; columns and titles as the workspace has them."""
    yield [title for title, _ in setup.columns]
    for number, line in enumerate(journal.lines, 1):
        for account, counter, sign in ((line.debit, line.credit, 1), (line.credit, line.debit, -1)):
            cells = {
                "date": journal.last_day.isoformat(),
                "month": journal.month,
                "account": setup.number(account),
                "name": journal_accounts.name(account),
                "counter_account": setup.number(counter),
                "counter_name": journal_accounts.name(counter),
                "cost_centre": line.cost_centre,
                "debit": line.amount if sign > 0 else "",
                "credit": line.amount if sign < 0 else "",
                "amount": sign * line.amount,
                "currency": journal.currency,
                "text": line.text,
                "reference": f"{journal.month}-{number:04d}",
            }
            yield [cells[field] for _, field in setup.columns]


def xero(journal: Journal, setup: Setup) -> Iterator[Sequence[Any]]:
    """One manual journal: lines of the same narration and day belong together, and add up to nothing."""
    yield XERO
    narration = f"Generative media {journal.month}"
    day = f"{journal.last_day:%d/%m/%Y}"
    for line in journal.lines:
        tracked = (setup.tracking, line.cost_centre) if line.cost_centre else ("", "")
        for account, amount in ((line.debit, line.amount), (line.credit, -line.amount)):
            said = f"{line.text}: {journal_accounts.name(account)}"
            yield (narration, day, said, setup.number(account), setup.tax_rate, amount, *tracked, "", "")


def _datev(journal: Journal, setup: Setup, now: datetime.datetime) -> Iterator[bytes]:
    yield _joined(_header(journal, setup, now), DATEV_HEADER_TEXTS)
    yield _encode(";".join(DATEV_COLUMNS))
    for number, line in enumerate(journal.lines, 1):
        cells: dict[int, str] = {
            1: _comma(line.amount),
            2: "S",
            3: journal.currency,
            7: setup.number(line.debit),
            8: setup.number(line.credit),
            10: f"{journal.last_day:%d%m}",
            11: f"{journal.month}-{number:04d}",
            14: audit_tables.plain(line.text)[:60],
            37: audit_tables.plain(line.cost_centre)[:36],
        }
        yield _joined([cells.get(place, "") for place in range(1, len(DATEV_COLUMNS) + 1)], DATEV_TEXTS)


def _header(journal: Journal, setup: Setup, now: datetime.datetime) -> list[str]:
    last = journal.last_day
    year = last.year - (last.month < setup.year_begins_in)
    fields = {
        1: "EXTF",
        2: "700",
        3: "21",
        4: "Buchungsstapel",
        5: "13",
        6: f"{now:%Y%m%d%H%M%S}{now.microsecond // 1000:03d}",
        8: "RE",
        9: "Circletake",
        11: str(setup.consultant),
        12: str(setup.client),
        13: f"{year:04d}{setup.year_begins_in:02d}01",
        14: str(setup.account_length),
        15: f"{last:%Y%m}01",
        16: f"{last:%Y%m%d}",
        17: f"Circletake {journal.month}",
        19: "1",  # Finanzbuchführung
        20: "0",
        21: "0",  # nicht festgeschrieben
        22: journal.currency,
    }
    return [fields.get(place, "") for place in range(1, 32)]


def _check_datev(journal: Journal, setup: Setup) -> None:
    lacks = [] if money.MINOR_UNITS.get(journal.currency, 2) <= 2 else ["a currency of at most two decimals"]
    if setup.consultant is None or setup.client is None:
        lacks.append("the numbers of consultant and client")
    accounts = {account for line in journal.lines for account in (line.debit, line.credit)}
    most = setup.account_length + 1  # accounts of persons have a digit more
    lacks += [
        f"a number of at most {most} digits for {journal_accounts.name(account)}"
        for account in sorted(accounts)
        if not re.fullmatch(rf"[0-9]{{1,{most}}}", setup.number(account))
    ]
    if lacks:
        raise NotMapped(f"DATEV asks for {', '.join(lacks)}.", remedy="Enter it on the page of the accounts.")
    centres = sorted({line.cost_centre for line in journal.lines if not _is_western(line.cost_centre)})
    if centres:
        raise NotMapped(
            f"DATEV has no letters for the cost centre {', '.join(f'“{centre}”' for centre in centres)}.",
            remedy="Write it with Western European letters among the campaign's numbers.",
        )


def _joined(cells: Sequence[str], texts: set[int]) -> bytes:
    quoted = (
        '"{}"'.format(cell.replace('"', '""')) if place in texts else cell
        for place, cell in enumerate(cells, 1)
    )
    return _encode(";".join(quoted))


def _encode(text: str) -> bytes:
    return f"{text}\r\n".encode("cp1252", errors="replace")


def _is_western(text: str) -> bool:
    try:
        text.encode("cp1252")
    except UnicodeEncodeError:
        return False
    return True


def _comma(amount: Decimal) -> str:
    return f"{amount:.2f}".replace(".", ",")
