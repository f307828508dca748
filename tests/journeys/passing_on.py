"""One of everything about passing costs on: shared costs with shares, fee and mark-up, logged time."""

from __future__ import annotations

import datetime
from decimal import Decimal
from typing import Any

from django.utils import timezone

from billing import chargeback, months, shared_costs, time_logs
from projects.models import Campaign
from tests.cast import Cast


def furnish(cast: Cast) -> dict[str, Any]:
    """Fills the pages; answers the parts of their addresses."""
    campaign = Campaign.objects.filter(workspace=cast.workspace, decisions__decision="accept").earliest("pk")
    said: dict[str, Any] = {"currency": "EUR", "evidence": "Bill 2025-118", "by": cast.finance}
    entry = shared_costs.book(
        campaign=campaign,
        amount=Decimal(90),
        service_on=datetime.date(2025, 9, 1),
        reason="Locking the character",
        **said,
    )
    shared_costs.book(
        campaign=campaign,
        amount=Decimal(12),
        service_on=datetime.date(2025, 10, 30),
        reason="Reference plates",
        **said,
    )
    chargeback.set_mark_up(
        project=campaign.project,
        percent=Decimal("17.5"),
        first_month="2025-09",
        reason="Contract 5",
        by=cast.finance,
    )
    chargeback.set_terms(
        campaign=campaign,
        fee=Decimal(400),
        job_number="J-118",
        purchase_order="PO 4711",
        cost_centre="100",
        by=cast.manager,
    )
    today = months.start_of(cast.workspace, timezone.now())
    time_logs.log(
        by=cast.manager,
        started_at=today,
        minutes=Decimal(45),
        kind="briefing",
        role="manager",
        campaign=campaign,
        note="With the client",
    )
    return {"campaign_id": campaign.pk, "project_id": campaign.project_id, "entry_id": entry.id}
