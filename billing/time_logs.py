"""Time that people log, and what was measured beside it: no cash, and never added to any.

A log is minutes of one person on a deliverable or a campaign, at the rate of a role; it is changed by taking
it back and logging again. Logs of closed months stand as they are. Measured is what `billing.timecost`
derives from openings, decisions and takes, before overlaps are shared out.
"""

from __future__ import annotations

import datetime
import uuid
from decimal import Decimal
from typing import Any, NamedTuple

from django.db import IntegrityError, connection, transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone

from billing import money, periods, standing
from billing.months import Span
from projects import access, events
from projects.access import Right
from projects.models import (
    Campaign,
    Deliverable,
    Membership,
    TimeKind,
    TimeLog,
    Workspace,
)
from projects.problems import Invalid, Refused

MOST_MINUTES = 24 * 60
FIELDS = ("workspace_id", "campaign_id", "deliverable_id", "take_id", "person_id", "person_email", "role")
COPIED = (*FIELDS, "started_at", "minutes", "kind")
#: Minutes of reviews and of waiting that were known in a span, of one person or of all, as often as measured.
#: An opening is the review of the first decision after it alone.
MEASURED = """
    SELECT what, count(*), COALESCE(sum(seconds), 0) / 60 FROM (
        SELECT 'review' AS what,
               EXTRACT(epoch FROM LEAST(
                   d.at - v.at, make_interval(mins => w.review_cap_minutes::int)
               )) AS seconds
        FROM projects_decision d
        JOIN projects_workspace w ON w.id = d.workspace_id
        CROSS JOIN LATERAL (
            SELECT max(v.at) AS at FROM projects_takeview v
            WHERE v.take_id = d.take_id AND v.person_id = d.by_id AND v.at <= d.at
        ) v
        WHERE d.workspace_id = %(workspace)s AND d.decision IN ('select', 'accept', 'reject')
          AND d.at >= %(start)s AND d.at < %(until)s AND NOT d.imported AND v.at IS NOT NULL
          AND NOT EXISTS (
              SELECT FROM projects_decision e
              WHERE e.take_id = d.take_id AND e.by_id = d.by_id AND e.at >= v.at
                AND (e.at, e.sequence) < (d.at, d.sequence) AND e.decision IN ('select', 'accept', 'reject')
          )
          AND (%(person)s::uuid IS NULL OR d.by_id = %(person)s::uuid)
        UNION ALL
        SELECT 'waiting', EXTRACT(epoch FROM LEAST(
            t.ended_at - t.requested_at, make_interval(mins => w.waiting_cap_minutes::int)
        ))
        FROM projects_take t JOIN projects_workspace w ON w.id = t.workspace_id
        WHERE t.workspace_id = %(workspace)s AND t.requested_at >= %(start)s AND t.requested_at < %(until)s
          AND t.state = 'ready' AND NOT t.imported AND t.kind <> 'uploaded' AND t.ended_at > t.requested_at
          AND (%(person)s::uuid IS NULL OR t.requested_by_id = %(person)s::uuid)
    ) m GROUP BY 1
"""
#: Worth is that of the role's rate on the day on which the work began.
SUMMED = """
    SELECT CASE WHEN g.id IS NULL THEN '' ELSE p.key || '/' || g.key END, COALESCE(g.name, ''), l.kind,
           {person}, count(*), sum(l.minutes), sum(l.minutes / 60 * COALESCE(r.hourly_rate, 0))
    FROM projects_timelog l
    JOIN projects_workspace w ON w.id = l.workspace_id
    LEFT JOIN projects_deliverable d ON d.id = l.deliverable_id
    LEFT JOIN projects_campaign g ON g.id = COALESCE(l.campaign_id, d.campaign_id)
    LEFT JOIN projects_project p ON p.id = g.project_id
    LEFT JOIN LATERAL (
        SELECT r.hourly_rate FROM projects_rolerate r
        WHERE r.workspace_id = w.id AND r.role = COALESCE(NULLIF(l.role, ''), 'reviewer')
          AND r.starts_on <= (l.started_at AT TIME ZONE w.time_zone)::date
        ORDER BY r.starts_on DESC LIMIT 1
    ) r ON true
    WHERE l.workspace_id = %(workspace)s AND l.minutes IS NOT NULL
      AND l.started_at >= %(start)s AND l.started_at < %(until)s AND l.reverses_id IS NULL
      AND NOT EXISTS (SELECT FROM projects_timelog back WHERE back.reverses_id = l.id)
    GROUP BY 1, 2, 3, 4 ORDER BY 1, 3, 4
"""


class TakenBack(Refused):
    """The log was taken back already."""

    title = "This log was taken back"


class Measured(NamedTuple):
    """How often, and for how many minutes."""

    reviews: int = 0
    review_minutes: Decimal = money.ZERO
    waits: int = 0
    waiting_minutes: Decimal = money.ZERO


class Summed(NamedTuple):
    """Logs of a campaign and kind, of a person where the workspace shows persons; `worth` is no cash."""

    key: str
    campaign: str
    kind: str
    person: str
    logs: int
    minutes: Decimal
    worth: Decimal

    @property
    def kind_name(self) -> str:
        return TimeKind(self.kind).label if self.kind else "Imported"


def log(
    *,
    by: Membership,
    started_at: datetime.datetime,
    minutes: Decimal,
    kind: str,
    role: str,
    deliverable: Deliverable | None = None,
    campaign: Campaign | None = None,
    note: str = "",
) -> TimeLog:
    """Logs one's own work on a deliverable or a campaign. Needs the right to make takes.

    Raises Invalid (422); MonthClosed and SoftClosed (409) for work in a month that is closed or under review.
    """
    access.require(by, Right.MAKE)
    errors: dict[str, list[str]] = {}
    if not minutes.is_finite() or not 0 < minutes <= MOST_MINUTES or minutes != round(minutes, 3):
        errors["minutes"] = [f"Give minutes above zero, at most {MOST_MINUTES:,}."]
    if kind not in TimeKind.values:
        errors["kind"] = ["Choose what the time went into."]
    if role not in by.roles:
        errors["role"] = ["Choose a role that you have."]
    if (deliverable is None) == (campaign is None):
        errors["deliverable"] = ["Name a deliverable or a campaign, and not both."]
    if started_at > timezone.now():
        errors["started_at"] = ["This is still to come."]
    if errors:
        raise Invalid(errors)
    with transaction.atomic():
        _require_open(by, started_at)
        row: TimeLog = TimeLog.objects.create(
            workspace=by.workspace,
            campaign=campaign or (deliverable.campaign if deliverable else None),
            deliverable=deliverable,
            person=by.person,
            person_email=by.person.email,
            role=role,
            started_at=started_at,
            minutes=minutes,
            kind=kind,
            note=note.strip()[:200],
            logged_by=by.person,
        )
        events.record(
            workspace=by.workspace, kind="time.logged", by=by, campaign=row.campaign, minutes=f"{minutes:f}"
        )
    return row


def take_back(*, row: TimeLog, by: Membership, reason: str = "") -> TimeLog:
    """Takes one's own log back, or as finance anybody's; neither row counts then.

    Raises TakenBack (409); MonthClosed and SoftClosed (409) as `log` does, the latter not for finance.
    """
    if row.person_id != by.person_id:
        access.require(by, Right.KEEP_BOOKS)
    if row.minutes is None or row.reverses_id is not None:
        raise Invalid({"log": ["Only logs of minutes are taken back."]})
    try:
        with transaction.atomic():
            _require_open(by, row.started_at)
            said = {name: getattr(row, name) for name in COPIED}
            made: TimeLog = TimeLog.objects.create(
                **said, reverses=row, note=reason.strip()[:200], logged_by=by.person
            )
            minutes = f"{row.minutes.normalize():f}"
            events.record(
                workspace=by.workspace, kind="time.taken_back", by=by, campaign=row.campaign, minutes=minutes
            )
    except IntegrityError:
        raise TakenBack("This log was taken back already.", remedy="Reload the page.") from None
    return made


def _require_open(by: Membership, at: datetime.datetime) -> None:
    periods.require_open(by.workspace, at, what="This work")
    standing.require_by_hand(workspace=by.workspace, at=at, by=by, what="This work")


def own(by: Membership, span: Span) -> QuerySet[Any]:
    """One's own logs that began in a span, newest first, with `is_back` where they were taken back."""
    rows = TimeLog.objects.visible_to(by).filter(
        person=by.person,
        minutes__isnull=False,
        reverses=None,
        started_at__gte=span.start,
        started_at__lt=span.end,
    )
    rows = rows.annotate(is_back=Exists(TimeLog.objects.filter(reverses=OuterRef("pk"))))
    return rows.select_related("deliverable", "campaign__project").order_by("-started_at", "-id")


def measured(workspace: Workspace, span: Span, person: uuid.UUID | None = None) -> Measured:
    """Reviews decided and takes asked for in a span: of one person, or of all."""
    values: dict[str, Any] = {"workspace": workspace.pk, "person": person}
    values |= {"start": span.start, "until": span.end}
    with connection.cursor() as cursor:
        cursor.execute(MEASURED, values)
        found = {what: (number, Decimal(minutes)) for what, number, minutes in cursor.fetchall()}
    return Measured(*found.get("review", (0, money.ZERO)), *found.get("waiting", (0, money.ZERO)))


def summed(workspace: Workspace, span: Span) -> list[Summed]:
    """Logs by campaign and kind, and by person where the workspace has switched that on."""
    person = "COALESCE(l.person_email, '')" if workspace.time_by_person else "''"
    with connection.cursor() as cursor:
        values: dict[str, Any] = {"workspace": workspace.pk, "start": span.start, "until": span.end}
        cursor.execute(SUMMED.format(person=person), values)
        return [Summed(*row)._replace(worth=money.booked(row[-1])) for row in cursor.fetchall()]
