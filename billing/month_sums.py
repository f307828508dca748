"""Figures of months from sums that are kept, and what was touched since worked out from the rows.

Triggers note each write (`projects.models.touching`). `fold` works out anew the parts of the deliverables
that are noted and puts the difference into the sums. A reader needs no fold: it takes the kept parts of what
is noted out of the sums and puts in what the rows say now, in one snapshot. So figures are exact at any time,
and cost what was touched lately, not what there is.
"""

from __future__ import annotations

import collections
import contextlib
import datetime
import time
import uuid
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from typing import Any

import structlog
from django.db import connection, transaction
from django.utils import timezone

from billing import money, month_parts, months, touched
from billing.acceptances import Month
from billing.models import MonthPart, MonthSum
from billing.month_parts import Part
from billing.touched import Touched
from projects.models import Touch, Workspace

log = structlog.get_logger(__name__)

Place = tuple[str, str, str, str]
"""Figure, category, phase, key."""
Amounts = dict[Place, Decimal]

FOLD_SECONDS = 60.0
WAITING = "waiting"
"""Stands for a month that is still to be worked out, while all of them are."""
MEMORY = "SET LOCAL work_mem = '64MB'"  # a whole month is sorted more than once
#: Each part twice: by category and phase, and by its key.
SPREAD = """
    SELECT figure, category, phase, '' AS key, amount FROM {parts} WHERE category <> ''
    UNION ALL SELECT figure, '', '', key, amount FROM {parts}
"""
KEPT_PARTS = """
    SELECT {{columns}} r.value ->> 0 AS figure, r.value ->> 1 AS category, r.value ->> 2 AS phase,
           r.value ->> 3 AS key, (r.value ->> 4)::numeric AS amount
    FROM {source} p CROSS JOIN LATERAL jsonb_array_elements(p.rows) r
"""
SUMS = """
    SELECT figure, category, phase, key, amount FROM billing_monthsum
    WHERE workspace_id = %(workspace)s AND month = %(month)s AND figure <> 'waiting'
"""
#: Those without a key: what a month before is compared by.
TOTALS = f"{SUMS} AND key = ''"
PARTS_OF = f"""
    WITH kept AS ({KEPT_PARTS.format(source="billing_monthpart").format(columns="")}
        WHERE p.month = %(month)s AND p.deliverable_id = ANY(%(only)s)
    )
    SELECT figure, category, phase, key, sum(amount) FROM ({SPREAD.format(parts="kept")}) s
    GROUP BY 1, 2, 3, 4
"""  # noqa: S608 - our own words only
#: Writes the parts of one month and adds them to its sums; there are none of these deliverables yet.
REPLACE = f"""
    {month_parts.PARTS},
    anew AS (
        INSERT INTO billing_monthpart (workspace_id, month, deliverable_id, rows, lead_seconds)
        SELECT %(workspace)s, %(month)s, p.deliverable_id,
               jsonb_agg(jsonb_build_array(p.figure, p.category, p.phase, p.key, p.amount)),
               min(b.lead_seconds)
        FROM parts p LEFT JOIN briefs b ON b.deliverable_id = p.deliverable_id
        WHERE p.amount <> 0 GROUP BY p.deliverable_id
        RETURNING rows
    ), moved AS ({KEPT_PARTS.format(source="anew").format(columns="")})
    INSERT INTO billing_monthsum AS kept (workspace_id, month, figure, category, phase, key, amount)
    SELECT %(workspace)s, %(month)s, figure, category, phase, key, sum(amount)
    FROM ({SPREAD.format(parts="moved")}) s GROUP BY 3, 4, 5, 6
    ON CONFLICT (workspace_id, month, figure, category, phase, key)
    DO UPDATE SET amount = kept.amount + EXCLUDED.amount
"""  # noqa: S608
#: Takes the parts of deliverables away, in all months, and out of the sums.
TAKE_OUT = f"""
    WITH gone AS (
        DELETE FROM billing_monthpart
        WHERE workspace_id = %(workspace)s AND deliverable_id = ANY(%(only)s) RETURNING month, rows
    ), moved AS ({KEPT_PARTS.format(source="gone").format(columns="p.month,")})
    INSERT INTO billing_monthsum AS kept (workspace_id, month, figure, category, phase, key, amount)
    SELECT %(workspace)s, month, figure, category, phase, key, -sum(amount) FROM (
        SELECT month, figure, category, phase, '' AS key, amount FROM moved WHERE category <> ''
        UNION ALL SELECT month, figure, '', '', key, amount FROM moved
    ) s GROUP BY 2, 3, 4, 5, 6
    ON CONFLICT (workspace_id, month, figure, category, phase, key)
    DO UPDATE SET amount = kept.amount + EXCLUDED.amount
"""  # noqa: S608
#: Months in which deliverables have cash of their own, or an acceptance or its end.
MONTHS = """
    SELECT DISTINCT to_char(at AT TIME ZONE %(zone)s, 'YYYY-MM') FROM (
        SELECT e.effective_at AS at FROM billing_entry e
        WHERE e.workspace_id = %(workspace)s AND e.kind <> 'transfer'
          AND (%(only)s::uuid[] IS NULL OR e.deliverable_id = ANY(%(only)s::uuid[]))
        UNION ALL
        SELECT d.at FROM projects_decision d
        WHERE d.workspace_id = %(workspace)s AND d.decision IN ('accept', 'reverse')
          AND (%(only)s::uuid[] IS NULL OR d.deliverable_id = ANY(%(only)s::uuid[]))
    ) moved ORDER BY 1
"""
LEADS = """
    SELECT lead_seconds FROM billing_monthpart
    WHERE workspace_id = %(workspace)s AND month = %(month)s AND lead_seconds IS NOT NULL
    ORDER BY lead_seconds {direction} OFFSET %(place)s LIMIT 2
"""
ALL_LEADS = """
    SELECT lead_seconds FROM billing_monthpart
    WHERE workspace_id = %(workspace)s AND month = %(month)s AND lead_seconds IS NOT NULL
      AND NOT deliverable_id = ANY(%(only)s::uuid[])
"""


@contextlib.contextmanager
def snapshot() -> Iterator[None]:
    """Everything read inside is of one instant; inside a caller's transaction it is what that sees."""
    if connection.in_atomic_block:
        yield
        return
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        yield


def read(month: Month, changed: Touched) -> Amounts:
    """Amounts by figure, category, phase and key; call it in a snapshot with what is touched in that."""
    return _read(SUMS, month, changed)


def read_totals(month: Month, changed: Touched) -> Amounts:
    """Those without a key alone."""
    found = _read(TOTALS, month, changed)
    return {place: amount for place, amount in found.items() if not place[3]}


def _read(statement: str, month: Month, changed: Touched) -> Amounts:
    if changed.everything:
        return _spread(month_parts.added_up(month))
    found: Amounts = collections.defaultdict(Decimal)
    for figure, category, phase, key, amount in _ask(statement, _values(month)):
        found[figure, category, phase, key] += amount
    if changed.deliverables:
        only = sorted(changed.deliverables)
        for figure, category, phase, key, amount in _ask(PARTS_OF, _values(month, only)):
            found[figure, category, phase, key] -= amount
        for place, amount in _spread(month_parts.added_up(month, only)).items():
            found[place] += amount
    return {place: amount for place, amount in found.items() if amount}


def lead_share(month: Month, changed: Touched, *, accepted: int, share: Decimal) -> Decimal:
    """The lead time in seconds that this share of the accepted keeps to, between neighbours in line."""
    place, rest = divmod(share * (accepted - 1), 1)
    if changed:
        line = sorted(_leads(month, changed))
        low, high = line[int(place)], line[min(int(place) + 1, len(line) - 1)]
    else:
        low, high = _neighbours(month, int(place), accepted)
    return Decimal(low + rest * (high - low))


def _neighbours(month: Month, place: int, accepted: int) -> tuple[Decimal, Decimal]:
    """The kept lead time at a place and the next one, read from the nearer end of the line."""
    from_end = accepted - 2 - place
    direction, skipped = ("DESC", from_end) if 0 <= from_end < place else ("ASC", place)
    near = sorted(_ask(LEADS.format(direction=direction), {**_values(month), "place": skipped}))
    return near[0][0], near[-1][0]


def fold(*, now: datetime.datetime | None = None) -> int:
    """Brings the sums of every workspace up to date; answers how many were behind.

    Stops after FOLD_SECONDS; what is left then is left for the next time. A workspace that cannot be folded
    keeps its notes, and none of the others from theirs.
    """
    until = time.monotonic() + FOLD_SECONDS
    behind = list(Workspace.objects.filter(pk__in=Touch.objects.values("workspace")).order_by("pk"))
    for workspace in behind:
        try:
            while time.monotonic() < until and fold_step(workspace):
                pass
        except Exception:
            log.exception("the months of a workspace could not be worked out", workspace=workspace.slug)
    return len(behind)


@transaction.atomic
def fold_step(workspace: Workspace) -> bool:
    """Folds what is noted; where that is everything, one month of it. True while there is more to do.

    One fold of a workspace comes after the other: where another is at it, this one has nothing to do.
    """
    if not _alone(workspace):
        return False
    if _is_rebuilding(workspace):
        return _rebuild_next(workspace)
    changed = touched.taken(workspace)
    if changed.everything:
        _begin_rebuild(workspace)
    elif changed:
        _renew(workspace, sorted(changed.deliverables))
    return changed.everything


def problems() -> list[str]:
    """Months whose figures, as pages read them, differ from the rows."""
    return [
        f"{workspace}, {name}: {' '.join(filter(None, place))} is kept as {money.exact(kept)}, "
        f"the rows say {money.exact(actual)}."
        for workspace in Workspace.objects.order_by("slug")
        for name in _months(workspace)
        for place, kept, actual in _different(Month(workspace, months.span(workspace, name)))
    ]


def _alone(workspace: Workspace) -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(hashtextextended(%s, 5))", [str(workspace.pk)])
        return bool(cursor.fetchone()[0])


def _is_rebuilding(workspace: Workspace) -> bool:
    """Whether all is being worked out already, and nobody asked for that since."""
    whole = Touch.objects.filter(workspace=workspace, deliverable=None, starts_at=None)
    begun = set(whole.values_list("ends_at", flat=True))
    return bool(begun) and None not in begun


def _begin_rebuild(workspace: Workspace) -> None:
    """Empties the sums, and leaves one note for all, with an end, until the last month is worked out."""
    Touch.objects.create(workspace=workspace, ends_at=timezone.now())
    MonthPart.objects.filter(workspace=workspace).delete()
    MonthSum.objects.filter(workspace=workspace).delete()
    spans = [Month(workspace, months.span(workspace, name)) for name in _months(workspace)]
    MonthSum.objects.bulk_create(
        MonthSum(workspace=workspace, month=_first_day(month), figure=WAITING, amount=1) for month in spans
    )


def _rebuild_next(workspace: Workspace) -> bool:
    """Works out the next month that waits; after the last the note goes, and what came since is folded."""
    waiting = MonthSum.objects.filter(workspace=workspace, figure=WAITING).order_by("month").first()
    if waiting is None:
        Touch.objects.filter(workspace=workspace, deliverable=None, starts_at=None).delete()
        return True
    _execute(MEMORY, {})
    month = Month(workspace, months.span(workspace, f"{waiting.month:%Y-%m}"))
    waiting.delete()
    _execute(REPLACE, _values(month))
    return True


def _renew(workspace: Workspace, only: Sequence[uuid.UUID]) -> None:
    _execute(TAKE_OUT, {"workspace": workspace.pk, "only": only})
    for name in _months(workspace, only):
        _execute(REPLACE, _values(Month(workspace, months.span(workspace, name)), only))
    MonthSum.objects.filter(workspace=workspace, amount=0).delete()


def _different(month: Month) -> list[tuple[Place, Decimal, Decimal]]:
    with snapshot():
        kept = read(month, touched.seen(month.workspace))
        actual = _spread(month_parts.added_up(month))
    return [
        (place, kept.get(place, money.ZERO), actual.get(place, money.ZERO))
        for place in sorted({*kept, *actual})
        if kept.get(place, money.ZERO) != actual.get(place, money.ZERO)
    ]


def _leads(month: Month, changed: Touched) -> list[Decimal]:
    if changed.everything:
        return month_parts.leads(month)
    only = list(changed.deliverables)
    kept = [seconds for (seconds,) in _ask(ALL_LEADS, _values(month, only))]
    return [*kept, *month_parts.leads(month, only)]


def _months(workspace: Workspace, only: Sequence[uuid.UUID] | None = None) -> list[str]:
    values = {
        "workspace": workspace.pk,
        "zone": workspace.time_zone,
        "only": None if only is None else list(only),
    }
    return [name for (name,) in _ask(MONTHS, values) if months.is_month(name)]


def _spread(parts: Iterable[Part]) -> Amounts:
    found: Amounts = collections.defaultdict(Decimal)
    for part in parts:
        if part.category:
            found[part.figure, part.category, part.phase, ""] += part.amount
        found[part.figure, "", "", part.key] += part.amount
    return {place: amount for place, amount in found.items() if amount}


def _values(month: Month, only: Sequence[uuid.UUID] | None = None) -> dict[str, Any]:
    return {**month_parts.values(month, only), "month": _first_day(month)}


def _first_day(month: Month) -> datetime.date:
    return month.span.start.astimezone(months.zone_of(month.workspace)).date()


def _ask(statement: str, values: dict[str, Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return list(cursor.fetchall())


def _execute(statement: str, values: dict[str, Any]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
