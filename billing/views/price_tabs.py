"""What the pages about prices share: their tabs, and the address of a model's history."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.urls import reverse

from projects.models import Workspace

PAGES = (
    ("Prices", "billing:prices"),
    ("Exchange rates", "billing:rates"),
    ("Credits", "billing:credits"),
    ("Agreements", "billing:agreements"),
)


def tabs(workspace: Workspace, current: str) -> list[dict[str, Any]]:
    return [
        {"label": label, "href": reverse(name, args=[workspace.slug]), "current": label == current}
        for label, name in PAGES
    ]


def history_address(workspace: Workspace, model_key: str) -> str:
    address = reverse("billing:price_history", args=[workspace.slug])
    return f"{address}?{urlencode({'model': model_key})}"
