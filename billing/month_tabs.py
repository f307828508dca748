"""The pages about one month, as tabs under its name."""

from __future__ import annotations

from typing import Any

from django.urls import reverse

from projects.models import Workspace

PAGES = {
    "month": "Month",
    "month_variance": "Variance",
    "month_bridge": "Bridge",
    "month_pace": "Lead time and takes",
    "month_campaigns": "Roll-forward",
    "month_prior": "Earlier months",
    "month_exceptions": "Exceptions",
}


def tabs(workspace: Workspace, month: str, current: str) -> list[dict[str, Any]]:
    """One tab for each page; `current` is the name of an address."""
    return [
        {
            "label": label,
            "href": reverse(f"billing:{name}", args=[workspace.slug, month]),
            "current": name == current,
        }
        for name, label in PAGES.items()
    ]
