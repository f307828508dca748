"""Search over deliverables, takes and prompts."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from projects import search as finding
from projects.access import Right, WorkspaceRequest, workspace_page
from projects.models import Asset


@require_safe
@workspace_page(Right.READ)
def search(request: WorkspaceRequest) -> HttpResponse:
    """Deliverables by name, key and brief, takes by prompt; every word must stand there.

    While somebody types, htmx gets what was found alone.
    """
    text = request.GET.get("q", "").strip()[:200]
    found = finding.search(membership=request.membership, text=text)
    slug = request.membership.workspace.slug
    context: dict[str, Any] = {
        "text": text,
        "deliverables": [{"row": row, "picture": _picture(slug, row.poster)} for row in found.deliverables],
        "takes": [{"row": row, "picture": _picture(slug, row.poster)} for row in found.takes],
        "most": finding.MOST,
    }
    part = "#found" if request.headers.get("HX-Request-Type") == "partial" else ""
    return render(request, f"generation/search.html{part}", context)


def _picture(slug: str, poster: Asset | None) -> str:
    return reverse("generation:rendition", args=[slug, poster.pk, "thumbnail"]) if poster else ""
