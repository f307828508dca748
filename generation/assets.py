"""Files that people bring: looked into before they are believed, and kept by their content."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from generation.media import limits, probe, store
from generation.media.store import Readable
from projects.models import Asset, Workspace
from projects.problems import Refused


class BadFile(Refused):
    """The file is no sound picture or video within the limits; nothing was kept."""

    status = 422
    title = "This file cannot be used"


class NoRoom(Refused):
    """The storage is full; nothing was kept."""

    status = 507
    title = "There is no room for this file"


def keep(*, workspace: Workspace, source: Readable | Path) -> Asset:
    """Stores and decodes a picture or video; the same bytes again give the same asset.

    Raises BadFile in plain words, or NoRoom; a file that is refused is not kept.
    """
    try:
        stored = store.put(source)
    except limits.StorageFull as full:
        raise NoRoom(full.strerror or str(full), remedy="Tell the operator; then send it again.") from None
    except limits.MalformedMedia as bad:
        raise BadFile(str(bad), remedy="Send a PNG, JPEG, WebP, MP4 or WebM.") from None
    known = Asset.objects.filter(workspace=workspace, sha256=stored.sha256).first()
    if known:
        return known
    try:
        with store.local(stored.name) as path:
            found = probe.probe(path, sha256=stored.sha256)
    except limits.MalformedMedia as bad:
        _forget(stored.name, stored.sha256)
        raise BadFile(str(bad), remedy="Send a PNG, JPEG, WebP, MP4 or WebM.") from None
    return row_of(workspace=workspace, found=found, name=stored.name)


def row_of(*, workspace: Workspace, found: probe.Probe, name: str) -> Asset:
    """The asset row of a probed file; two at once make one row."""
    values: dict[str, Any] = {
        "kind": found.kind,
        "media_type": found.media_type,
        "size_bytes": found.size_bytes,
        "width": found.width,
        "height": found.height,
        "duration_seconds": found.duration_seconds,
        "name": name,
    }
    row, _ = Asset.objects.get_or_create(workspace=workspace, sha256=found.sha256, defaults=values)
    return row


def _forget(name: str, sha256: str) -> None:
    """Removes refused bytes, unless another workspace keeps the same ones."""
    if not Asset.objects.filter(sha256=sha256).exists():
        store.delete(name)
