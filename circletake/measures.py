"""Counts of web requests, for Prometheus: over all web processes of this host, in files that they share.

`manage.py web` names an empty folder in PROMETHEUS_MULTIPROC_DIR before the server starts; each process then
keeps its counts in a file there, and whichever is asked adds all of them up. Without that folder (a test, a
development server) the process counts for itself.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import MutableMapping
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

FOLDER = "PROMETHEUS_MULTIPROC_DIR"
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
OWN = CollectorRegistry()
REQUESTS = Counter(
    "circletake_requests_total",
    "Web requests by route, method and class of status.",
    ["route", "method", "status"],
    registry=OWN,
)
SECONDS = Histogram(
    "circletake_request_seconds",
    "How long web requests took, by route.",
    ["route"],
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10),
    registry=OWN,
)
WEBHOOKS = Counter(
    "circletake_webhooks_total", "Webhooks received, by outcome.", ["provider", "outcome"], registry=OWN
)
OUTCOMES = {200: "taken", 401: "rejected", 404: "no such call", 413: "too large"}


def count(*, route: str, method: str, status: int, seconds: float, provider: str = "") -> None:
    """Counts one request. `route` is a name of the URLconf, so that there are only so many; else `none`.

    `provider` is given for webhooks alone, and only where there is such a provider.
    """
    SECONDS.labels(route).observe(seconds)
    REQUESTS.labels(route, method if method in METHODS else "other", f"{status // 100}xx").inc()
    if provider:
        WEBHOOKS.labels(provider, OUTCOMES.get(status, "failed")).inc()


def text() -> bytes:
    """What the web processes of this host have counted, in Prometheus' text format."""
    if not os.environ.get(FOLDER):
        return generate_latest(OWN)
    everybody = CollectorRegistry()
    MultiProcessCollector(everybody)  # type: ignore[no-untyped-call]
    return generate_latest(everybody)


def begin(data_dir: Path, environment: MutableMapping[str, str]) -> None:
    """Before the web server starts: an empty folder, so that its processes begin anew at nought."""
    folder = data_dir / "metrics"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    environment[FOLDER] = str(folder)
