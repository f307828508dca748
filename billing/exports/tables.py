"""The tables of a month's statement, in the words and the order of its page."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

from billing import dimensions, months
from billing.also import Also, ErrorBar
from billing.dimensions import By
from billing.exceptions import Exceptional
from billing.exports.words import amount, count, month_name, ratio
from billing.exports.words import outcomes as kinds
from projects.models import Workspace

Document = dict[str, Any]
Table = dict[str, Any]
MOST_ROWS = 20
"""Of a split: the dearest ones, and the others in one line."""

COMPONENTS = (
    *(("Accepted", "accepted", count), ("Takes", "takes", count), ("Rounds", "rounds", count)),
    ("Takes per accepted (shooting ratio)", "multiplier", ratio),
    *(
        ("Base price of a take", "base", None),
        ("Generation", "generation", None),
        ("Control", "control", None),
    ),
    *(("Refinement", "refinement", None), ("Cash, life to date", "cash", None), ("Late", "late", None)),
    ("Shares of shared costs", "shared", None),
    ("Time of people, no cash", "time", None),
)


def table(
    title: str,
    head: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    total: Sequence[str] = (),
    note: str = "",
    empty: str = "None.",
    words: int = 1,
) -> Table:
    """`words` is the number of columns that hold words; the others are numbers."""
    return {
        "title": title,
        "head": list(head),
        "rows": [list(row) for row in rows],
        "total": list(total),
        "note": note,
        "empty": empty,
        "words": words,
    }


def components(document: Document) -> Table:
    now, was, currency = document["totals"], document["previous"], document["currency"]

    def told(figures: Document, key: str, form: Any) -> str:
        return form(figures[key]) if form else amount(figures[key], currency)

    rows = [(label, told(now, key, form), told(was, key, form)) for label, key, form in COMPONENTS]
    return table("What it is made of", ("", "This month", "Before"), rows)


def forward(document: Document) -> Table:
    terms, currency = document["roll_forward"], document["currency"]
    lines = (
        ("Opening work in progress", "opening_wip"),
        ("+ Spent", "spend"),
        ("− Cost of accepted", "accepted"),
        ("− Written off", "written_off"),
        ("− Period costs", "period"),
    )
    rows = [(label, amount(terms[name], currency)) for label, name in lines]
    total = ("= Closing work in progress", amount(terms["closing_wip"], currency))
    return table("Work in progress", ("", currency), rows, total=total)


def outcomes(document: Document) -> Table:
    spend = amount(document["roll_forward"]["spend"], document["currency"])
    rows = [(label, said) for label, _, said in kinds(document)]
    empty = "Nothing was spent in this month."
    return table("Spend by outcome", ("", "Cash"), rows, total=("Spent", spend), empty=empty)


def bridge(document: Document) -> Table:
    terms, currency = document["bridge"], document["currency"]
    lines = (
        ("Cash of what was accepted, life to date", "cash"),
        ("+ Late: cash on what was accepted before", "late"),
        ("+ Shares of shared costs", "shared"),
        ("− Carried back by withdrawn sign-offs", "carried_back"),
    )
    rows = [(label, amount(terms[name], currency)) for label, name in lines]
    total = ("= Cost of accepted", amount(document["roll_forward"]["accepted"], currency))
    return table("From the headline to the books", ("", currency), rows, total=total)


def curve(document: Document, beside: Also) -> Table:
    totals, currency = document["totals"], document["currency"]
    rows = [(str(each.take), count(each.accepted), amount(each.cash, currency)) for each in beside.curve]
    total = (month_name(document["month"]), count(totals["accepted"]), amount(totals["cash"], currency))
    return table(
        "At which take it was right",
        ("Accepted at take", "Deliverables", "Cash, life to date"),
        rows,
        total=total,
        empty="Nothing was signed off in this month.",
    )


def split(document: Document, by: By) -> Table:
    """The dearest rows first; the others in one line, so that the columns add up."""
    currency, whole = document["currency"], by in (By.CAMPAIGN, By.CATEGORY)
    rows = sorted(document["rows"], key=lambda row: (-Decimal(row["cash"]), row["key"]))
    most = MOST_ROWS if len(rows) > MOST_ROWS + 1 else len(rows)
    shown = [(_name(row, by), *_cells(row, currency)) for row in rows[:most]]
    if rest := rows[most:]:
        cash = sum((Decimal(row["cash"]) for row in rest), Decimal(0))
        added = (count(sum(row[name] for row in rest)) for name in ("accepted", "takes"))
        shared = sum((Decimal(row["shared"]) for row in rest), Decimal(0))
        cells = ("", amount(cash, currency), "", amount(shared, currency))
        shown.append((f"{len(rest):,} others", *added, *cells))
    total = ("Total", *_cells(document["totals"], currency))
    last = "Per acceptable" if whole else "Share of cost"
    return table(
        f"By {by.label.lower()}",
        (by.label, "Accepted", "Takes", "Takes per accepted", "Cash", last, "Shared costs"),
        shown,
        total=total,
        note=""
        if whole
        else "Cash is split by entry, takes by take; a deliverable counts where its accepted take does.",
        empty="Nothing was signed off in this month.",
    )


def _name(row: Document, by: By) -> str:
    """Campaigns are called alike at several clients, so that they say their key."""
    name = row["name"] or "None"
    return f"{name} ({row['key']})" if by == By.CAMPAIGN and row["key"] else name


def _cells(row: Document, currency: str) -> tuple[str, ...]:
    return (
        *(count(row["accepted"]), count(row["takes"]), ratio(row["multiplier"])),
        *(amount(row["cash"], currency), amount(row["cash_per_acceptable"], currency)),
        amount(row["shared"], currency),
    )


def bars(found: Sequence[ErrorBar], workspace: Workspace) -> Table:
    keys = [bar.category for bar in found]
    names = dimensions.names(workspace=workspace, by=By.CATEGORY, keys=keys)
    rows = [
        (
            *(names[bar.category], amount(bar.figure, workspace.currency)),
            *(amount(bar.target, workspace.currency), f"{float(bar.bias):.1%}"),
        )
        for bar in found
    ]
    head = ("Category", "Figure", "Target", "Wrong decisions it can bear, share of takes")
    return table("How sure the figure is", head, rows, empty="No category has a target above its figure.")


def exceptions(found: Sequence[Exceptional], number: int, workspace: Workspace) -> Table:
    """The first of the month's `number` exceptions."""
    zone = months.zone_of(workspace)
    rows = [
        (
            f"{row.kind.label}: {row.deliverable or row.place}",
            ". ".join(filter(None, (row.by, row.note, _cost(row, workspace)))),
            f"{row.at.astimezone(zone):%Y-%m-%d}",
        )
        for row in found
    ]
    note = f"The first {len(rows)} of {number:,}; the month's page has all." if number > len(rows) else ""
    return table("Exceptions", ("What", "Who and why", "When"), rows, note=note, words=3)


def _cost(row: Exceptional, workspace: Workspace) -> str:
    return "" if row.amount is None else amount(row.amount, workspace.currency)
