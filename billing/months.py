"""Months: calendar months in the workspace's own time zone, half-open in UTC."""

from __future__ import annotations

import datetime
import re
import zoneinfo
from typing import NamedTuple

from projects.models import Workspace
from projects.problems import Invalid

YEARS = range(1990, 2100)
"""A day of the past that somebody enters lies in one of them; another is a slip of the keyboard."""
OUTSIDE = f"Give a day in the years {YEARS.start} to {YEARS.stop - 1}."


class Span(NamedTuple):
    """First instant, and first instant of what follows, both in UTC."""

    start: datetime.datetime
    end: datetime.datetime


def zone_of(workspace: Workspace) -> zoneinfo.ZoneInfo:
    return zoneinfo.ZoneInfo(workspace.time_zone)


def month_of(workspace: Workspace, instant: datetime.datetime) -> str:
    """The month (YYYY-MM) of an instant as the workspace's wall calendar has it."""
    return instant.astimezone(zone_of(workspace)).strftime("%Y-%m")


def is_month(text: str) -> bool:
    """Whether this is a month (YYYY-MM) of the last century or this one; there are no others."""
    return bool(re.fullmatch(r"(19|20)\d\d-(0[1-9]|1[0-2])", text))


def span(workspace: Workspace, month: str) -> Span:
    """The span of a month; Invalid (422) where `month` is no YYYY-MM."""
    if not is_month(month):
        raise Invalid({"month": [f"“{month}” is no month: write it as 2026-10."]})
    zone = zone_of(workspace)
    first = datetime.datetime(int(month[:4]), int(month[5:]), 1, tzinfo=zone)
    following = datetime.datetime(*_next(first.year, first.month), 1, tzinfo=zone)
    return Span(first.astimezone(datetime.UTC), following.astimezone(datetime.UTC))


def first_instant(day: datetime.date, zone: datetime.tzinfo) -> datetime.datetime:
    """The first instant of a day by the wall clock, in UTC."""
    return datetime.datetime.combine(day, datetime.time.min, zone).astimezone(datetime.UTC)


def before(month: str) -> str:
    """The month before a YYYY-MM."""
    year, number = int(month[:4]), int(month[5:])
    return f"{year - (number == 1):04d}-{(number - 2) % 12 + 1:02d}"


def start_of(workspace: Workspace, instant: datetime.datetime) -> datetime.datetime:
    """First instant of the month in which `instant` falls."""
    return span(workspace, month_of(workspace, instant)).start


def _next(year: int, month: int) -> tuple[int, int]:
    return (year + 1, 1) if month == 12 else (year, month + 1)
