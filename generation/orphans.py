"""Stored files that no row names, and rows whose file is gone: found by walking both in the order of names.

Neither list is ever held in memory, so that millions of files can be looked through. What is removed was last
written before a margin, is named by no row and by nothing under way, and is looked at once more at the last
moment: whoever stores the same bytes meanwhile makes them young (`generation.media.store`).
"""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
from collections.abc import Callable, Iterator

from django.db import connection

from generation import stored_names
from generation.media import shelf
from generation.media.store import Listed
from projects.problems import Refused

LEAST_MARGIN = datetime.timedelta(hours=1)
LOCK = (0x6D656469, 1)  # one removal at a time, on all machines together


class TooYoung(Refused):
    """The margin is so short that a file could be removed whose row is being written."""

    title = "This margin is too short"


class AtWork(Refused):
    """Another process removes orphans already."""

    title = "Orphans are being removed already"


@dataclasses.dataclass
class Found:
    """What a walk found; sizes in bytes. `missing` are names in rows whose file is not there."""

    files: int = 0
    size: int = 0
    orphans: int = 0
    orphans_size: int = 0
    young: int = 0
    removed: int = 0
    removed_size: int = 0
    half: int = 0
    missing: int = 0


def look(
    *,
    older_than: datetime.timedelta,
    now: datetime.datetime,
    remove: bool = False,
    on_orphan: Callable[[Listed], None] = lambda file: None,
    on_missing: Callable[[str], None] = lambda name: None,
) -> Found:
    """Walks all stored files and all names in rows; with `remove`, orphans older than the margin are removed.

    Raises TooYoung, AtWork, StorageAway. Half files and uploads in parts that nobody completes are `half`.
    """
    if older_than < LEAST_MARGIN:
        raise TooYoung("A file can wait for its row for a while.", remedy="Name at least 1h.")
    before, found = now - older_than, Found()
    with _alone() if remove else contextlib.nullcontext():
        place = shelf.of()
        under_way = stored_names.under_way()
        found.half = place.sweep(before=before, remove=remove)
        for file, name in _merged(place.walk(), stored_names.in_rows()):
            if file is None:
                found.missing += 1
                on_missing(name)
                continue
            found.files += 1
            found.size += file.size
            if name or file.name in under_way:
                continue
            if file.modified_at >= before:
                found.young += 1
                continue
            found.orphans += 1
            found.orphans_size += file.size
            on_orphan(file)
            if remove and place.remove(file.name, before=before):
                found.removed += 1
                found.removed_size += file.size
    return found


def _merged(files: Iterator[Listed], names: Iterator[str]) -> Iterator[tuple[Listed | None, str]]:
    """Both in step by name: a file with its name in rows or with "", and a name without a file with None."""
    file, name = next(files, None), next(names, None)
    while file is not None or name is not None:
        if name is None or (file is not None and file.name < name):
            yield file, ""
            file = next(files, None)
        elif file is None or name < file.name:
            yield None, name
            name = next(names, None)
        else:
            yield file, name
            file, name = next(files, None), next(names, None)


@contextlib.contextmanager
def _alone() -> Iterator[None]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s, %s)", LOCK)
        if not cursor.fetchone()[0]:
            raise AtWork("Another process removes them.", remedy="Wait until it has ended.")
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(%s, %s)", LOCK)
