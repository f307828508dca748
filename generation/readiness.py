"""`/readyz`: whether everything behind the web server is ready, for operators and load balancers."""

from __future__ import annotations

import datetime

from django.conf import settings
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.db.models import Min, Q
from django.http import HttpRequest, JsonResponse
from django.urls import path
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from generation.models import Canary, Run
from generation.models.runs import Lane

WATCHED = (Lane.SUBMIT, Lane.POLL, Lane.COLLECT, Lane.HOLD)
PATIENCE_SWEEPS = 5
"""A lane whose oldest due run has waited for this many sweeps is not being drained."""


@require_safe
@never_cache
def ready(request: HttpRequest) -> JsonResponse:
    """200 when database, workers and lanes are well, else 503; each part says what is wrong with it."""
    now = timezone.now()
    try:
        parts = {"database": schema(), "workers": workers(now=now), "lanes": overdue(now=now)}
    except DatabaseError as error:
        parts = {"database": f"unreachable: {type(error).__name__}"}
    return JsonResponse(parts, status=200 if set(parts.values()) == {"ok"} else 503)


def schema() -> str:
    executor = MigrationExecutor(connection)
    missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
    return f"{len(missing)} migrations are missing: run manage.py migrate" if missing else "ok"


def workers(*, now: datetime.datetime) -> str:
    """Well when some group of workers took a task within `CANARY_SECONDS`."""
    since = now - datetime.timedelta(seconds=settings.CANARY_SECONDS)
    if Canary.objects.filter(stamped_at__gte=since).exists():
        return "ok"
    return f"no worker took a task for {settings.CANARY_SECONDS} s: run manage.py work"


def overdue(*, now: datetime.datetime) -> str:
    """Well when no lane's oldest due run waits longer than `PATIENCE_SWEEPS` sweeps."""
    patience = datetime.timedelta(seconds=PATIENCE_SWEEPS * settings.SWEEP_SECONDS)
    free = Q(leased_until__isnull=True) | Q(leased_until__lt=now)
    due = Run.objects.filter(free, lane__in=WATCHED, due_at__lt=now - patience)
    oldest = due.values_list("lane").annotate(Min("due_at")).order_by("lane")
    return "; ".join(f"{lane} waits since {at:%Y-%m-%d %H:%M:%S} UTC" for lane, at in oldest) or "ok"


urlpatterns = [path("readyz", ready, name="readyz")]
