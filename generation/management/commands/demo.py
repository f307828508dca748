"""`manage.py demo`: the demo workspace with a year of plausible work."""

from __future__ import annotations

import contextlib
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import OperationalError, connection
from django.utils import timezone

from circletake.postgres import PostgresError
from circletake.supervisor import CannotStart
from generation import up
from generation.demo import build, cast
from generation.demo.sizes import SIZES


class Command(BaseCommand):
    help = "Make the demo workspace: S, M or L for 2,000, 50,000 or 1,000,000 takes."
    requires_system_checks = []  # some ask the database, which may not be up yet

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--size", choices=[name for name in SIZES if name != "XS"], default="S")
        parser.add_argument("--workspace", default=cast.SLUG, help="its short name in addresses")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            with database():
                call_command("migrate", interactive=False, verbosity=0)
                build.build(
                    size=options["size"],
                    slug=options["workspace"],
                    today=timezone.now().date(),
                    say=self.say,
                )
        except build.DemoExists as there:
            raise CommandError(f"{there.detail} {there.remedy}") from there
        except (CannotStart, PostgresError) as error:
            raise CommandError(str(error)) from error

    def say(self, words: str) -> None:
        self.stdout.write(words)
        self.stdout.flush()


def database() -> contextlib.AbstractContextManager[None]:
    """The database that answers, a running `up`'s too; else the embedded one, for as long as it takes."""
    try:
        connection.ensure_connection()
    except OperationalError:
        if not settings.EMBEDDED_DATABASE:
            raise
        return up.embedded_database()
    return contextlib.nullcontext()
