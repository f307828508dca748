"""Reminders to finance that a month waits: for its review, its first signature, or its second person.

The month that is next to be closed is looked at once an hour. Each of its states is told after a while, and
again each week, four times at most; who has signed is not asked for the second signature.
"""

from __future__ import annotations

import datetime
from typing import NamedTuple

from django.urls import reverse

from billing import months, pot_days
from billing.models import MonthClose
from billing.standing import Standing, standing
from projects import notices
from projects.models import Membership, Notice, Role, Workspace
from projects.models.notices import NoticeKind

KIND = NoticeKind.MONTH_WAITS
DAY = datetime.timedelta(days=1)
WEEK = 7 * DAY
MOST = 4
#: How long a state lasts before it is told.
PATIENCE = {"open": 3 * DAY, "under_review": 2 * DAY, "signed": DAY}


class Waiting(NamedTuple):
    """A month in a state since an instant."""

    month: str
    standing: Standing
    since: datetime.datetime


def tell(*, now: datetime.datetime) -> int:
    """Writes the reminders that are due; answers how many people were told."""
    return sum(_tell(workspace, now) for workspace in Workspace.objects.order_by("pk"))


def waiting(workspace: Workspace, now: datetime.datetime) -> Waiting | None:
    """The month that is next to be closed, where it is over and has cash; else None."""
    last = MonthClose.objects.filter(workspace=workspace).order_by("-ends_at").defer("document").first()
    over = months.before(months.month_of(workspace, now))
    month = months.month_of(workspace, last.ends_at) if last else over
    if month > over or not _has_cash(workspace, month):
        return None
    found = standing(workspace, month)
    since = found.steps[-1].at if found.steps else months.span(workspace, month).end
    if found.signed:
        since = found.signed.at
    return Waiting(month, found, since)


def _tell(workspace: Workspace, now: datetime.datetime) -> int:
    found = waiting(workspace, now)
    if found is None:
        return 0
    late = now - found.since - PATIENCE[found.standing.state]
    week = late // WEEK
    if late < datetime.timedelta(0) or week >= MOST:
        return 0
    dedupe = f"{found.month} {found.standing.state} {found.since:%Y-%m-%d %H:%M} {week}"
    if Notice.objects.filter(workspace=workspace, kind=KIND, dedupe=dedupe).exists():
        return 0
    title, body = _words(workspace, found)
    return notices.notify(
        members=_asked(workspace, found.standing),
        kind=KIND,
        title=title,
        body=body,
        url=reverse("billing:month_close", args=[workspace.slug, found.month]),
        dedupe=dedupe,
        now=now,
    )


def _asked(workspace: Workspace, found: Standing) -> list[Membership]:
    """Finance, without who signed where others could be the second."""
    members = notices.members_with(workspace, Role.FINANCE)
    signed = found.signed
    return [each for each in members if signed is None or each.person_id != signed.by_id] or members


def _words(workspace: Workspace, found: Waiting) -> tuple[str, str]:
    name = f"{datetime.date.fromisoformat(f'{found.month}-01'):%B %Y}"
    since = f"{found.since.astimezone(months.zone_of(workspace)):%Y-%m-%d}"
    signed = found.standing.signed
    if signed:
        return (
            f"{name} waits for its second person",
            f"{signed.by} signed its figures on {since}. Another person who keeps the books closes it.",
        )
    if found.standing.state == "under_review":
        return (
            f"{name} waits for its first signature",
            f"It is under review since {since}. The checklist says what is still open.",
        )
    return f"{name} is over and not under review", f"It ended on {since}. Put it under review to close it."


def _has_cash(workspace: Workspace, month: str) -> bool:
    first, last = (pot_days.content(workspace=workspace, at=at) for at in months.span(workspace, month))
    return first != last
