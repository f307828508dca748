"""Who reads what of the demo, and how many queries each page takes; needs Django set up."""

from __future__ import annotations

import datetime
import time

from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from bench.pages import CAMPAIGN
from bench.readers import Page, Writes
from billing import month_sums, pot_days, spend_days
from generation.demo import cast
from projects.models import Campaign, Deliverable, Person, Take, Touch

SETTLES_SECONDS = 1800
W = f"/w/{cast.SLUG}/"
STARRED = 64
OPEN = "map-still"
"""A deliverable of both sizes that is being worked on: drafts with pictures, and a price on its button."""


def pages() -> tuple[list[Page], Writes]:
    """The pages with whoever reads them, and the writes that come between."""
    ana, dario, farah = (session(one.email) for one in (cast.ANA, cast.DARIO, cast.FARAH))
    campaign = Campaign.objects.get(workspace__slug=cast.SLUG, project__key="halden", key="catalogue")
    desk = Deliverable.objects.get(workspace__slug=cast.SLUG, campaign__key="first-snow", key=OPEN)
    takes = Take.objects.filter(deliverable__campaign=campaign).order_by("pk")[:STARRED]
    last_month = timezone.localdate().replace(day=1) - datetime.timedelta(days=1)
    found = [
        Page("home", W, ana),
        Page("board", W + CAMPAIGN, ana),
        Page("take desk", f"{W}deliverables/{desk.pk}/", ana),
        Page("approvals", f"{W}approvals/", dario),
        Page("queue", f"{W}queue/", dario),
        Page("month", f"{W}month/{last_month:%Y-%m}/", farah),
    ]
    return found, Writes([f"{W}takes/{take.pk}/star/" for take in takes], ana)


def settle() -> None:
    """Waits until nothing of the demo's making is left to do: sums of months and days, the planner's figures.

    Raises TimeoutError where another process holds the notes for too long.
    """
    until = time.monotonic() + SETTLES_SECONDS
    while Touch.objects.exists():
        month_sums.fold()
        time.sleep(0.1)
        if time.monotonic() > until:
            raise TimeoutError("The months of the demo are not added up.")
    pot_days.compact(now=timezone.now())
    spend_days.compact(now=timezone.now())
    with connection.cursor() as cursor:
        cursor.execute("VACUUM (ANALYZE)")


def session(email: str) -> str:
    """A session of a person, as a sign-in leaves it."""
    person = Person.objects.get(email=email)
    store = SessionStore()
    store[SESSION_KEY] = str(person.pk)
    store[BACKEND_SESSION_KEY] = "allauth.account.auth_backends.AuthenticationBackend"
    store[HASH_SESSION_KEY] = person.get_session_auth_hash()
    store.create()
    return str(store.session_key)


def queries(page: Page) -> int:
    """How many statements one reading takes, the session's and the person's included."""
    client = Client(HTTP_HOST="localhost")
    client.cookies["session"] = page.session
    client.get(page.address)
    with CaptureQueriesContext(connection) as seen:
        client.get(page.address)
    return len(seen)
