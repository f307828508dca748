"""The deliverables accepted in a month, and their life to date at that acceptance: cash, takes, time.

All is added up in the database, in four queries; it touches the accepted deliverables alone. Formulas:
"The true cost per acceptable deliverable". What pages show by default is kept by `billing.month_sums` and
worked out from the same CTEs in `billing.month_parts`.
"""

from __future__ import annotations

import collections
import uuid
from decimal import Decimal
from typing import Any, NamedTuple

from django.db import connection

from billing import dimensions, timecost
from billing.dimensions import Dimension
from billing.figures import Cells, Sums
from billing.months import Span
from projects.models import Workspace

#: Acceptances of the month that no reversal before its end took back: at most one a deliverable.
LIFE = """
    WITH life AS MATERIALIZED (
        SELECT a.deliverable_id, a.take_id, a.at, c.key AS category, {own} AS own
        FROM projects_decision a
        JOIN projects_deliverable d ON d.id = a.deliverable_id
        JOIN projects_category c ON c.id = d.category_id
        JOIN projects_campaign g ON g.id = d.campaign_id
        JOIN projects_project p ON p.id = g.project_id
        WHERE a.workspace_id = %(workspace)s AND a.decision = 'accept'
          AND a.at >= %(start)s AND a.at < %(until)s
          AND NOT EXISTS (
              SELECT FROM projects_decision r WHERE r.reverses_id = a.sequence AND r.at < %(until)s
          )
          AND (%(only)s::uuid[] IS NULL OR a.deliverable_id = ANY(%(only)s::uuid[]))
    )
"""
CASH = """
    SELECT l.category, e.phase, {key},
           COALESCE(sum(e.amount) FILTER (WHERE e.stage = 'generation'), 0),
           COALESCE(sum(e.amount) FILTER (WHERE e.stage = 'control'), 0),
           COALESCE(sum(e.amount) FILTER (WHERE e.stage = 'refinement'), 0)
    FROM life l
    JOIN billing_entry e ON e.deliverable_id = l.deliverable_id
    {people}
    WHERE e.effective_at <= l.at AND e.effective_at < %(until)s AND e.kind <> 'transfer'
    GROUP BY 1, 2, 3
"""
LAST_CALL = """
    , x AS (
        SELECT DISTINCT ON (e.take_id) e.take_id, e.tier, e.provider, e.model, e.routing_version,
               e.pipeline, e.prompt_template, e.seed_policy
        FROM life l
        JOIN billing_entry e ON e.deliverable_id = l.deliverable_id
        WHERE e.effective_at <= l.at AND e.effective_at < %(until)s
          AND e.kind = 'charge' AND NOT e.failed_charged AND e.take_id IS NOT NULL
        ORDER BY e.take_id, (e.stage = 'generation') DESC, e.effective_at DESC, e.booked_at DESC, e.id DESC
    )
"""
#: A round stands where its first counted take does.
TAKES = """
    SELECT category, phase, key, count(*) FILTER (WHERE accepted), count(*) FILTER (WHERE counted),
           count(*) FILTER (WHERE counted AND place = 1)
    FROM (
        SELECT l.category, t.phase, {key} AS key, t.id = l.take_id AS accepted,
               COALESCE(t.counted_at <= l.at, false) AS counted,
               row_number() OVER (
                   PARTITION BY COALESCE(t.counted_at <= l.at, false), COALESCE(t.round_id, t.id)
                   ORDER BY t.number
               ) AS place
        FROM life l
        JOIN projects_take t ON t.deliverable_id = l.deliverable_id
        {calls} {people}
    ) rows
    GROUP BY 1, 2, 3
"""
#: A share stands where the deliverable counts: with its accepted take.
SHARES = """
    SELECT l.category, t.phase, {key}, sum(s.amount)
    FROM life l
    JOIN billing_costshare s ON s.deliverable_id = l.deliverable_id AND s.at <= l.at
    JOIN projects_take t ON t.id = l.take_id
    {calls} {people}
    GROUP BY 1, 2, 3
"""
TIME = f"""
    , {timecost.PIECES}
    SELECT w.category, w.phase, {{key}}, sum(w.amount) FROM w GROUP BY 1, 2, 3
"""  # noqa: S608 - our own words only
PEOPLE_OF_ENTRIES = "LEFT JOIN projects_person who ON who.id = e.person_id"
PEOPLE_OF_TAKES = "LEFT JOIN projects_person who ON who.id = t.requested_by_id"


class Month(NamedTuple):
    """A month of a workspace, or another span, as SQL asks for it; `only` narrows it to deliverables."""

    workspace: Workspace
    span: Span
    only: tuple[uuid.UUID, ...] | None = None

    def values(self) -> dict[str, Any]:
        return {
            "workspace": self.workspace.pk,
            "start": self.span.start,
            "until": self.span.end,
            "only": None if self.only is None else list(self.only),
        }


def cells(*, month: Month, by: str) -> Cells:
    """The sums of the month's accepted deliverables, split by category, phase and the dimension."""
    dimension = dimensions.dimension(by)
    life = LIFE.format(own=dimensions.own(by))
    found: Cells = collections.defaultdict(Sums)
    for *cell, generation, control, refinement in _ask(life + _cash(dimension), month):
        found[_cell(cell)].add(Sums(generation=generation, control=control, refinement=refinement))
    for *cell, accepted, takes, rounds in _ask(life + _by_take(TAKES, dimension), month):
        found[_cell(cell)].add(Sums(accepted=accepted, takes=takes, rounds=rounds))
    for *cell, amount in _ask(life + _time(dimension), month):
        found[_cell(cell)].add(Sums(time=Decimal(amount)))
    for *cell, amount in _ask(life + _by_take(SHARES, dimension), month):
        found[_cell(cell)].add(Sums(shared=amount))
    return dict(found)


def _cash(dimension: Dimension) -> str:
    return CASH.format(key=dimension.of_entry, people=PEOPLE_OF_ENTRIES if dimension.of_person else "")


def _by_take(statement: str, dimension: Dimension) -> str:
    asked = statement.format(
        key=dimension.of_take,
        calls="LEFT JOIN x ON x.take_id = t.id" if dimension.of_call else "",
        people=PEOPLE_OF_TAKES if dimension.of_person else "",
    )
    return LAST_CALL + asked if dimension.of_call else asked


def _time(dimension: Dimension) -> str:
    return TIME.format(key="w.own" if dimension.of_time == "l.own" else dimension.of_time)


def _cell(columns: list[Any]) -> tuple[str, str, str]:
    category, phase, key = columns
    return category, phase, str(key)


def _ask(statement: str, month: Month) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, month.values())
        return list(cursor.fetchall())
