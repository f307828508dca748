"""When a person leaves a workspace: of what they had asked for in batches nothing more is sent by itself."""

from __future__ import annotations

import datetime

from django.db import transaction
from django.utils import timezone

from generation import batch_steering, lanes
from projects import notices, people
from projects.models import Batch, Membership, Role
from projects.models.batches import BatchState
from projects.models.notices import NoticeKind


def end_membership(*, membership: Membership, by: Membership, now: datetime.datetime | None = None) -> int:
    """Takes a person out of the workspace and pauses their running batches; answers how many.

    What was sent is finished. Managers are told, and let a batch go on or cancel it. Raises as
    `people.end_membership`; then nothing was changed.
    """
    now = now or timezone.now()
    running = Batch.objects.filter(
        workspace=membership.workspace_id, requested_by=membership.person_id, state=BatchState.RUNNING
    )
    with transaction.atomic():
        people.end_membership(membership=membership, by=by)
        left = [row for row in running.order_by("pk") if batch_steering.pause_left(batch=row, by=by, now=now)]
        for batch in left:
            _tell(batch, membership, now)
    return len(left)


def _tell(batch: Batch, gone: Membership, now: datetime.datetime) -> None:
    workspace = gone.workspace
    notices.notify(
        members=notices.members_with(workspace, Role.MANAGER),
        kind=NoticeKind.TAKE_WAITS,
        title=f"A batch of {gone.person} is paused: they have left the workspace",
        body="What had been sent is finished. Let the rest go on, or cancel it.",
        url=f"/w/{workspace.slug}/batches/{batch.pk}/",
        dedupe=f"left:{batch.pk}:{now.isoformat()}",
        now=now,
    )
    lanes.ring("notify")
