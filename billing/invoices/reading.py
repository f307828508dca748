"""The lines of a bill as they would be booked: each cell by its rule, and every bad line with its remedy."""

from __future__ import annotations

import bisect
import collections
import dataclasses
import datetime
import hashlib
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from billing import money, months, rates
from billing.invoices import cells as rules
from billing.invoices.cells import BadCell
from billing.invoices.files import MOST_BAD, MOST_LINES, Sheet, bad
from billing.invoices.lines import Line
from billing.models import ExchangeRate
from projects.models import Workspace

TEXTS = {"job_id": 200, "model": 200, "unit": 40, "description": 300, "key": 120}


@dataclasses.dataclass
class Read:
    """The lines of a file without their invoice, and what could not be read, by line."""

    lines: list[Line]
    faults: list[dict[str, Any]]
    currency: str = ""
    more: bool = False


class Rates:
    """The rate of a currency on each day, read once."""

    def __init__(self, workspace: Workspace, currency: str) -> None:
        self.own = currency == workspace.currency
        self.zone = months.zone_of(workspace)
        rows = ExchangeRate.objects.filter(workspace=workspace, currency=currency)
        self.days: list[tuple[datetime.date, Decimal]] = (
            [] if self.own else sorted(rows.values_list("day", "rate"))
        )

    def at(self, instant: datetime.datetime) -> Decimal | None:
        if self.own:
            return rates.ONE
        day = instant.astimezone(self.zone).date()
        place = bisect.bisect_right(self.days, (day, Decimal("Infinity")))
        return self.days[place - 1][1] if place else None


def read(reader: Reader, *, most: int = 0) -> Read:
    """The lines all at once, for a preview; with `most` only so many of them."""
    found = Read(list(reader.lines(most)), reader.faults)
    found.currency, found.more = reader.currency, reader.more
    return found


class Reader:
    """Reads a sheet line by line, by a checked mapping; `faults` are of the lines so far.

    `currency` is that of lines which name none. All lines are in one currency; foreign ones take the rate
    that the line states, else the last one published on or before their day.
    """

    def __init__(
        self,
        sheet: Sheet,
        columns: Mapping[str, str],
        *,
        workspace: Workspace,
        number: str = "",
        currency: str = "",
    ) -> None:
        self.sheet, self.workspace, self.number = sheet, workspace, number
        self.places = {field: sheet.header.index(name) for field, name in columns.items()}
        self.width = len(sheet.header)
        self.currency = self.usual = currency.strip()
        self.faults: list[dict[str, Any]] = []
        self.more = False
        self.seen: collections.Counter[bytes] = collections.Counter()
        self.rates: Rates | None = None
        self.mark = rules.decimal_mark(
            given[place]
            for _, given in sheet.lines()
            for field in ("amount", "quantity", "rate")
            if (place := self.places.get(field, self.width)) < len(given)
        )

    def lines(self, most: int = 0) -> Iterator[Line]:
        """The good lines in their order; with `most`, `more` says whether there are others.

        Raises BadLines (422) where the file has more lines than are read; ends after MOST_BAD bad ones.
        """
        good = False
        for count, (line, given) in enumerate(self.sheet.lines()):
            if most and count >= most:
                self.more = True
                break
            if count >= MOST_LINES:
                raise bad(line, f"more than {MOST_LINES:,} lines; export shorter periods")
            row = self.line(line, given)
            if row:
                good = True
                yield row
            if len(self.faults) >= MOST_BAD:
                break
        if not good and not self.faults:
            self.fault(1, "there is no line below the header; export a period with usage")

    def fault(self, line: int, reason: str) -> None:
        self.faults.append({"line": line, "reason": reason})

    def line(self, line: int, given: list[str]) -> Line | None:
        if len(given) != self.width:
            why = f"{len(given)} cells, the header has {self.width}; put cells with separators into quotes"
            self.fault(line, why)
            return None
        said = {field: given[place].strip() for field, place in self.places.items()}
        try:
            return self._line(line, said)
        except BadCell as error:
            self.fault(line, str(error))
            return None

    def _line(self, line: int, said: dict[str, str]) -> Line:
        for field, longest in TEXTS.items():
            if len(said.get(field, "")) > longest:
                raise BadCell(f"{field}: is longer than {longest} characters; shorten it")
        at, day_only = self._cell("service_at", said, rules.instant)
        native = self._number("amount", said)
        if native is None:
            raise BadCell("amount: is empty; give 0 where nothing was billed")
        quantity = self._number("quantity", said)
        self._one_currency(said.get("currency", ""))
        rate = self._number("rate", said) or self._rate(at)
        if rate <= 0 or rate >= Decimal(10) ** 10:
            raise BadCell("rate: give what one unit is worth, above zero")
        texts: dict[str, Any] = {field: said.get(field, "") for field in TEXTS}
        found = rules.kind(said.get("kind", ""), texts["description"], texts["job_id"], native)
        return Line(
            number=line,
            kind=found.value,
            service_at=at,
            day_only=day_only,
            quantity=None if quantity is None else money.booked(quantity),
            native_amount=money.booked(native),
            currency=self.currency,
            rate=rate.quantize(Decimal("1e-10")),
            amount=money.exchanged(native, rate),
            digest=self._digest(at, native, quantity, found.value, texts),
            **texts,
        )

    def _cell(self, field: str, said: Mapping[str, str], rule: Any) -> Any:
        if not said.get(field):
            raise BadCell(f"{field}: is empty")
        try:
            return rule(said[field])
        except BadCell as error:
            raise BadCell(f"{field}: {error}") from None

    def _number(self, field: str, said: Mapping[str, str]) -> Decimal | None:
        if not said.get(field):
            return None
        found: Decimal = self._cell(field, said, lambda cell: rules.number(cell, self.mark))
        return found

    def _one_currency(self, currency: str) -> None:
        currency = currency.upper() if len(currency) == 3 else currency
        currency = currency or self.currency
        if not currency:
            raise BadCell("currency: no column names it; say in which currency the file is")
        if not rates.CURRENCY.fullmatch(currency):
            raise BadCell(f"currency: “{currency[:12]}” is none; give three capital letters such as USD")
        if self.rates and currency != self.currency:
            raise BadCell(
                f"currency: {currency}, the lines before are in {self.currency}; "
                "import one file for each currency"
            )
        if not self.rates:
            self.currency, self.rates = currency, Rates(self.workspace, currency)

    def _rate(self, at: datetime.datetime) -> Decimal:
        found = self.rates.at(at) if self.rates else None
        if found is None:
            own = self.workspace.currency
            raise BadCell(
                f"currency: there is no rate from {self.currency} to {own} on or before {at:%Y-%m-%d}; "
                "enter one on the page Prices & rates"
            )
        return found

    def _digest(
        self,
        at: datetime.datetime,
        native: Decimal,
        quantity: Decimal | None,
        kind: str,
        texts: Mapping[str, str],
    ) -> str:
        numbers = (f"{each.normalize():f}" if each is not None else "" for each in (native, quantity))
        parts = [self.number, at.isoformat(), self.currency, kind, *numbers, *texts.values()]
        plain = hashlib.sha256("\x1f".join(parts).encode())
        self.seen[plain.digest()] += 1
        times = self.seen[plain.digest()]
        if times == 1:
            return plain.hexdigest()
        return hashlib.sha256(f"{plain.hexdigest()}\x1f{times}".encode()).hexdigest()
