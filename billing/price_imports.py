"""Prices from a CSV file: read and shown first, then proposed whole or not at all.

The same file again changes nothing: a row that is there already, value for value, is left alone.
"""

from __future__ import annotations

import csv
import datetime
import io
import json
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, NamedTuple

from django.db import transaction

from billing import money, months, prices
from billing.models import PriceRow
from projects import access, events
from projects.access import Right
from projects.models import Membership
from projects.plain import is_plain
from projects.problems import BadLines

REQUIRED = ("model_key", "unit", "amount", "currency", "starts_on")
OPTIONAL = ("first_amount", "list_amount", "conditions", "source")
MOST_LINES = 5_000
MOST_BYTES = 2_000_000
VALUES = ("unit", "amount", "first_amount", "list_amount", "currency")
Place = tuple[str, datetime.datetime, str]


class Bad(NamedTuple):
    """A line that cannot be proposed, why, and what to do; line 1 is the header."""

    line: int
    reason: str
    remedy: str


class Read(NamedTuple):
    """What a file says: rows to propose, how many are there already, and bad lines."""

    new: list[PriceRow]
    unchanged: int
    bad: list[Bad]


def read(*, text: str, by: Membership) -> Read:
    """Reads the file without changing anything. Needs the right to keep the books."""
    access.require(by, Right.KEEP_BOOKS)
    lines = csv.DictReader(io.StringIO(text.removeprefix("\ufeff"), newline=""))
    header = [name.strip() for name in lines.fieldnames or []]
    if wrong := _against_header(header):
        return Read([], 0, [wrong])
    lines.fieldnames = header
    found: dict[Place, tuple[int, PriceRow]] = {}
    bad: list[Bad] = []
    try:
        for number, line in enumerate(lines, start=2):
            if number > MOST_LINES + 1:
                bad.append(Bad(number, f"More than {MOST_LINES:,} lines.", "Split the file."))
                break
            if any((cell or "").strip() for cell in line.values() if not isinstance(cell, list)):
                _take(number, line, by, found, bad)
    except csv.Error as error:
        bad.append(
            Bad(lines.line_num, f"The file breaks off here: {error}.", "Save it as CSV, UTF-8, again.")
        )
    return _against_the_book(by, found, bad)


def propose(*, text: str, by: Membership) -> int:
    """Proposes every new row of the file; answers how many. Raises BadLines (422), nothing imported."""
    with transaction.atomic():
        found = read(text=text, by=by)
        if found.bad:
            raise BadLines([{"line": row.line, "reason": f"{row.reason} {row.remedy}"} for row in found.bad])
        PriceRow.objects.bulk_create(found.new, batch_size=500)
        if found.new:
            events.record(workspace=by.workspace, kind="price.imported", by=by, rows=len(found.new))
    return len(found.new)


def lines(rows: Iterable[PriceRow], by: Membership) -> Iterator[list[str]]:
    """The rows as a file that `read` understands, header first; days by the workspace's clock."""
    yield [*REQUIRED, *OPTIONAL]
    zone = months.zone_of(by.workspace)
    for row in rows:
        amounts = [row.amount, row.first_amount, row.list_amount]
        amount, first, listed = ("" if each is None else money.unit_price(each) for each in amounts)
        day = row.starts_at.astimezone(zone).date().isoformat()
        conditions = json.dumps(row.conditions, sort_keys=True) if row.conditions else ""
        yield [row.model_key, row.unit, amount, row.currency, day, first, listed, conditions, row.source]


def _against_header(header: list[str]) -> Bad | None:
    missing = [name for name in REQUIRED if name not in header]
    unknown = [name for name in header if name not in (*REQUIRED, *OPTIONAL)]
    if missing:
        return Bad(1, f"The header lacks {', '.join(missing)}.", f"Begin with: {','.join(REQUIRED)}.")
    if unknown or len(set(header)) < len(header):
        named = ", ".join(name or "an empty name" for name in unknown) or "a name twice"
        return Bad(1, f"The header has {named}.", f"Known are {', '.join((*REQUIRED, *OPTIONAL))}.")
    return None


def _take(
    number: int,
    line: Mapping[Any, Any],
    by: Membership,
    found: dict[Place, tuple[int, PriceRow]],
    bad: list[Bad],
) -> None:
    """Puts one line under what was found, or under what is bad."""
    if None in line or None in line.values():
        bad.append(Bad(number, "It has more or fewer cells than the header.", "Quote cells with commas."))
        return
    said = {name: str(cell).strip() for name, cell in line.items()}
    if not all(is_plain(cell) for cell in said.values()):
        bad.append(Bad(number, "It has characters that no text has.", "Save the file as UTF-8."))
        return
    row, errors = _row(said, by)
    if row is not None and not errors:
        errors = prices.check(row)
    if row is None or errors:
        bad += [Bad(number, f"{name}: {words}", "") for name, many in errors.items() for words in many]
        return
    place = _place(row)
    if place in found:
        before = found[place][0]
        bad.append(Bad(number, f"Line {before} has this model and day already.", "Keep one of the two."))
        return
    found[place] = (number, row)


def _row(said: Mapping[str, str], by: Membership) -> tuple[PriceRow | None, dict[str, list[str]]]:
    errors: dict[str, list[str]] = {}
    amounts: dict[str, Decimal | None] = {}
    for name in ("amount", "first_amount", "list_amount"):
        text = said.get(name, "")
        try:
            amounts[name] = Decimal(text) if text else None
        except InvalidOperation:
            errors[name] = [f"“{text[:40]}” is no number; write 0.05, with a point."]
    if not said["amount"]:
        errors["amount"] = ["An unknown price is no price: leave the line out."]
    try:
        day = datetime.date.fromisoformat(said["starts_on"])
    except ValueError:
        errors["starts_on"] = [f"“{said['starts_on'][:40]}” is no day; write 2026-10-01."]
    try:
        conditions = json.loads(said.get("conditions") or "{}")
    except ValueError:
        conditions = None
    if not isinstance(conditions, dict):
        errors["conditions"] = ['This is no JSON object, as {"most_units": "400"}.']
    for name, most in (("model_key", 200), ("source", 200), ("currency", 47), ("unit", 14)):
        if len(said.get(name, "")) > most:
            errors[name] = [f"At most {most} characters."]
    if errors:
        return None, errors
    row = PriceRow(
        workspace=by.workspace,
        model_key=said["model_key"],
        unit=said["unit"],
        currency=said["currency"],
        conditions=conditions,
        starts_at=months.first_instant(day, months.zone_of(by.workspace)),
        source=said.get("source", ""),
        author=by.person,
        **amounts,
    )
    return row, {}


def _place(row: PriceRow) -> Place:
    return row.model_key, row.starts_at, json.dumps(row.conditions, sort_keys=True)


def _against_the_book(by: Membership, found: Mapping[Place, tuple[int, PriceRow]], bad: list[Bad]) -> Read:
    """Leaves out what the book has, and names what it has otherwise: a row is never edited."""
    there = PriceRow.objects.visible_to(by).filter(model_key__in={place[0] for place in found})
    known = {_place(row): row for row in there}
    new: list[PriceRow] = []
    unchanged = 0
    for place, (number, row) in found.items():
        before = known.get(place)
        if before is None:
            new.append(row)
        elif all(getattr(before, name) == getattr(row, name) for name in VALUES):
            unchanged += 1
        else:
            reason = f"{row.model_key} has another price from {row.starts_at:%Y-%m-%d} on."
            bad.append(Bad(number, reason, "Rows are never edited: give the change a later start."))
    return Read(new, unchanged, sorted(bad))
