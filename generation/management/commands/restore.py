"""`manage.py restore`: Brings an archive back into an empty database."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser

from circletake.supervisor import CannotStart
from generation import backups, up
from projects.problems import Refused


class Command(BaseCommand):
    help = "Brings an archive back into an empty database."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path)

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            self.work(options)
        except CannotStart as occupied:
            raise CommandError(str(occupied)) from None
        except Refused as refused:
            raise CommandError(f"{refused.detail} {refused.remedy}".strip()) from None

    def work(self, options: dict[str, Any]) -> None:
        with up.embedded_database():
            about = backups.restore(options["file"])
            call_command("migrate", interactive=False, verbosity=0)
            call_command("createcachetable", verbosity=0)
        self.stdout.write(f"Restored the database and {about['files']} files of {about['made_at']}.")
        if not about.get("media", True):
            self.stdout.write("It holds no media: manage.py orphans says what the storage lacks.")
