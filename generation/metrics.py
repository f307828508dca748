"""/metrics: figures for Prometheus, of the whole installation from the database, of this host's web server.

Off unless METRICS_TOKEN or METRICS_FROM says who may read it. Labels are names of the catalogue, of states
and of lanes, never of workspaces, people or files, so their number is bounded.
"""

from __future__ import annotations

import hmac
import ipaddress
from collections.abc import Iterator

from django.conf import settings
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse, HttpResponseNotFound
from django.urls import path
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from circletake import measures
from generation import engine_metrics

TEXT = "text/plain; version=0.0.4; charset=utf-8"


class _Database(Collector):
    """Asked at each scrape: the figures that the database holds."""

    def collect(self) -> Iterator[Metric]:
        yield from engine_metrics.all_of_them(now=timezone.now())


@require_safe
@never_cache
def metrics(request: HttpRequest) -> HttpResponse:
    """Everything in Prometheus' text format; 404 for who may not read it, as if it were not there."""
    if not may_read(request):
        return HttpResponseNotFound()
    registry = CollectorRegistry()
    registry.register(_Database())
    try:
        told = generate_latest(registry)
    except DatabaseError:
        told = b"# the database does not answer\n"
    return HttpResponse(measures.text() + told, content_type=TEXT)


def may_read(request: HttpRequest) -> bool:
    """Who has the token, or comes from an address that METRICS_FROM names; nobody where neither is set."""
    token: str = settings.METRICS_TOKEN
    given = request.headers.get("Authorization", "").removeprefix("Bearer ").strip()
    if token and hmac.compare_digest(given.encode(), token.encode()):
        return True
    if "X-Forwarded-For" in request.headers:  # a proxy's own address says nothing about who asks
        return False
    try:
        address = ipaddress.ip_address(request.META.get("REMOTE_ADDR", ""))
        return any(address in ipaddress.ip_network(net, strict=False) for net in settings.METRICS_FROM)
    except ValueError:
        return False


urlpatterns = [path("metrics", metrics, name="metrics")]
