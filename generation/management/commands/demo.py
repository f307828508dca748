"""`manage.py demo`: the demo workspace with a year of plausible work."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from generation.demo import build, cast
from generation.demo.sizes import SIZES


class Command(BaseCommand):
    help = "Make the demo workspace: S, M or L for 2,000, 50,000 or 1,000,000 takes."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--size", choices=sorted(SIZES), default="S")
        parser.add_argument("--workspace", default=cast.SLUG, help="its short name in addresses")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            build.build(
                size=options["size"],
                slug=options["workspace"],
                today=timezone.now().date(),
                say=self.say,
            )
        except build.DemoExists as there:
            raise CommandError(f"{there.detail} {there.remedy}") from there

    def say(self, words: str) -> None:
        self.stdout.write(words)
        self.stdout.flush()
