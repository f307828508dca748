"""Thumbnails, posters and proxies of files: asked for here, made in the render lane, shown by pages."""

from __future__ import annotations

import datetime
from collections.abc import Iterable

from circletake import bells
from generation.models import SketchJob
from projects.models import Asset

MODEL = "renditions"
KIND = "renditions"


def ask_for(assets: Iterable[Asset], *, now: datetime.datetime) -> None:
    """Asks for the renditions of these files, once for each; whoever asks does not wait for them."""
    made = SketchJob.objects.bulk_create(
        [
            SketchJob(
                token=f"renditions:{asset.pk}",
                model=MODEL,
                kind=KIND,
                request={"asset": str(asset.pk)},
                not_before=now,
            )
            for asset in assets
            if asset.name and asset.kind in (Asset.Kind.IMAGE, Asset.Kind.VIDEO)
        ],
        ignore_conflicts=True,
    )
    if made:
        bells.ring(bells.RENDER)
