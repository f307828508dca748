from __future__ import annotations

import datetime
from typing import Any

from django.apps import AppConfig
from django.db.models.signals import post_migrate

MONTHS_AHEAD = datetime.timedelta(days=400)


class BillingConfig(AppConfig):
    name = "billing"

    def ready(self) -> None:
        post_migrate.connect(make_months, sender=self)


def make_months(**_: Any) -> None:
    """Makes the ledger's months of the year ahead, so that no booking has to."""
    from django.utils import timezone

    from billing import partitions

    now = timezone.now()
    partitions.ensure_partitions(now - datetime.timedelta(days=31), now + MONTHS_AHEAD)
