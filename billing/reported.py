"""Charges that a provider reported and the price book computes otherwise: exceptions of their month."""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple

from django.db.models import Count, F, Sum
from django.db.models.functions import Abs

from billing import months
from billing.models import Entry
from projects.models import Workspace


class Differences(NamedTuple):
    """How many charges differ, by how much in all (reported less computed), and the largest of them."""

    number: int
    total: Decimal
    largest: list[Entry]


def differences(*, workspace: Workspace, month: str, most: int) -> Differences:
    """What was booked as the provider reported it and is not what the price row makes of it.

    Each entry comes with `difference`. Raises Invalid (422) where `month` is no YYYY-MM.
    """
    start, end = months.span(workspace, month)
    rows = (
        Entry.objects.filter(
            workspace=workspace,
            effective_at__gte=start,
            effective_at__lt=end,
            computed_amount__isnull=False,
        )
        .exclude(computed_amount=F("amount"))
        .annotate(difference=F("amount") - F("computed_amount"))
    )
    sums = rows.aggregate(number=Count("id"), total=Sum("difference"))
    largest = rows.select_related("deliverable", "take").order_by(-Abs("difference"), "id")
    return Differences(sums["number"], sums["total"] or Decimal(0), list(largest[:most]))
