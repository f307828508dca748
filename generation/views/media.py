"""Stored files over HTTP, to members of their workspace alone."""

from __future__ import annotations

import uuid

from django.http import Http404, HttpResponseBase
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_safe

from generation.media import serving, store
from projects.access import Right, WorkspaceRequest, workspace_page
from projects.models import Asset, Rendition

SUFFIXES = {
    "image/png": "png",
    "image/jpeg": "jpg",
    "image/webp": "webp",
    "video/mp4": "mp4",
    "video/webm": "webm",
    "text/plain": "txt",
}


@require_safe
@workspace_page(Right.READ)
def asset(request: WorkspaceRequest, asset_id: uuid.UUID) -> HttpResponseBase:
    """The file itself; `?download` names it as an attachment."""
    row = get_object_or_404(Asset.objects.visible_to(request.membership), pk=asset_id)
    return serve(request, row, attachment="download" in request.GET)


@require_safe
@workspace_page(Right.READ)
def rendition(request: WorkspaceRequest, asset_id: uuid.UUID, kind: str) -> HttpResponseBase:
    """The re-encoded form that pages show; until it is made, pictures are served as they are."""
    row = get_object_or_404(Asset.objects.visible_to(request.membership), pk=asset_id)
    made = Rendition.objects.filter(asset=row, kind=kind).first()
    if made is None:
        if row.kind == Asset.Kind.IMAGE or kind == Rendition.Kind.PROXY:
            return serve(request, row)
        raise Http404("This picture is still being made.")
    return _response(request, made.name, made.media_type, f"{row.sha256}-{kind}", f"{kind}")


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
    try:
        file = store.open(name)
    except (FileNotFoundError, ValueError):
        raise Http404("This file is no longer here: only its record was kept.") from None
    return serving.range_response(
        request, file, media_type=media_type, filename=filename, etag=etag, attachment=attachment
    )
