"""`manage.py migrate`, Django's own, which refuses data that it would leave half way."""

from typing import Any

from django.core.management.base import CommandError
from django.core.management.commands import migrate
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder

LAST_WITH_ALL_STEPS = "a238e5e"
"""The commit that still has each migration which those of 0.1.0 replace."""


class Command(migrate.Command):
    def handle(self, *args: Any, **options: Any) -> None:
        refuse_half_way(connections[options["database"]])
        super().handle(*args, **options)


def refuse_half_way(connection: BaseDatabaseWrapper) -> None:
    """Raises CommandError for data with some of the migrations that one replaced, where the files are gone.

    Data with all of them, or none, is taken. Django itself would pass over the rest, or end in the midst.
    """
    applied = MigrationRecorder(connection).applied_migrations()
    known = MigrationLoader(None, ignore_no_migrations=True).disk_migrations
    for migration in known.values():
        gone = [step for step in migration.replaces if step not in known]
        lacking = [step for step in gone if step not in applied]
        if lacking and len(lacking) < len(gone):
            room, name = lacking[0]
            raise CommandError(
                f"This data is of a state before 0.1.0 and stopped half way to it: {room} lacks {name}. "
                f"Start it once with commit {LAST_WITH_ALL_STEPS}, which has that step, and then with this "
                "version."
            )
