"""`manage.py backup`: Writes the database and every file that it names into one archive."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from generation import backups
from projects.problems import Refused


class Command(BaseCommand):
    help = "Writes the database and every file that it names into one archive."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, nargs="?")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            self.work(options)
        except Refused as refused:
            raise CommandError(f"{refused.detail} {refused.remedy}".strip()) from None

    def work(self, options: dict[str, Any]) -> None:
        target = options["file"] or backups.default_name()
        about = backups.backup(target)
        self.stdout.write(f"{target}: the database and {about['files']} files.")
        for name in about["missing"]:
            self.stderr.write(f"{name} is not in the storage; only its record is kept.")
