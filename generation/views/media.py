"""Stored files over HTTP, to members of their workspace alone."""

from __future__ import annotations

import uuid

from django.http import Http404, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import get_object_or_404
from django.utils.http import content_disposition_header
from django.views.decorators.http import require_safe

from generation import packing
from generation.media import limits, serving, store
from generation.packing import SUFFIXES
from projects.access import Right, WorkspaceRequest, workspace_page
from projects.models import Asset, Deliverable, Rendition

BEING_MADE = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 9"><path fill="#777" d="M0 0h16v9H0z"/></svg>'
)


@require_safe
@workspace_page(Right.READ)
def asset(request: WorkspaceRequest, asset_id: uuid.UUID) -> HttpResponseBase:
    """The file itself; `?download`, with the id of a take, names it as an attachment."""
    row = get_object_or_404(Asset.objects.visible_to(request.membership), pk=asset_id)
    wanted = request.GET.get("download")
    if wanted is None:
        return serve(request, row)
    return serve(request, row, attachment=True, filename=packing.name_of(row, wanted))


@require_safe
@workspace_page(Right.READ)
def rendition(request: WorkspaceRequest, asset_id: uuid.UUID, kind: str) -> HttpResponseBase:
    """The re-encoded form that pages show; until it is made, pictures are served as they are."""
    row = get_object_or_404(Asset.objects.visible_to(request.membership), pk=asset_id)
    made = Rendition.objects.filter(asset=row, kind=kind).first()
    if made is None:
        if row.kind == Asset.Kind.IMAGE or kind == Rendition.Kind.PROXY:
            return serve(request, row)
        return _being_made()
    return _response(request, made.name, made.media_type, f"{row.sha256}-{kind}", kind)


@require_safe
@workspace_page(Right.READ)
def files(request: WorkspaceRequest, deliverable_id: uuid.UUID) -> HttpResponseBase:
    """All results of a deliverable as one ZIP, streamed; `?accepted` holds only what was signed off."""
    rows = Deliverable.objects.visible_to(request.membership).select_related("campaign__project")
    deliverable = get_object_or_404(rows, pk=deliverable_id)
    chosen = packing.files_of(deliverable, accepted_only="accepted" in request.GET)
    if not chosen:
        raise Http404("No take of this deliverable has a file yet.")
    response = StreamingHttpResponse(packing.zipped(chosen), content_type="application/zip")
    name = f"{deliverable.campaign.key}-{deliverable.key}.zip"
    response["Content-Disposition"] = content_disposition_header(True, name) or "attachment"
    return response


def _being_made() -> HttpResponse:
    """A grey frame in the place of a still that no worker has made yet; asked for again next time."""
    answer = HttpResponse(BEING_MADE, content_type="image/svg+xml")
    answer["Cache-Control"] = "no-store"
    answer["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return answer


def serve(
    request: WorkspaceRequest, row: Asset, *, attachment: bool = False, filename: str = ""
) -> HttpResponseBase:
    """The bytes of an asset that the caller has checked."""
    suffix = SUFFIXES.get(row.media_type, "bin")
    name = filename or f"{row.sha256[:12]}.{suffix}"
    return _response(request, row.name, row.media_type, row.sha256, name, attachment=attachment)


def _response(
    request: WorkspaceRequest,
    name: str,
    media_type: str,
    etag: str,
    filename: str,
    *,
    attachment: bool = False,
) -> HttpResponseBase:
    signed = serving.redirect(name, media_type=media_type, filename=filename, attachment=attachment)
    if signed is not None:
        return signed
    try:
        file = store.open(name)
    except (FileNotFoundError, ValueError):
        raise Http404("This file is no longer here: only its record was kept.") from None
    except limits.StorageTrouble as trouble:
        return serving.unavailable(trouble)
    return serving.range_response(
        request, file, media_type=media_type, filename=filename, etag=etag, attachment=attachment
    )
