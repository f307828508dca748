"""Months that end: looked at once an hour, since each workspace has a clock of its own."""

from __future__ import annotations

from django_q.models import Schedule

from generation import lanes

NAME = "ends of months"


def ensure_schedule() -> None:
    """The queue's own schedule, beside the sweep's."""
    Schedule.objects.update_or_create(
        name=NAME,
        defaults={"func": lanes.TASKS["months"], "schedule_type": Schedule.HOURLY, "repeats": -1},
    )
