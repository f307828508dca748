"""`manage.py doctor`: looks at database, lanes, clock, storage, keys and summaries, and says what to mend."""

from __future__ import annotations

import dataclasses
import datetime
import io
from collections.abc import Callable, Iterator

from django.db import DatabaseError, connection
from django.utils import timezone

from billing import checks
from circletake import clock
from generation import doctor_engine, keyring, readiness
from generation.media import limits, store
from generation.models import ProviderAccount
from projects.models import Asset, Rendition

CLOCK_SECONDS = 5
LOOKED_AT = 50


@dataclasses.dataclass(frozen=True)
class Finding:
    """What was looked at, and what is wrong with it in words; no words means that it is well."""

    part: str
    problems: tuple[str, ...]


def examine(*, now: datetime.datetime | None = None) -> Iterator[Finding]:
    """Each part in turn; one that cannot be looked at is a problem and stops nothing else."""
    now = now or timezone.now()
    parts: list[tuple[str, Callable[[], list[str]]]] = [
        ("database", _database),
        ("workers", lambda: _well(readiness.workers(now=now))),
        *doctor_engine.parts(now=now),
        ("clock", lambda: _clock(clock.host_now())),
        ("storage", _storage),
        ("files", missing_files),
        ("keys", _keys),
        ("books", lambda: checks.problems(now=now)),
        ("takes used", _takes_used),
    ]
    for part, look in parts:
        try:
            yield Finding(part, tuple(look()))
        except DatabaseError as error:
            yield Finding(part, (f"The database does not answer: {error}".strip(),))


def _well(said: str) -> list[str]:
    return [] if said == "ok" else [said]


def _database() -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('server_version_num')::int")
        (version,) = cursor.fetchone()
    found = _well(readiness.schema())
    if version < 150000:
        found.append(f"PostgreSQL {version // 10000} is too old: 15 or newer is needed.")
    return found


def _clock(now: datetime.datetime) -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        (there,) = cursor.fetchone()
    apart = abs((there - now).total_seconds())
    if apart <= CLOCK_SECONDS:
        return []
    return [f"This machine's clock and the database's are {apart:.0f} s apart: run a time service."]


def _storage() -> list[str]:
    """Writes, reads and removes a small file."""
    probe = f"circletake doctor {timezone.now().isoformat()}".encode()
    try:
        kept = store.put(io.BytesIO(probe))
        with store.open(kept.name) as file:
            same = file.read() == probe
        store.delete(kept.name)
    except OSError as error:
        return [f"Media cannot be stored: {error}"]
    return [] if same else ["Media come back changed from the storage."]


def missing_files() -> list[str]:
    """Whether the storage has the newest files that rows name, and as many by chance; all are too many."""
    names: set[str] = set()
    for rows in (Asset.objects.exclude(name=""), Rendition.objects.exclude(name="")):
        for order in ("-pk", "?"):
            names.update(rows.order_by(order).values_list("name", flat=True)[:LOOKED_AT])
    try:
        missing = sum(not store.exists(name) for name in names)
    except limits.StorageTrouble as trouble:
        return [f"Files cannot be looked for: waiting for {trouble.waits_for}."]
    if not missing:
        return []
    looked = f"{missing} of {len(names)} files looked at {'is' if missing == 1 else 'are'} missing"
    return [f"{looked} in the storage: manage.py orphans names all."]


def _keys() -> list[str]:
    found = []
    kept = ProviderAccount.objects.exclude(encrypted_key=b"")  # a retired one has forgotten its key
    for row in kept.select_related("workspace").order_by("pk"):
        try:
            keyring.decrypt(row.encrypted_key)
        except keyring.KeyLost:
            found.append(
                f"The key of {row.provider} account {row.name} in {row.workspace} cannot be read: "
                "put the former key into ENCRYPTION_KEYS, or enter it anew."
            )
    return found


def _takes_used() -> list[str]:
    """The counts on cards against the takes."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT d.key, d.drafts_used, d.heroes_used, count(t.id) FILTER (WHERE t.phase = 'draft'),
                   count(t.id) FILTER (WHERE t.phase = 'hero')
            FROM projects_deliverable d LEFT JOIN projects_take t ON t.deliverable_id = d.id
             AND (t.counted_at IS NOT NULL OR t.failed_charged
                  OR t.state IN ('planned', 'queued', 'rendering'))
            GROUP BY d.id HAVING d.drafts_used <> count(t.id) FILTER (WHERE t.phase = 'draft')
                OR d.heroes_used <> count(t.id) FILTER (WHERE t.phase = 'hero')
            ORDER BY d.id LIMIT 50
            """
        )
        rows = cursor.fetchall()
    return [
        f"Deliverable {key}: {drafts} drafts and {heroes} hero takes are kept as used, "
        f"the takes say {counted} and {hero_count}."
        for key, drafts, heroes, counted, hero_count in rows
    ]
