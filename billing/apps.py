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
        post_migrate.connect(spread_shared_costs, sender=self)


def make_months(**_: Any) -> None:
    """Makes the ledger's months of the year ahead, so that no booking has to."""
    from django.utils import timezone

    from billing import partitions

    now = timezone.now()
    partitions.ensure_partitions(now - datetime.timedelta(days=31), now + MONTHS_AHEAD)


def spread_shared_costs(plan: Any = (), **_: Any) -> None:
    """After an upgrade, books the shares of costs that an earlier version left unspread.

    Only where something was migrated, and nothing is left to be: halfway there the tables may not fit yet.
    """
    from django.db import connection
    from django.db.migrations.executor import MigrationExecutor

    if not any(not backwards for _, backwards in plan):
        return
    executor = MigrationExecutor(connection)
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        return

    from billing import shares

    shares.follow_all()
