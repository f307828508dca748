"""What the queue calls, by dotted name and without arguments. These names are never changed.

Each looks after one lane until nothing is due soon. Called twice, the second finds the lane looked after.
"""

from __future__ import annotations

import os
from contextlib import AbstractContextManager

import structlog
from django.utils import timezone

from billing import budget_raises, close_reminders, credits
from billing.exports import month_mail
from generation import batch_steering, chat, dispatch, lanes, retirement
from generation import cancel as cancelling
from generation import collect as collecting
from generation import poll as polling
from generation import sweep as sweeping
from generation.canary import GROUP_VARIABLE
from generation.models.runs import Lane
from generation.wire import Wire
from projects import notices


def _in_lane(name: str) -> AbstractContextManager[None]:
    """Every line that is logged inside names the lane and the group of workers."""
    group = os.environ.get(GROUP_VARIABLE, "")
    return structlog.contextvars.bound_contextvars(lane=name, **({"worker": group} if group else {}))


def submit() -> int:
    with _in_lane(Lane.SUBMIT), Wire() as wires:
        return lanes.look_after(Lane.SUBMIT, lambda: dispatch.submit_due(wires))


def poll() -> int:
    with _in_lane(Lane.POLL), Wire() as wires:
        return lanes.look_after(Lane.POLL, lambda: polling.poll_due(wires))


def collect() -> int:
    with _in_lane(Lane.COLLECT), Wire() as wires:
        return lanes.look_after(Lane.COLLECT, lambda: collecting.collect_due(wires))


def cancel() -> int:
    """Asks providers to stop what was cancelled, until nothing is left to ask."""
    asked = 0
    with _in_lane("cancel"), lanes.keeper("cancel") as mine, Wire() as wires:
        while mine and (done := cancelling.cancel_due(wires)):
            asked += done
    return asked


def notify() -> int:
    """Sends the mail that waits, and what chats are to be told."""
    with _in_lane("notify"), lanes.keeper("notify") as mine:
        if not mine:
            return 0
        return notices.mail_waiting(now=timezone.now()) + chat.send_due(now=timezone.now())


def batches() -> int:
    """Makes the next takes of batches that have room, and finishes those that are done."""
    with lanes.keeper("batches") as mine:
        return batch_steering.keep_going(now=timezone.now()) if mine else 0


def endings() -> int:
    """Follows models to their end, once a day."""
    with lanes.keeper("endings") as mine:
        return retirement.follow(now=timezone.now()) if mine else 0


def months() -> int:
    """Tells finance of months that have ended or wait to be closed; `manage.py exports` mails statements."""
    with lanes.keeper("months") as mine:
        if not mine:
            return 0
        now = timezone.now()
        return month_mail.tell(now=now) + close_reminders.tell(now=now)


def expiries() -> int:
    """Books what is left of credits whose last day is over, and ends requests that nobody decided, hourly."""
    with lanes.keeper("expiries") as mine:
        if not mine:
            return 0
        now = timezone.now()
        return credits.expire_due(now=now) + budget_raises.expire_due(now=now)


def sweep() -> dict[str, int]:
    with _in_lane("sweep"), lanes.keeper("sweep") as mine:
        return sweeping.sweep(now=timezone.now()) if mine else {}
