"""Months of the ledger's table. A month is made apart and then attached, so that writers go on meanwhile.

Attaching takes a lock that waits for writers of the tables which entries refer to, so months are made
ahead (after a migration, and daily by the sweep); making one in the midst of a booking is the exception.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable

from django.db import connection, transaction

Month = tuple[int, int]
TABLE = "billing_entry"
LOCK = "billing.partitions"
#: Months that this process has seen in a committed state; partitions are never dropped.
_seen: set[Month] = set()


def ensure_partitions(first: datetime.datetime, last: datetime.datetime) -> list[str]:
    """Makes the months (UTC) from `first` to `last`, both inclusive; answers the names of new tables."""
    month, end = month_of(first), month_of(last)
    wanted = []
    while month <= end:
        wanted.append(month)
        month = following(month)
    return ensure_months(wanted)


def ensure_months(months: Iterable[Month]) -> list[str]:
    """Makes the months that are missing, in the caller's transaction if there is one."""
    unseen = sorted(set(months) - _seen)
    if not unseen:
        return []
    with transaction.atomic(), connection.cursor() as cursor:
        missing = [month for month in unseen if not _exists(cursor, month)]
        if missing:
            cursor.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", [LOCK])
        made = [month for month in missing if not _exists(cursor, month)]
        for month in made:
            _make(cursor, month)
        # seen by others only once it is committed, so remembered only then
        transaction.on_commit(lambda: _seen.update(unseen))
    return [name_of(month) for month in made]


def month_of(instant: datetime.datetime) -> Month:
    instant = instant.astimezone(datetime.UTC)
    return instant.year, instant.month


def following(month: Month) -> Month:
    return (month[0] + 1, 1) if month[1] == 12 else (month[0], month[1] + 1)


def name_of(month: Month) -> str:
    return f"{TABLE}_{month[0]:04d}_{month[1]:02d}"


def unguarded() -> list[str]:
    """Partitions that lack the guard against TRUNCATE; empty in a sound database."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = %s::regclass"
            " AND NOT EXISTS (SELECT FROM pg_trigger WHERE tgrelid = inhrelid AND tgtype & 32 <> 0)"
            " ORDER BY 1",
            [TABLE],
        )
        return [name for (name,) in cursor.fetchall()]


def _exists(cursor: object, month: Month) -> bool:
    cursor.execute(  # type: ignore[attr-defined]
        "SELECT EXISTS (SELECT FROM pg_inherits WHERE inhrelid = to_regclass(%s))", [name_of(month)]
    )
    return bool(cursor.fetchone()[0])  # type: ignore[attr-defined]


def _make(cursor: object, month: Month) -> None:
    name, after = name_of(month), following(month)
    first = f"{month[0]:04d}-{month[1]:02d}-01 00:00:00+00"
    end = f"{after[0]:04d}-{after[1]:02d}-01 00:00:00+00"
    execute = cursor.execute  # type: ignore[attr-defined]
    execute(f"CREATE TABLE {name} (LIKE {TABLE} INCLUDING DEFAULTS INCLUDING CONSTRAINTS)")
    execute(f"ALTER TABLE {TABLE} ATTACH PARTITION {name} FOR VALUES FROM ('{first}') TO ('{end}')")
    # triggers on rows are cloned by attaching, those on statements are not
    execute(
        "SELECT tgname, tgfoid::regproc::text FROM pg_trigger"
        " WHERE tgrelid = %s::regclass AND tgtype & 32 <> 0",
        [TABLE],
    )
    for trigger, function in cursor.fetchall():  # type: ignore[attr-defined]
        execute(
            f'CREATE TRIGGER "{trigger}" BEFORE TRUNCATE ON {name}'
            f" FOR EACH STATEMENT EXECUTE FUNCTION {function}()"
        )
