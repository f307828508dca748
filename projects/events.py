"""The activity log: one append-only line for each thing that happened."""

from __future__ import annotations

import datetime
from collections.abc import Iterable
from typing import Any

from django.utils import timezone

from projects.models import (
    Campaign,
    Deliverable,
    Event,
    Membership,
    Person,
    Project,
    Take,
    Workspace,
)


def record(
    *,
    workspace: Workspace,
    kind: str,
    by: Membership | Person | None = None,
    at: datetime.datetime | None = None,
    project: Project | None = None,
    campaign: Campaign | None = None,
    deliverable: Deliverable | None = None,
    take: Take | None = None,
    **data: Any,
) -> Event:
    """Writes one event, as `event` puts it together, in the caller's transaction."""
    row = event(
        workspace=workspace,
        kind=kind,
        by=by,
        at=at,
        project=project,
        campaign=campaign,
        deliverable=deliverable,
        take=take,
        **data,
    )
    row.save(force_insert=True)
    return row


def record_all(rows: Iterable[Event]) -> None:
    """Writes events in one statement, in the caller's transaction."""
    Event.objects.bulk_create(rows)


def event(
    *,
    workspace: Workspace,
    kind: str,
    by: Membership | Person | None = None,
    at: datetime.datetime | None = None,
    project: Project | None = None,
    campaign: Campaign | None = None,
    deliverable: Deliverable | None = None,
    take: Take | None = None,
    **data: Any,
) -> Event:
    """An event that is not written yet. `data` is plain JSON.

    What lies above the named object is filled in: a deliverable brings its campaign and project.
    """
    person = by.person if isinstance(by, Membership) else by
    if take is not None and deliverable is None:
        deliverable = take.deliverable
    campaign_id = campaign.pk if campaign else deliverable.campaign_id if deliverable else None
    if project is None and campaign is not None:
        project = campaign.project
    return Event(
        workspace=workspace,
        at=at or timezone.now(),
        kind=kind,
        person=person,
        project=project,
        campaign_id=campaign_id,
        deliverable=deliverable,
        take=take,
        data=data,
    )
