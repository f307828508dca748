"""The hourly look at credits whose last day is over: workspaces end their days at different hours."""

from __future__ import annotations

from django_q.models import Schedule

from generation import lanes

NAME = "expiry of credits"


def ensure_schedule() -> None:
    """The queue's own schedule, beside the sweep's."""
    Schedule.objects.update_or_create(
        name=NAME,
        defaults={"func": lanes.TASKS["expiries"], "schedule_type": Schedule.HOURLY, "repeats": -1},
    )
