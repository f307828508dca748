"""`manage.py doctor`: what is wrong with this installation, and what to do about it."""

from __future__ import annotations

import sys
from typing import Any

from django.core.management.base import BaseCommand

from generation import doctor


class Command(BaseCommand):
    help = (
        "Looks at database, workers, lanes, clock, storage, keys and books. Exits with 1 where one is unwell."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        unwell = False
        for finding in doctor.examine():
            self.stdout.write(f"{'unwell' if finding.problems else 'well':7} {finding.part}")
            for problem in finding.problems:
                unwell = True
                self.stdout.write(f"        {problem}")
        if unwell:
            sys.exit(1)
