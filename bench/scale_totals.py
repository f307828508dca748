"""Totals equal the rows: every kept sum of some months against its rows; needs Django set up."""

from __future__ import annotations

import time
from typing import Any

from django.db import connection

from bench import scale_data
from billing import month_parts, month_sums, months, pot_days, spend_days, touched
from billing.acceptances import Month
from projects.models import Workspace

COMPARED = (1, 2, 25, scale_data.TEMPLATE)
"""The largest workspace, one of three copies, one of two, and the one that the product has written itself."""
COUNTS = """
    SELECT count(*) FILTER (WHERE kind <> 'transfer'), count(*) FROM billing_entry
"""
LARGEST = """
    SELECT count(*) FILTER (WHERE kind <> 'transfer') FROM billing_entry WHERE workspace_id = %s
"""


def compared() -> dict[str, Any]:
    """Raises AssertionError naming what differs; answers what was compared, and in how many seconds."""
    begun = time.monotonic()
    problems = [*pot_days.problems(), *spend_days.problems()]
    figures = 0
    for number in COMPARED:
        workspace = Workspace.objects.get(slug=scale_data.slug(number))
        for name in _chosen(workspace):
            found, count = _month(workspace, name)
            problems, figures = problems + found, figures + count
    if problems:
        raise AssertionError(f"{len(problems)} totals differ from their rows: {problems[:5]}")
    with connection.cursor() as cursor:
        cursor.execute(COUNTS)
        cash, rows = cursor.fetchone()
        cursor.execute(LARGEST, [Workspace.objects.get(slug=scale_data.slug(1)).pk])
        (largest,) = cursor.fetchone()
    return {
        "cash_entries": cash,
        "entries_with_transfers": rows,
        "of_the_largest": largest,
        "days_compared": "all, of pots and of spend",
        "month_figures_compared": figures,
        "seconds": round(time.monotonic() - begun),
    }


def _chosen(workspace: Workspace) -> list[str]:
    """The first month, one in the middle, the last whole one, and the running one."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT month FROM billing_monthsum WHERE workspace_id = %s ORDER BY 1", [workspace.pk]
        )
        names = [f"{month:%Y-%m}" for (month,) in cursor.fetchall()]
    return [names[0], names[len(names) // 2], names[-2], names[-1]]


def _month(workspace: Workspace, name: str) -> tuple[list[str], int]:
    """Which figures of a month differ, as pages read them and as the rows say; and how many there are."""
    month = Month(workspace, months.span(workspace, name))
    with month_sums.snapshot():
        kept = month_sums.read(month, touched.seen(workspace))
        actual: month_sums.Amounts = {}
        for part in month_parts.added_up(month):
            places = [(part.figure, "", "", part.key)]
            places += [(part.figure, part.category, part.phase, "")] if part.category else []
            for place in places:
                actual[place] = actual.get(place, 0) + part.amount
    found = [
        f"{workspace.slug} {name} {place}: kept {kept.get(place)}, rows {actual.get(place)}"
        for place in {*kept, *actual}
        if kept.get(place, 0) != actual.get(place, 0)
    ]
    return found, len(actual)
