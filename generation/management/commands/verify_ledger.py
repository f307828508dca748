"""Proves the ledger: every sealed day and every closed month by its hash."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from billing import seals
from billing.models import MonthClose, SealedDay


class Command(BaseCommand):
    help = "Works out the hash of every sealed day and closed month anew; exits with 1 where one differs."

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("--seal", action="store_true", help="seal first what is due")

    def handle(self, *args: Any, seal: bool, **options: Any) -> None:
        if seal:
            self.stdout.write(f"{seals.seal_due()} workspaces sealed.")
        found = list(seals.problems())
        if found:
            raise CommandError("\n".join(found))
        days, months = SealedDay.objects.count(), MonthClose.objects.count()
        self.stdout.write(f"The ledger is as it was written: {days} sealed days, {months} closed months.")
