"""One time for all hosts: the database's. A host whose clock is off counts by it all the same.

Leases, due times, webhooks' ages, the ledger and the event log are compared between hosts, and every instant
in this program comes from `django.utils.timezone.now`. So that one function is aligned here: how far this
host and the database are apart is measured whenever a connection opens, and added where it matters.
`manage.py doctor` still compares the host's own clock (`host_now`) and says when it is off.
"""

from __future__ import annotations

import datetime
from typing import Any

from django.db.backends.signals import connection_created
from django.utils import timezone

LEAST = datetime.timedelta(seconds=2)
"""A smaller difference is left alone: it harms nothing, and over a busy network nothing finer is known."""

_ahead = datetime.timedelta()


def host_now() -> datetime.datetime:
    """By the clock of this host alone."""
    return datetime.datetime.now(datetime.UTC)


def now() -> datetime.datetime:
    """By the database's clock, as far as this process knows it."""
    return host_now() + _ahead


now.__module__ = timezone.__name__  # as which migrations name it, where it is a default


def align() -> None:
    """From now on `timezone.now()` is `now()` in this process, and every new connection measures anew."""
    timezone.now = now  # looked up with each call by everybody here
    connection_created.connect(_measure, dispatch_uid="circletake.clock")


def _measure(connection: Any, **kwargs: Any) -> None:
    """Past Django's cursor: this is no query of a page, and must not begin a transaction."""
    global _ahead
    begun = host_now()
    row = connection.connection.execute("SELECT clock_timestamp()").fetchone()
    ended = host_now()
    there = row[0] if row[0].tzinfo else row[0].replace(tzinfo=datetime.UTC)
    ahead = there - (begun + (ended - begun) / 2)
    _ahead = ahead if abs(ahead) > max(LEAST, ended - begun) else datetime.timedelta()
