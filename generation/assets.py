"""Files that people bring: looked into before they are believed, and kept by their content."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

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


class StorageAway(Refused):
    """The storage cannot be reached or refuses us; nothing was kept."""

    status = 503
    title = "This file cannot be kept now"


def keep(*, workspace: Workspace, source: Readable | Path) -> Asset:
    """Decodes and stores a picture or video; the same bytes again give the same asset.

    Raises BadFile in plain words, NoRoom or StorageAway; a file that is refused is not kept.
    """
    try:
        with store.arrived(source) as arriving:
            arriving.require_content()
            known = Asset.objects.filter(workspace=workspace, sha256=arriving.sha256).first()
            found = None if known else probe.probe(arriving.path, sha256=arriving.sha256)
            stored = arriving.keep()
    except limits.StorageFull as full:
        raise NoRoom(full.strerror or str(full), remedy="Tell the operator; then send it again.") from None
    except limits.StorageTrouble as away:
        raise StorageAway(f"Waiting for {away.waits_for}.", remedy="Send it again in a while.") from None
    except limits.MalformedMedia as bad:
        raise BadFile(str(bad), remedy="Send a PNG, JPEG, WebP, MP4 or WebM.") from None
    return known or row_of(workspace=workspace, found=cast(probe.Probe, found), name=stored.name)


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
