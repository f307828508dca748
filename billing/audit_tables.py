"""The tables of an audit as rows of text, for CSV files and for pages."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

from billing.exceptions import Exceptional

FIGURES = (
    *("accepted", "takes", "rounds", "multiplier", "base", "generation", "control", "refinement", "time"),
    *("cash", "cash_per_acceptable", "cost_per_acceptable", "shared", "cost_per_acceptable_with_shared"),
)
TABLES = ("rows", "totals", "effects", "bridge", "outcomes", "roll_forward")
Row = Sequence[Any]


def rows(document: dict[str, Any]) -> list[Row]:
    """The rows by the document's dimension, and their total in the last line."""
    lines: list[Row] = [("key", "name", *FIGURES)]
    lines += [(row["key"], row["name"], *(row[name] for name in FIGURES)) for row in document["rows"]]
    return [*lines, ("", "total", *(document["totals"][name] for name in FIGURES))]


def table(document: dict[str, Any], name: str) -> list[Row]:
    """One of the document's tables: its rows, or its figures one a line."""
    if name == "rows":
        return rows(document)
    if name == "totals":
        pairs = [(key, value, document["previous"][key]) for key, value in document["totals"].items()]
        return [("figure", document["month"], "month before"), *pairs]
    return [("term", "amount"), *((document[name] or {}).items())]


def exceptions(found: Iterable[Exceptional]) -> list[Row]:
    """A row for each: which kind, when, which deliverable, who, and the words or the money beside it."""
    lines: list[Row] = [("kind", "at", "campaign", "deliverable", "take", "by", "note", "amount")]
    for row in found:
        where = (row.campaign, row.deliverable, row.take)
        lines.append((row.kind.label, row.at.isoformat(), *where, row.by, row.note, row.amount))
    return lines


def csv_text(lines: Iterable[Row]) -> str:
    """CSV in which no cell of text can be taken for a formula by a spreadsheet."""
    text = io.StringIO(newline="")
    csv.writer(text).writerows([plain(cell) for cell in line] for line in lines)
    return text.getvalue()


def plain(cell: Any) -> str:
    """The cell as text; what a spreadsheet would take for a formula begins with an apostrophe."""
    text = "" if cell is None else f"{cell:f}" if isinstance(cell, Decimal) else str(cell)
    number = text.removeprefix("-").replace(".", "", 1).isdecimal()
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") and not number else text
