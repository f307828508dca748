"""Charts whose address carries their numbers."""

from __future__ import annotations

from django.http import Http404, HttpResponse
from django.views.decorators.http import require_safe

from billing import drawn
from projects.access import Right, WorkspaceRequest, workspace_page


@require_safe
@workspace_page(Right.READ)
def chart(request: WorkspaceRequest, name: str) -> HttpResponse:
    """A chart as SVG, kept by browsers under its address."""
    try:
        picture = drawn.svg(request.membership.workspace, name, request.GET.get("of", ""))
    except drawn.Unsigned:
        raise Http404("This address draws nothing here; reload the page that it stands in.") from None
    answer = HttpResponse(picture, content_type="image/svg+xml")
    answer["Cache-Control"] = "private, max-age=31536000, immutable"
    return answer
