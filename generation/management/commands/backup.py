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
        parser.add_argument(
            "--no-media",
            action="store_true",
            help="the database alone, where the bucket is kept safe by its own means",
        )
        parser.add_argument(
            "--keep", type=int, help="afterwards keep so many archives of the default name, the newest"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            self.work(options)
        except Refused as refused:
            raise CommandError(f"{refused.detail} {refused.remedy}".strip()) from None

    def work(self, options: dict[str, Any]) -> None:
        target = options["file"] or backups.default_name()
        about = backups.backup(target, media=not options["no_media"])
        held = f"and {about['files']} files" if about["media"] else "alone, without media"
        self.stdout.write(f"{target}: the database {held}.")
        for name in about["missing"]:
            self.stderr.write(f"{name} is not in the storage; only its record is kept.")
        for old in backups.older(keep=options["keep"]):
            old.unlink()
            self.stdout.write(f"{old}: removed.")
