"""`manage.py doctor`: what is wrong with this installation, and what to do about it."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from generation import doctor, tallies


class Command(BaseCommand):
    help = (
        "Looks at database, workers, engine, clock, storage, keys and books; exits with 1 if one is unwell."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--recount", action="store_true", help="first counts ended calls anew, for the page Health"
        )

    def handle(self, *args: Any, recount: bool, **options: Any) -> None:
        if recount:
            tallies.rebuild()
        unwell = False
        for finding in doctor.examine():
            self.stdout.write(f"{'unwell' if finding.problems else 'well':7} {finding.part}")
            for problem in finding.problems:
                unwell = True
                self.stdout.write(f"        {problem}")
        if unwell:
            sys.exit(1)
