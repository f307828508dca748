"""How often a token may call: in all, and with what may spend. A minute is counted at a time.

The settings `API_RATE` and `API_SPEND_RATE` say how often, as `600/min` (or `/s`, `/hour`); empty lifts a
limit. What is counted lies in Redis where there is one, else in each web process by itself.
"""

from __future__ import annotations

import math
import time
from typing import Any

from django.conf import settings
from django.core.cache import caches
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

SECONDS = {"s": 1, "min": 60, "hour": 3600}


class InAll(BaseThrottle):
    """Every call of a token."""

    scope = "all"

    def __init__(self) -> None:
        self.ends_in = 0.0

    def allow_request(self, request: Request, view: Any) -> bool:
        rate = settings.API_RATES[self.scope]
        if not rate or request.auth is None or not self.concerns(request, view):
            return True
        most, seconds = parsed(rate)
        now = time.time()
        window, into = divmod(now, seconds)
        self.ends_in = seconds - into
        key = f"api-{self.scope}-{request.auth.pk}-{window:.0f}"
        caches["api"].add(key, 0, timeout=seconds * 2)
        return bool(caches["api"].incr(key) <= most)

    def concerns(self, request: Request, view: Any) -> bool:
        return True

    def wait(self) -> float:
        """Whole seconds until the next window."""
        return float(math.ceil(self.ends_in))


class Spending(InAll):
    """Calls that may spend money."""

    scope = "spend"

    def concerns(self, request: Request, view: Any) -> bool:
        handler = getattr(view, str(request.method).lower(), None)
        return bool(getattr(handler, "needs_key", False))


def parsed(rate: str) -> tuple[int, int]:
    """How many, in how many seconds; raises ValueError for what is no rate."""
    most, _, unit = rate.partition("/")
    if unit not in SECONDS:
        raise ValueError(f"{rate!r} is no rate: write 600/min, 10/s or 1000/hour.")
    return int(most), SECONDS[unit]
