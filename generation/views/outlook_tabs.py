"""The tabs of the outlook, and how its charts and tables go out."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.urls import reverse

TABS = (
    ("exposure", "Exposure"),
    ("shock", "What if"),
    ("outages", "Outages"),
    ("forecast", "Forecast"),
    ("stability", "Stability"),
    ("evidence", "Evidence for routing"),
)


def tabs(slug: str, current: str) -> list[dict[str, Any]]:
    return [
        {"label": label, "href": reverse(f"generation:{name}", args=[slug]), "current": name == current}
        for name, label in TABS
    ]


def picture(svg: bytes) -> HttpResponse:
    """A chart under the hash of its numbers: browsers keep it."""
    answer = HttpResponse(svg, content_type="image/svg+xml")
    answer["Cache-Control"] = "private, max-age=31536000, immutable"
    return answer
