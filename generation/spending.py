"""What was spent at provider accounts, as their calls were booked."""

from __future__ import annotations

import dataclasses
import datetime
import uuid
from decimal import Decimal

from django.db.models import Count, Sum

from billing import months
from generation.models import Call, ProviderAccount
from projects.models import Workspace


@dataclasses.dataclass(frozen=True)
class Spent:
    """Booked calls of one account, in the workspace's currency."""

    amount: Decimal
    calls: int


def this_month(*, workspace: Workspace, now: datetime.datetime) -> dict[uuid.UUID, Spent]:
    """By account, what was booked for calls that ended in the present month; without any, it is left out."""
    begun = months.span(workspace, months.month_of(workspace, now)).start
    accounts = ProviderAccount.objects.filter(workspace=workspace).values("pk")
    booked = Call.objects.filter(account__in=accounts, posted__isnull=False, ended_at__gte=begun)
    rows = booked.values("account").annotate(amount=Sum("posted"), calls=Count("pk")).order_by("account")
    return {row["account"]: Spent(row["amount"], row["calls"]) for row in rows}
