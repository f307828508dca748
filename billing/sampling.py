"""The sample of a month's accepted takes that are looked at again: how often was an acceptance wrong?

Which takes are drawn follows from the workspace, the month and the takes alone, so that nobody chooses them.
"""

from __future__ import annotations

import datetime
import uuid
from collections.abc import Sequence
from fractions import Fraction
from typing import Any, NamedTuple

from django.db import connection
from django.utils import timezone

from billing import months
from billing.models import SampleVerdict
from projects.models import HeroRequest, Membership, Take, Workspace
from projects.models.decisions import HeroDecision, RequestState
from projects.problems import Invalid

SIZE = 20
DRAWN = """
    SELECT a.take_id FROM projects_decision a
    WHERE a.workspace_id = %(workspace)s AND a.decision = 'accept'
      AND a.at >= %(start)s AND a.at < %(until)s
      AND NOT EXISTS (
          SELECT FROM projects_decision r WHERE r.reverses_id = a.sequence AND r.at < %(until)s
      )
    ORDER BY md5(%(month)s || a.take_id::text), a.take_id LIMIT %(size)s
"""


class Looked(NamedTuple):
    """A take of the sample with the latest second look at it."""

    take: Take
    verdict: SampleVerdict | None


def sample(workspace: Workspace, month: str) -> list[Looked]:
    """At most SIZE takes accepted in the month and standing at its end, in the order they were drawn."""
    ids = _drawn(workspace, month)
    takes = Take.objects.select_related("deliverable__campaign", "poster").in_bulk(ids)
    latest: dict[uuid.UUID, SampleVerdict] = {}
    rows = SampleVerdict.objects.filter(workspace=workspace, month=month, take__in=ids)
    for verdict in rows.select_related("by").order_by("id"):
        latest[verdict.take_id] = verdict
    return [Looked(takes[pk], latest.get(pk)) for pk in ids]


def judge(
    *,
    workspace: Workspace,
    month: str,
    take_id: uuid.UUID,
    by: Membership,
    agrees: bool,
    note: str = "",
    now: datetime.datetime | None = None,
) -> SampleVerdict:
    """Records a second look; the latest counts. Invalid (422) where the take is not in the sample."""
    if take_id not in _drawn(workspace, month):
        raise Invalid({"take": ["It is not in this month's sample; reload the page."]})
    if not agrees and not note.strip():
        raise Invalid({"note": ["Say what is wrong with it."]})
    return SampleVerdict.objects.create(
        workspace=workspace,
        month=month,
        take_id=take_id,
        agrees=agrees,
        note=note.strip()[:300],
        by=by.person,
        at=now or timezone.now(),
    )


def false_accepts(looked: Sequence[Looked]) -> Fraction | None:
    """The share of the takes looked at again that would not be accepted; None where none was looked at."""
    verdicts = [each.verdict for each in looked if each.verdict]
    if not verdicts:
        return None
    return Fraction(sum(not verdict.agrees for verdict in verdicts), len(verdicts))


def approved_by(workspace: Workspace, month: str, person_id: uuid.UUID) -> list[Take]:
    """Takes of the sample whose hero render this person approved."""
    requests = HeroRequest.objects.filter(
        workspace=workspace,
        state=RequestState.APPROVED,
        hero_take__in=_drawn(workspace, month),
        decisions__by=person_id,
        decisions__decision=HeroDecision.Kind.APPROVE,
    )
    found = requests.select_related("hero_take__deliverable").order_by("id").distinct("id")
    return [row.hero_take for row in found if row.hero_take]


def _drawn(workspace: Workspace, month: str) -> list[uuid.UUID]:
    start, until = months.span(workspace, month)
    values: dict[str, Any] = {
        "workspace": workspace.pk,
        "start": start,
        "until": until,
        "month": f"{workspace.pk} {month}",
        "size": SIZE,
    }
    with connection.cursor() as cursor:
        cursor.execute(DRAWN, values)
        return [row[0] for row in cursor.fetchall()]
