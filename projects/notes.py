"""Notes on takes, each at one frame or about the whole take."""

from __future__ import annotations

import datetime

from django.db import transaction
from django.utils import timezone

from projects import access, events
from projects.access import Right
from projects.models import Membership, Take, TakeNote
from projects.problems import Invalid

MAX_LENGTH = 4000
LAST_FRAME = 24 * 3600 * 24


def add(
    *,
    take: Take,
    body: str,
    by: Membership,
    frame: int | None = None,
    now: datetime.datetime | None = None,
) -> TakeNote:
    """Writes a note; `frame` counts from 0, None is the whole take. Raises MissingRight or Invalid."""
    access.require(by, Right.MAKE)
    body = body.strip()
    if not 0 < len(body) <= MAX_LENGTH:
        raise Invalid({"body": [f"Write 1 to {MAX_LENGTH} characters."]})
    if frame is not None and not 0 <= frame <= LAST_FRAME:
        raise Invalid({"frame": ["There is no such frame."]})
    now = now or timezone.now()
    with transaction.atomic():
        note = TakeNote.objects.create(
            workspace_id=take.workspace_id, take=take, frame=frame, body=body, by=by.person, at=now
        )
        events.record(workspace=by.workspace, kind="take.noted", by=by, at=now, take=take, frame=frame)
    return note
