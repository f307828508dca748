"""A workbook that is written row by row: columns with their kinds, names for ranges, formulas with values.

Text is always written as text, whatever it begins with. Rows go to temporary files as they come, so that
memory stays the same for any number of them.
"""

from __future__ import annotations

import datetime
import zoneinfo
from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any, NamedTuple

import xlsxwriter
from xlsxwriter.utility import xl_col_to_name

from billing import money
from projects.problems import Refused

MOST_ROWS = 1_048_575
"""Of a sheet, below its header."""

NONE = "(none)"
"""Stands for an empty key or phase, so that a formula can ask for it."""

Value = str | int | float | Decimal | Fraction | datetime.datetime | datetime.date | bool | None


class TooManyRows(Refused):
    """A sheet cannot hold that many rows."""

    status = 422
    title = "This month does not fit into a workbook"


class Formula(NamedTuple):
    """A live formula, and the value that it has now; an empty text where there is none."""

    text: str
    value: Value


class Column(NamedTuple):
    """A column of rows. With a `name`, formulas call its cells by it."""

    title: str
    width: int
    form: str
    name: str = ""


class Book:
    """An open workbook. Money has the currency's minor unit, and up to eight decimals on single rows."""

    def __init__(self, path: str, *, currency: str, zone: zoneinfo.ZoneInfo, title: str) -> None:
        options = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
        self.workbook = xlsxwriter.Workbook(path, options)
        self.workbook.set_properties({"title": title})
        self.workbook.set_calc_mode("auto")
        self.zone = zone
        decimals = money.MINOR_UNITS.get(currency, 2)
        shown = f"#,##0.{'0' * decimals}" if decimals else "#,##0"
        forms: dict[str, dict[str, Any]] = {
            "text": {},
            "money": {"num_format": f'{shown} "{currency}"'},
            "exact": {"num_format": f"{shown if decimals else '#,##0.'}{'#' * (8 - decimals)}"},
            "count": {"num_format": "#,##0"},
            "ratio": {"num_format": "0.00"},
            "share": {"num_format": "0 %"},
            "days": {"num_format": '0.0 "days"'},
            "number": {"num_format": "0", "font_color": "#777777"},
            "when": {"num_format": "yyyy-mm-dd hh:mm:ss"},
            "day": {"num_format": "yyyy-mm-dd"},
            "head": {"bold": True, "bottom": 1, "text_wrap": True, "valign": "top"},
            "title": {"bold": True, "font_size": 16},
            "section": {"bold": True, "font_size": 12, "top": 1},
            "note": {"font_color": "#777777"},
        }
        self.formats = {name: self.workbook.add_format(form) for name, form in forms.items()}
        self.sums = {
            name: self.workbook.add_format({**form, "bold": True, "top": 1}) for name, form in forms.items()
        }

    def sheet(self, title: str) -> Any:
        return self.workbook.add_worksheet(title)

    def name(
        self, name: str, sheet: Any, first: tuple[int, int], last: tuple[int, int] | None = None
    ) -> None:
        """Calls a cell or a range by a name in all formulas."""
        cells = [f"${xl_col_to_name(column)}${row + 1}" for row, column in (first, last or first)]
        reference = ":".join(cells) if last else cells[0]
        self.workbook.define_name(name, f"='{sheet.get_name()}'!{reference}")

    def put(
        self, sheet: Any, row: int, column: int, value: object, form: str, *, total: bool = False
    ) -> None:
        """Writes a value in a form: text as text, instants by the workspace's clock, formulas with values."""
        look = (self.sums if total else self.formats)[form]
        if isinstance(value, Formula):
            sheet.write_formula(row, column, value.text, look, _plain(value.value))
        elif isinstance(value, datetime.datetime):
            sheet.write_datetime(row, column, value.astimezone(self.zone).replace(tzinfo=None), look)
        elif isinstance(value, datetime.date):
            sheet.write_datetime(row, column, datetime.datetime.combine(value, datetime.time()), look)
        elif isinstance(value, str):
            if value:
                sheet.write_string(row, column, value, look)
        elif isinstance(value, int | float | Decimal | Fraction):
            sheet.write_number(row, column, _plain(value), look)
        elif value is not None:
            sheet.write_string(row, column, str(value), look)

    def head(self, sheet: Any, columns: Sequence[Column], *, row: int = 0) -> None:
        for place, column in enumerate(columns):
            sheet.set_column(place, place, column.width)
            self.put(sheet, row, place, column.title, "head")

    def rows(
        self,
        sheet: Any,
        columns: Sequence[Column],
        rows: Iterable[Sequence[object]],
        *,
        each: Callable[[int], object] = lambda number: None,
    ) -> int:
        """A sheet of rows below its header, with a name for each column that has one; answers how many.

        `each` is told the number of rows from time to time. Raises TooManyRows (422).
        """
        self.head(sheet, columns)
        sheet.freeze_panes(1, 0)
        number = 0
        for number, cells in enumerate(rows, start=1):
            if number > MOST_ROWS:
                raise TooManyRows(
                    f"The sheet {sheet.get_name()} holds {MOST_ROWS:,} rows at most.",
                    remedy="Export the month as FOCUS or as canonical rows: they have no such limit.",
                )
            for place, value in enumerate(cells):
                if value is not None:
                    self.put(sheet, number, place, value, columns[place].form)
            if number % 1_000 == 0:
                each(number)
        last = max(number, 1)
        sheet.autofilter(0, 0, last, len(columns) - 1)
        for place, column in enumerate(columns):
            if column.name:
                self.name(column.name, sheet, (1, place), (last, place))
        return number


def _plain(value: Value) -> Any:
    """As a spreadsheet keeps it: numbers are binary with fifteen digits."""
    if isinstance(value, bool):
        return int(value)
    return float(value) if isinstance(value, Decimal | Fraction) else "" if value is None else value
