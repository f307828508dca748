"""`manage.py orphans`: stored files that no row names, and rows whose file is gone."""

from __future__ import annotations

import datetime
import re
from argparse import ArgumentTypeError
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from generation import orphans
from generation.media.limits import StorageTrouble
from projects.problems import Refused

UNITS = {"m": "minutes", "h": "hours", "d": "days"}


def age(words: str) -> datetime.timedelta:
    """`90m`, `24h` or `7d`."""
    match = re.fullmatch(r"(\d{1,5})([mhd])", words)
    if match is None:
        raise ArgumentTypeError(f"{words!r} is no time such as 90m, 24h or 7d")
    return datetime.timedelta(**{UNITS[match[2]]: int(match[1])})


class Command(BaseCommand):
    help = (
        "Lists stored files that no row names, and names in rows whose file is gone; exits with 1 where one "
        "is gone. Nothing is removed without --remove."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--remove", action="store_true", help="remove the files that no row names")
        parser.add_argument(
            "--older-than",
            type=age,
            default=age("24h"),
            help="leave what was written since; 24h, at least 1h",
        )
        parser.add_argument("--quiet", action="store_true", help="say the sums alone, not each name")

    def handle(self, *args: Any, remove: bool, older_than: datetime.timedelta, **options: Any) -> None:
        say = (lambda words: None) if options["quiet"] else self.stdout.write
        try:
            found = orphans.look(
                older_than=older_than,
                now=timezone.now(),
                remove=remove,
                on_orphan=lambda file: say(
                    f"orphan {file.name} {file.size} {file.modified_at:%Y-%m-%d %H:%M}"
                ),
                on_missing=lambda name: say(f"missing {name}"),
            )
        except Refused as refused:
            raise CommandError(f"{refused.detail} {refused.remedy}".strip()) from None
        except StorageTrouble as trouble:
            raise CommandError(f"Waiting for {trouble.waits_for}.") from None
        self._sum_up(found, remove)
        if found.missing:
            raise SystemExit(1)

    def _sum_up(self, found: orphans.Found, remove: bool) -> None:
        self.stdout.write(
            f"{found.files} files, {found.size} bytes. {found.orphans} of them, {found.orphans_size} bytes, "
            f"are named by no row; {found.young} more are too young to say."
        )
        if remove:
            self.stdout.write(f"Removed {found.removed} files, {found.removed_size} bytes.")
        if found.half:
            self.stdout.write(f"{found.half} uploads were never completed{' and are gone now' * remove}.")
        self.stdout.write(f"{found.missing} files that rows name are missing.")
