"""`manage.py load_catalogue`: brings the catalogue in line with the committed data file."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from routing import catalogue


class Command(BaseCommand):
    help = "Loads the catalogue of models; may be run again at any time."

    def handle(self, *args: Any, **options: Any) -> None:
        loaded = catalogue.load(today=timezone.now().date())
        self.stdout.write(f"{loaded.rows} models in the catalogue.")
        for key in loaded.retired:
            self.stdout.write(f"{key} has left the catalogue; it ends today.")
