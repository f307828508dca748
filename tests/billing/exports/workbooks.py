"""Reads a workbook and works its formulas out anew, apart from the code that wrote it.

It knows what the exports use and no more: arithmetic, comparisons, references, names, a few functions.
"""

from __future__ import annotations

import math
import re
import zipfile
from collections.abc import Callable
from typing import Any
from xml.etree import ElementTree as ET

MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
TOKEN = re.compile(
    r'\s*(?:(?P<text>"(?:[^"]|"")*")|(?P<number>\d+\.?\d*(?:[eE][-+]?\d+)?)'
    r"|(?P<ref>(?:'(?:[^']|'')+'!)?\$?[A-Z]{1,3}\$?\d+(?::\$?[A-Z]{1,3}\$?\d+)?(?![A-Za-z0-9_(]))"
    r"|(?P<word>[A-Za-z_][A-Za-z0-9_.]*)|(?P<sign><>|<=|>=|[-+*/(),=<>]))"
)
CELL = re.compile(r"\$?([A-Z]{1,3})\$?(\d+)")
Place = tuple[str, int, int]


class Workbook:
    """`value` is what is kept with a cell, `worked_out` what its formula gives over the rows."""

    def __init__(self, path: Any) -> None:
        with zipfile.ZipFile(path) as file:
            book = ET.fromstring(file.read("xl/workbook.xml"))
            self.titles = [sheet.get("name") or "" for sheet in book.iter(f"{MAIN}sheet")]
            self.names = {
                str(name.get("name")): name.text or ""
                for name in book.iter(f"{MAIN}definedName")
                if not str(name.get("name")).startswith("_")
            }
            self.value: dict[Place, Any] = {}
            self.formula: dict[Place, str] = {}
            self.last: dict[str, int] = {}
            for number, title in enumerate(self.titles, start=1):
                self._read(title, ET.fromstring(file.read(f"xl/worksheets/sheet{number}.xml")))
        self.known: dict[Place, Any] = {}

    def _read(self, title: str, sheet: ET.Element) -> None:
        for cell in sheet.iter(f"{MAIN}c"):
            place = (title, *_cell(cell.get("r") or ""))
            formula, kept = cell.find(f"{MAIN}f"), cell.find(f"{MAIN}v")
            if cell.get("t") == "inlineStr":
                self.value[place] = "".join(part.text or "" for part in cell.iter(f"{MAIN}t"))
            elif kept is not None and kept.text is not None:
                self.value[place] = kept.text if cell.get("t") == "str" else float(kept.text)
            else:
                self.value[place] = ""
            if formula is not None:
                self.formula[place] = formula.text or ""
            self.last[title] = max(self.last.get(title, 0), place[1])

    def rows(self, title: str) -> list[dict[str, Any]]:
        """The rows of a sheet by the words of its first line."""
        width = max(column for name, _, column in self.value if name == title)
        heads = [self.value.get((title, 1, column), "") for column in range(1, width + 1)]
        return [
            {head: self.value.get((title, row, column), "") for column, head in enumerate(heads, 1)}
            for row in range(2, self.last[title] + 1)
        ]

    def worked_out(self, place: Place) -> Any:
        if place not in self.known:
            formula = self.formula.get(place)
            self.known[place] = (
                self.value.get(place, "") if formula is None else _Reading(self, formula, place[0]).result()
            )
        return self.known[place]

    def cells(self, reference: str, title: str) -> list[Any]:
        sheet, _, cells = reference.rpartition("!")
        title = sheet.strip("'").replace("''", "'") if sheet else title
        first, _, last = cells.partition(":")
        (top, left), (bottom, right) = _cell(first), _cell(last or first)
        return [
            self.worked_out((title, row, column))
            for row in range(top, bottom + 1)
            for column in range(left, right + 1)
        ]


class _Reading:
    """One formula, read from left to right."""

    def __init__(self, book: Workbook, formula: str, title: str) -> None:
        self.book, self.title, self.place = book, title, 0
        self.tokens = [
            (kind, text)
            for match in TOKEN.finditer(formula)
            for kind, text in match.groupdict().items()
            if text is not None
        ]
        assert "".join(text for _, text in self.tokens) == re.sub(
            r'\s+(?=(?:[^"]*"[^"]*")*[^"]*$)', "", formula
        )

    def result(self) -> Any:
        found = self._compared()
        assert self.place == len(self.tokens)
        return _one(found)

    def _next(self, *signs: str) -> str:
        if self.place < len(self.tokens) and self.tokens[self.place][1] in signs:
            self.place += 1
            return self.tokens[self.place - 1][1]
        return ""

    def _compared(self) -> Any:
        left = self._added()
        while sign := self._next("=", "<>", "<", ">", "<=", ">="):
            a, b = _number(left), _number(self._added())
            left = {"=": a == b, "<>": a != b, "<": a < b, ">": a > b, "<=": a <= b, ">=": a >= b}[sign]
        return left

    def _added(self) -> Any:
        left = self._multiplied()
        while sign := self._next("+", "-"):
            right = _number(self._multiplied())
            left = _number(left) + right if sign == "+" else _number(left) - right
        return left

    def _multiplied(self) -> Any:
        left = self._single()
        while sign := self._next("*", "/"):
            right = _number(self._single())
            left = _number(left) * right if sign == "*" else _divided(left, right)
        return left

    def _single(self) -> Any:
        if self._next("-"):
            return -_number(self._single())
        kind, text = self.tokens[self.place]
        self.place += 1
        if kind == "number":
            return float(text)
        if kind == "text":
            return text[1:-1].replace('""', '"')
        if kind == "ref":
            return self.book.cells(text, self.title)
        if text == "(":
            found = self._compared()
            assert self._next(")")
            return found
        if self._next("("):
            return FUNCTIONS[text](*self._arguments())
        return self.book.cells(self.book.names[text], self.title)

    def _arguments(self) -> list[Any]:
        found: list[Any] = []
        while not self._next(")"):
            found.append(self._compared())
            self._next(",")
        return found


def _cell(text: str) -> tuple[int, int]:
    match = CELL.fullmatch(text)
    assert match, text
    column = 0
    for letter in match[1]:
        column = column * 26 + ord(letter) - 64
    return int(match[2]), column


def _one(found: Any) -> Any:
    if isinstance(found, list):
        (found,) = found
    return found


def _divided(amount: Any, by: float) -> float:
    """What is no number where nothing divides: an IF that takes another way does not look at it."""
    return _number(amount) / by if by else math.nan


def _number(found: Any) -> float:
    one = _one(found)
    return 0.0 if one == "" else float(one)


def _sum(*ranges: Any) -> float:
    return sum(cell for found in ranges for cell in found if isinstance(cell, float))


def _fits(*asked: Any) -> list[bool]:
    """Which rows meet all pairs of range and criterion."""
    ranges, wanted = asked[::2], [_one(each) for each in asked[1::2]]
    return [
        all(cell == want for cell, want in zip(row, wanted, strict=True)) for row in zip(*ranges, strict=True)
    ]


def _sumifs(amounts: list[Any], *asked: Any) -> float:
    return sum(cell for cell, fits in zip(amounts, _fits(*asked), strict=True) if fits and cell != "")


def _percentile(cells: list[Any], share: float) -> float:
    """As spreadsheets have it, between neighbours in line; no number where there are none."""
    line = sorted(cell for cell in cells if isinstance(cell, float))
    if not line:
        return math.nan
    place = share * (len(line) - 1)
    low = int(place)
    return line[low] + (place - low) * (line[min(low + 1, len(line) - 1)] - line[low])


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "SUM": _sum,
    "SUMIFS": _sumifs,
    "COUNTIFS": lambda *asked: float(sum(_fits(*asked))),
    "IF": lambda test, then, other: _one(then) if _one(test) else _one(other),
    "OR": lambda *tests: any(_one(test) for test in tests),
    "ROUND": lambda number, digits: round(_number(number), int(_number(digits))),
    "MEDIAN": lambda cells: _percentile(cells, 0.5),
    "PERCENTILE": lambda cells, share: _percentile(cells, _number(share)),
}
