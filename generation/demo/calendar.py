"""The demo's year: it ends with yesterday, and everything in it is placed from there."""

from __future__ import annotations

import dataclasses
import datetime
import random

from billing import months
from projects.models import Workspace

DAY = datetime.timedelta(days=1)
WORKING_HOURS = (7, 16)  # UTC
MONTHS = 12


@dataclasses.dataclass(frozen=True)
class Year:
    """Instants in UTC. `months` are the workspace's (YYYY-MM), the running one last."""

    end: datetime.datetime
    start: datetime.datetime
    months: tuple[str, ...]
    outage: tuple[datetime.datetime, datetime.datetime]
    price_rise: datetime.datetime

    @property
    def last_day(self) -> datetime.datetime:
        return self.end - DAY


def year_to(today: datetime.date, workspace: Workspace) -> Year:
    """Twelve whole months before the running one, and what there is of that."""
    end = datetime.datetime.combine(today, datetime.time.min, datetime.UTC)
    names = [months.month_of(workspace, end - datetime.timedelta(seconds=1))]
    while len(names) <= MONTHS:
        names.append(months.before(names[-1]))
    names.reverse()
    first = [months.span(workspace, name).start for name in names]
    outage = first[-7] + 8 * DAY
    return Year(
        end=end,
        start=first[0],
        months=tuple(names),
        outage=(outage, outage + 4 * DAY),
        price_rise=first[-4],
    )


def at_work(at: datetime.datetime, dice: random.Random) -> datetime.datetime:
    """The instant itself within working hours, else some minutes into the next working day."""
    first, last = WORKING_HOURS
    if at.weekday() < 5 and first <= at.hour < last:
        return at
    if at.hour >= first:
        at += DAY
    while at.weekday() >= 5:
        at += DAY
    return at.replace(hour=first, minute=0, second=0, microsecond=0) + datetime.timedelta(
        seconds=dice.randrange(5400)
    )
