"""Counts of ended calls for the page of health and for metrics: kept with each call, never counted from all.

Triggers write a row when a call ends (see `CallTally`). `fold` adds rows together: five minutes for the last
hours, then hours, then days, then months, so that a reader adds up thousands of rows and not millions.
"""

from __future__ import annotations

import datetime
from typing import Any

from django.db import connection, transaction

#: Steps of time in seconds, and for how long after its end a row keeps each of them. A month is 30 days here.
FIVE_MINUTES, HOUR, DAY, MONTH = 300, 3600, 86_400, 2_592_000
KEPT = (
    (0, FIVE_MINUTES, datetime.timedelta()),
    (FIVE_MINUTES, HOUR, datetime.timedelta(hours=4)),
    (HOUR, DAY, datetime.timedelta(days=9)),
    (DAY, MONTH, datetime.timedelta(days=40)),
)
LAST_BUCKET = 64
FIRST_SECONDS = 0.25
ORIGIN = "TIMESTAMPTZ '2000-01-01 00:00:00+00'"
#: Rows of one step that are old enough become rows of the next one; what is nought goes.
FOLD = f"""
    WITH gone AS (
        DELETE FROM generation_calltally
        WHERE step_seconds = %(step)s AND starts_at <= %(before)s
        RETURNING workspace_id, starts_at, measure, model, outcome, bucket, calls
    ), summed AS (
        SELECT workspace_id,
               date_bin(make_interval(secs => %(next)s), starts_at, {ORIGIN}) AS starts_at,
               measure, model, outcome, bucket, sum(calls)::int AS calls
        FROM gone GROUP BY 1, 2, 3, 4, 5, 6
    )
    INSERT INTO generation_calltally AS kept
        (workspace_id, step_seconds, starts_at, measure, model, outcome, bucket, calls)
    SELECT workspace_id, %(next)s, starts_at, measure, model, outcome, bucket, calls FROM summed
    WHERE calls <> 0 ORDER BY workspace_id, starts_at
    ON CONFLICT (workspace_id, step_seconds, starts_at, measure, model, outcome, bucket)
        WHERE step_seconds > 0
    DO UPDATE SET calls = kept.calls + EXCLUDED.calls
"""  # noqa: S608 - our own words only
ACTUAL = f"""
    SELECT c.workspace_id, date_bin('30 days', n.starts_at, {ORIGIN}) AS starts_at,
           n.measure, c.model, n.outcome, n.bucket, count(*) AS calls
    FROM generation_call c CROSS JOIN LATERAL generation_count_call(c) n
    GROUP BY 1, 2, 3, 4, 5, 6
"""  # noqa: S608
DIFFERENT = f"""
    SELECT model, measure, outcome, starts_at, bucket, COALESCE(k.calls, 0), COALESCE(a.calls, 0)
    FROM (
        SELECT workspace_id, date_bin('30 days', starts_at, {ORIGIN}) AS starts_at,
               measure, model, outcome, bucket, sum(calls) AS calls
        FROM generation_calltally GROUP BY 1, 2, 3, 4, 5, 6
    ) k
    FULL JOIN ({ACTUAL}) a USING (workspace_id, starts_at, measure, model, outcome, bucket)
    WHERE COALESCE(k.calls, 0) <> COALESCE(a.calls, 0)
    ORDER BY 4, 1, 2, 3, 5 LIMIT 50
"""  # noqa: S608


def fold(*, now: datetime.datetime) -> int:
    """Adds rows together that are old enough for a longer step; answers how many became how much fewer."""
    count = 0
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(hashtextextended('call tallies', 5))")
        if not cursor.fetchone()[0]:
            return 0
        for step, following, kept in KEPT:
            before = now - kept - datetime.timedelta(seconds=step)
            if not step:
                before = now + datetime.timedelta(days=1)  # at once, also where clocks differ
            cursor.execute(FOLD, {"step": step, "next": following, "before": before})
            count += cursor.rowcount
    return count


def rebuild() -> None:
    """Counts all anew from the calls, after rows came in past the triggers."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("LOCK TABLE generation_call IN SHARE ROW EXCLUSIVE MODE")
        cursor.execute("DELETE FROM generation_calltally")
        cursor.execute(
            "INSERT INTO generation_calltally"
            " (workspace_id, step_seconds, starts_at, measure, model, outcome, bucket, calls)"
            " SELECT c.workspace_id, 0, n.starts_at, n.measure, c.model, n.outcome, n.bucket, count(*)"
            " FROM generation_call c CROSS JOIN LATERAL generation_count_call(c) n GROUP BY 1, 3, 4, 5, 6, 7"
        )


def problems() -> list[str]:
    """Sums that differ from the calls, in words with the remedy."""
    with connection.cursor() as cursor:
        cursor.execute(DIFFERENT)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return [
        f"Calls of {model}, {measure} {outcome}, in the 30 days from {since:%Y-%m-%d}: {kept} are kept"
        f"{'' if bucket < 0 else f' within {bound(bucket):g} s'}, the calls say {actual}. "
        "Run manage.py doctor --recount."
        for model, measure, outcome, since, bucket, kept, actual in rows
    ]


def bound(bucket: int) -> float:
    """The longest time of a bucket in seconds; the last one has none."""
    return float("inf") if bucket >= LAST_BUCKET else FIRST_SECONDS * 2.0 ** (bucket / 4)


def quantile(buckets: dict[int, int], share: float) -> float | None:
    """The time that this share of calls kept to, in seconds; None without any.

    Within a bucket, which is 19 % wide, calls are taken to lie evenly.
    """
    number = sum(buckets.values())
    if number <= 0:
        return None
    wanted, below = share * number, 0
    for bucket in sorted(buckets):
        count = buckets[bucket]
        if count > 0 and below + count >= wanted:
            low = 0.0 if bucket == 0 else bound(bucket - 1)
            high = low if bucket >= LAST_BUCKET else bound(bucket)
            return low + (high - low) * (wanted - below) / count
        below += count
    return bound(min(max(buckets), LAST_BUCKET - 1))
