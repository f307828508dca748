"""Importing a brief: a CSV of deliverables, applied whole or not at all.

Columns, in any order: campaign (as `project/campaign`; optional where the page names it), key, name,
category, brief, format and, optional, prompt_template, variables, cap, due_on. UTF-8, header row.
A row whose campaign and key exist updates that deliverable.
"""

from __future__ import annotations

import csv
import dataclasses
import datetime
import io
from collections.abc import Iterator, Mapping
from typing import Any

from django.db import transaction
from django.utils import timezone

from projects import access, campaign_order, events, work
from projects.access import Right
from projects.models import Campaign, Category, Deliverable, Format, Membership
from projects.plain import read_json, whole_number
from projects.problems import BadLines, Invalid

REQUIRED = ("key", "name", "category", "brief", "format")
OPTIONAL = ("campaign", "prompt_template", "variables", "cap", "due_on")
MAX_ROWS = 50_000
MAX_BYTES = 64 * 1024 * 1024
FIELDS = ("name", "category", "brief", "format", "prompt_template", "variables", "cap", "due_on")


@dataclasses.dataclass(frozen=True)
class Imported:
    """How many deliverables the file made, changed, or found as they were."""

    created: int
    updated: int
    unchanged: int


@dataclasses.dataclass(frozen=True)
class Context:
    """What rows refer to, looked up once."""

    by: Membership
    campaign: Campaign | None
    campaigns: Mapping[str, Campaign]
    categories: Mapping[str, Category]
    formats: Mapping[str, Format]


class BadCell(Exception):
    """One cell that does not fit; the message names it."""


def import_deliverables(
    *,
    file: bytes,
    by: Membership,
    campaign: Campaign | None = None,
    now: datetime.datetime | None = None,
) -> Imported:
    """Applies the whole file in one transaction, or raises BadLines with every bad line and no change."""
    access.require(by, Right.MAKE)
    context = _context(by, campaign)
    rows = list(_rows(file, context))
    with transaction.atomic():
        result = _apply(rows, by, now)
        events.record(
            workspace=by.workspace,
            kind="deliverable.imported",
            by=by,
            campaign=campaign,
            **dataclasses.asdict(result),
        )
    return result


def read_table(file: bytes) -> tuple[list[str], Iterator[tuple[int, dict[str, str]]]]:
    """Header and numbered rows of a UTF-8 CSV; raises Invalid for what is no such file."""
    if len(file) > MAX_BYTES:
        raise Invalid({"file": [f"The file is larger than {MAX_BYTES // 2**20} MiB."]})
    try:
        text = file.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = file[: error.start].count(b"\n") + 1
        raise Invalid(
            {"file": [f"Line {line} is not UTF-8."]},
            remedy="Save the file as “CSV UTF-8” and send it again.",
        ) from None
    if "\x00" in text:
        raise Invalid({"file": ["This is no text file."]}, remedy="Export it as CSV UTF-8.")
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        header = [name.strip().lower() for name in next(reader, [])]
    except csv.Error as error:
        raise Invalid({"file": [f"Line 1: {error}."]}) from None
    if not any(header):
        raise Invalid({"file": ["The file is empty."]}, remedy="Begin with a header row.")
    repeated = sorted({name for name in header if header.count(name) > 1})
    if repeated:
        raise Invalid({"file": [f"Columns stand there twice: {', '.join(repeated)}."]})
    return header, _numbered(reader, header)


def _numbered(reader: Any, header: list[str]) -> Iterator[tuple[int, dict[str, str]]]:
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise Invalid({"file": [f"Line {reader.line_num}: {error}."]}) from None
        if not any(cell.strip() for cell in cells):
            continue
        if len(cells) != len(header):
            said = f"Line {reader.line_num} has {len(cells)} cells, the header {len(header)}."
            raise Invalid({"file": [said]}, remedy="Put cells with commas into quotes.")
        yield reader.line_num, dict(zip(header, cells, strict=True))


def _context(by: Membership, campaign: Campaign | None) -> Context:
    campaigns = Campaign.objects.visible_to(by).select_related("project")
    return Context(
        by=by,
        campaign=campaign,
        campaigns={f"{row.project.key}/{row.key}": row for row in campaigns},
        categories={row.key: row for row in Category.objects.visible_to(by)},
        formats={row.key: row for row in Format.objects.visible_to(by)},
    )


def _rows(file: bytes, context: Context) -> Iterator[dict[str, Any]]:
    header, numbered = read_table(file)
    required = REQUIRED if context.campaign else ("campaign", *REQUIRED)
    if missing := [name for name in required if name not in header]:
        raise Invalid({"file": [f"Columns are missing: {', '.join(missing)}."]})
    if unknown := [name for name in header if name not in REQUIRED + OPTIONAL]:
        raise Invalid(
            {"file": [f"Unknown columns: {', '.join(unknown)}."]},
            remedy=f"Known are {', '.join(REQUIRED + OPTIONAL)}.",
        )
    bad: list[dict[str, Any]] = []
    seen: dict[tuple[Any, str], int] = {}
    for line, cells in numbered:
        try:
            row = _parsed(cells, context)
            first = seen.setdefault((row["campaign"].pk, row["key"]), line)
            if first != line:
                raise BadCell(f"key: {row['key']} stands in line {first} already")
        except BadCell as error:
            bad.append({"line": line, "reason": str(error)})
            continue
        if len(seen) > MAX_ROWS:
            raise Invalid({"file": [f"More than {MAX_ROWS:,} rows."]}, remedy="Split it into several files.")
        if not bad:
            yield row
    if bad:
        raise BadLines(bad)


def _parsed(cells: dict[str, str], context: Context) -> dict[str, Any]:
    for name, cell in cells.items():
        if cell[:1] in ("=", "@", "\t", "\r"):
            raise BadCell(f"{name}: begins like a formula ({cell[:12]!r}); remove the first sign")
    value = {name: cell.strip() for name, cell in cells.items()}
    try:
        work.check_key(value["key"])
        work.check_brief(value["brief"])
    except Invalid as error:
        raise BadCell("; ".join(f"{name}: {said[0]}" for name, said in error.errors.items())) from None
    if not value["name"] or len(value["name"]) > 200:
        raise BadCell("name: give 1 to 200 characters")
    return {
        "campaign": _campaign(value.get("campaign", ""), context),
        "key": value["key"],
        "name": value["name"],
        "category": _known(value["category"], context.categories, "category"),
        "brief": value["brief"],
        "format": _known(value["format"], context.formats, "format") if value["format"] else None,
        "prompt_template": value.get("prompt_template", "")[:140],
        "variables": _variables(value.get("variables", "")),
        "cap": _cap(value.get("cap", ""), context.by),
        "due_on": _date(value.get("due_on", "")),
    }


def _campaign(cell: str, context: Context) -> Campaign:
    found = context.campaign if not cell and context.campaign else context.campaigns.get(cell)
    if found is None:
        raise BadCell(f"campaign: there is no {cell or 'empty name'}; write project/campaign")
    if context.campaign and found.pk != context.campaign.pk:
        raise BadCell(f"campaign: {cell} is another campaign than this page's")
    if found.ended_at is not None:
        raise BadCell(f"campaign: {cell or found.name} has ended")
    return found


def _known(cell: str, rows: Mapping[str, Any], name: str) -> Any:
    if cell not in rows:
        raise BadCell(f"{name}: there is no {cell or 'empty name'}; known are {', '.join(sorted(rows))}")
    return rows[cell]


def _variables(cell: str) -> dict[str, str]:
    """A JSON object, or `name=value; name=value`."""
    if not cell:
        return {}
    if cell.startswith("{"):
        try:
            found = read_json(cell)
        except ValueError:
            raise BadCell("variables: this is no JSON object") from None
        return {str(name): str(value) for name, value in found.items()}
    pairs = [pair.partition("=") for pair in cell.split(";") if pair.strip()]
    if any(not sign for _, sign, _ in pairs):
        raise BadCell("variables: write name=value; name=value")
    return {name.strip(): value.strip() for name, _, value in pairs}


def _cap(cell: str, by: Membership) -> int | None:
    if not cell:
        return None
    cap = whole_number(cell)
    if cap is None or cap > 10_000:
        raise BadCell(f"cap: {cell[:40]} is no number of takes between 0 and 10,000")
    if Right.SET_BUDGETS not in access.rights_of(by):
        raise BadCell("cap: only managers and finance set caps; leave the cell empty")
    return cap


def _date(cell: str) -> datetime.date | None:
    try:
        return datetime.date.fromisoformat(cell) if cell else None
    except ValueError:
        raise BadCell(f"due_on: {cell} is no date; write 2026-12-24") from None


def _apply(rows: list[dict[str, Any]], by: Membership, now: datetime.datetime | None) -> Imported:
    campaigns = {row["campaign"].pk for row in rows}
    existing = {
        (row.campaign_id, row.key): row
        for row in Deliverable.objects.select_for_update(of=("self",))
        .filter(campaign__in=campaigns)
        .select_related("category", "format")
    }
    campaign_order.lock(campaigns)
    now = now or timezone.now()
    made, changed, bad = [], [], []
    caps = Right.SET_BUDGETS in access.rights_of(by)
    for row in rows:
        known = existing.get((row["campaign"].pk, row["key"]))
        if known is not None and not caps:
            row["cap"] = known.cap
        if known is None:
            made.append(_new(row, by, now))
        elif _differs(known, row):
            if known.category_id != row["category"].pk and known.take_count:
                bad.append({"key": row["key"], "reason": "category: it has takes, so it stays"})
            changed.append(_changed(known, row))
    if bad:
        raise BadLines(bad)
    Deliverable.objects.bulk_create(made, batch_size=2000)
    if changed:
        Deliverable.objects.bulk_update(changed, [*FIELDS, "updated_at"], batch_size=500)
    return Imported(len(made), len(changed), len(rows) - len(made) - len(changed))


def _new(row: dict[str, Any], by: Membership, now: datetime.datetime) -> Deliverable:
    return Deliverable(workspace=by.workspace, created_by=by.person, created_at=now, **row)


def _differs(known: Deliverable, row: dict[str, Any]) -> bool:
    return any(getattr(known, name) != row[name] for name in FIELDS)


def _changed(known: Deliverable, row: dict[str, Any]) -> Deliverable:
    for name in FIELDS:
        setattr(known, name, row[name])
    known.updated_at = timezone.now()
    return known
