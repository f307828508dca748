"""A client's statement as files: CSV of its deliverables with the mark-up, and a typeset PDF."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

from billing import chargeback, month_sums, months, standing
from billing.chargeback import Charged, Statement
from billing.exports import statement
from billing.exports.tables import table
from billing.exports.words import amount, count, month_name
from projects.models import Project

TEMPLATE = Path(__file__).with_name("chargeback.typ")
COLUMNS = (
    *("month", "campaign", "name", "job_number", "purchase_order", "cost_centre", "kind", "deliverable"),
    *("deliverable_name", "category", "accepted_at", "takes", "cash", "shared", "amount", "currency"),
)
MOST_ROWS = 500
"""Of deliverables in the PDF; the CSV has all."""


def csv_rows(*, project: Project, first: str, last: str) -> Iterator[Sequence[Any]]:
    """The `rows` of a client's months, to be read in one snapshot. Raises as `chargeback.statement` does."""
    return rows(chargeback.statement(project=project, first=first, last=last))


def rows(found: Statement) -> Iterator[Sequence[Any]]:
    """A line for each deliverable, for what came late or was carried back, and for the mark-up.

    `amount` of all lines is what is charged.
    """
    yield COLUMNS
    currency = found.project.workspace.currency
    for month, percent, campaigns in found.by_month:
        of = {row.campaign.pk: row for row in campaigns}
        for each in chargeback.delivered(project=found.project, month=month):
            what = ("deliverable", each.key, each.name, each.category, each.at, each.takes)
            yield (*_head(month, of[each.campaign_id]), *what, each.cash, each.shared, each.cost, currency)
        for row in campaigns:
            for kind, extra in (("late less carried back", row.late), ("mark-up", row.mark_up)):
                if extra:
                    name = f"{percent.normalize():f} %" if kind == "mark-up" else ""
                    yield (*_head(month, row), kind, "", name, "", "", "", "", "", extra, currency)


def margins(found: Statement) -> Iterator[Sequence[Any]]:
    """A line for each campaign: for the house, not for the client."""
    yield (
        *("campaign", "name", "job_number", "purchase_order", "cost_centre", "accepted", "cash", "shared"),
        *("late", "cost", "mark_up", "charged", "written_off", "fee", "cost_to_date", "margin", "currency"),
    )
    for row in found.campaigns:
        amounts = (row.cash, row.shared, row.late, row.cost, row.mark_up, row.charged, row.written_off)
        to_date = (row.campaign.fee, row.cost_to_date, row.margin, found.project.workspace.currency)
        yield (*_head("", row)[1:], row.accepted, *amounts, *to_date)


def pdf(*, project: Project, first: str, last: str) -> bytes:
    """The typeset statement, all of it read as of one instant. Raises as `chargeback.statement` does."""
    with month_sums.snapshot():
        words = contents(chargeback.statement(project=project, first=first, last=last))
    return statement.typeset(words, "pdf", TEMPLATE)[0]


def contents(found: Statement) -> dict[str, Any]:
    """All words of the statement."""
    project, workspace = found.project, found.project.workspace
    currency = workspace.currency
    first, last = found.months[0], found.months[-1]
    period = month_name(first) if first == last else f"{month_name(first)} to {month_name(last)}"
    made_at = datetime.datetime.now(months.zone_of(workspace))
    return {
        "title": f"{project.name}, {period}",
        "subtitle": f"Statement of {workspace.name}. Months are of {workspace.time_zone}, each as of its "
        f"last instant; amounts in {currency}, net of tax. Made {made_at:%Y-%m-%d %H:%M}.",
        "state": _state(found),
        "charged": amount(found.total["charged"], currency),
        "total": _total(found, currency),
        "campaigns": _campaigns(found, currency),
        "delivered": [_delivered(found, month, currency) for month in found.months],
    }


def _head(month: str, row: Charged) -> tuple[str, ...]:
    campaign = row.campaign
    numbers = (campaign.job_number, campaign.purchase_order, campaign.cost_centre)
    return (month, campaign.key, campaign.name, *numbers)


def _state(found: Statement) -> str:
    workspace = found.project.workspace
    still = [month for month in found.months if standing.state_of(workspace, month)[0] != "closed"]
    if not still:
        return "All months of this statement are closed."
    return f"Not final: {', '.join(month_name(month) for month in still)} can still change."


def _total(found: Statement, currency: str) -> dict[str, Any]:
    total = found.total
    percents = sorted({percent for _, percent, _ in found.by_month})
    words = ", ".join(f"{percent.normalize():f} %" for percent in percents)
    lines = (
        ("Deliverables accepted, cash to date", total["cash"]),
        ("+ Their shares of shared costs", total["shared"]),
        ("+ Late, less carried back by withdrawn sign-offs", total["late"]),
        ("= Cost of accepted", total["cost"]),
        (f"+ Mark-up ({words})", total["mark_up"]),
    )
    said = [(label, amount(value, currency)) for label, value in lines]
    return table(
        "What is charged", ("", currency), said, total=("= Charged", amount(total["charged"], currency))
    )


def _campaigns(found: Statement, currency: str) -> dict[str, Any]:
    head = ("Campaign", "Job, order, cost centre", "Accepted", "Cost", "Mark-up", "Charged")
    said = [
        (
            row.campaign.name,
            _numbers(row),
            count(row.accepted),
            *(amount(value, currency) for value in (row.cost, row.mark_up, row.charged)),
        )
        for row in found.campaigns
    ]
    accepted = sum(row.accepted for row in found.campaigns)
    total = ("Total", "", count(accepted), *_amounts(found, currency))
    return table("By campaign", head, said, total=total, words=2, empty="Nothing was accepted or charged.")


def _numbers(row: Charged) -> str:
    campaign = row.campaign
    return (
        ", ".join(filter(None, (campaign.job_number, campaign.purchase_order, campaign.cost_centre))) or "–"
    )


def _amounts(found: Statement, currency: str) -> tuple[str, ...]:
    return tuple(amount(found.total[name], currency) for name in ("cost", "mark_up", "charged"))


def _delivered(found: Statement, month: str, currency: str) -> dict[str, Any]:
    names = {row.campaign.pk: row.campaign.name for _, _, rows in found.by_month for row in rows}
    every = list(chargeback.delivered(project=found.project, month=month))
    said = [
        (
            *(
                each.name,
                names[each.campaign_id],
                f"{each.at.astimezone(months.zone_of(found.project.workspace)):%Y-%m-%d}",
            ),
            *(count(each.takes), amount(each.cash, currency), amount(each.shared, currency)),
        )
        for each in every[:MOST_ROWS]
    ]
    cash, shared = (sum((getattr(each, name) for each in every), Decimal(0)) for name in ("cash", "shared"))
    rest = len(every) - len(said)
    return table(
        f"Accepted in {month_name(month)}",
        ("Deliverable", "Campaign", "Signed off", "Takes", "Cash", "Shared costs"),
        said,
        total=(
            "Total",
            "",
            "",
            count(sum(each.takes for each in every)),
            amount(cash, currency),
            amount(shared, currency),
        ),
        note=f"The first {len(said)}; {rest:,} more are in the CSV and in the total." if rest else "",
        empty="Nothing was signed off in this month.",
        words=3,
    )
