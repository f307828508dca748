"""The files of a deliverable as a ZIP with sensible names, streamed in constant memory."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import io
import uuid
import zipfile
from collections.abc import Iterator, Sequence

from billing import months
from generation.media import store
from projects.models import Asset, Deliverable, TakeAsset
from projects.models.takes import TakeMark

CHUNK = 1024 * 1024
SUFFIXES = {
    "image/png": "png",
    "image/jpeg": "jpg",
    "image/webp": "webp",
    "video/mp4": "mp4",
    "video/webm": "webm",
    "text/plain": "txt",
}


class _Spool(io.RawIOBase):
    """Collects what the ZIP writer writes until it is taken away."""

    def __init__(self) -> None:
        self.pieces: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, piece: object) -> int:
        content = bytes(piece)  # type: ignore[call-overload]
        self.pieces.append(content)
        return len(content)

    def taken(self) -> bytes:
        found, self.pieces = b"".join(self.pieces), []
        return found


@dataclasses.dataclass(frozen=True)
class Packed:
    """One file of a ZIP: its name there, its name in the store, and when it was made."""

    name: str
    stored: str
    at: datetime.datetime


def files_of(deliverable: Deliverable, *, accepted_only: bool = False) -> list[Packed]:
    """Each result of the deliverable, by take number; times are the workspace's."""
    rows = TakeAsset.objects.filter(take__deliverable=deliverable, role=TakeAsset.Role.OUTPUT)
    if accepted_only:
        rows = rows.filter(take__mark=TakeMark.ACCEPTED)
    rows = rows.select_related("take", "asset").order_by("take__number", "position")
    zone = months.zone_of(deliverable.workspace)
    return [
        Packed(
            _name(deliverable, row),
            row.asset.name,
            (row.take.ended_at or row.take.requested_at).astimezone(zone),
        )
        for row in rows
        if row.asset.name
    ]


def zipped(files: Sequence[Packed]) -> Iterator[bytes]:
    """The ZIP, piece by piece; media is compressed already and is stored as it is.

    A file whose bytes are gone is named in MISSING.txt.
    """
    spool, missing = _Spool(), []
    with zipfile.ZipFile(spool, "w", zipfile.ZIP_STORED) as packed:
        for file in files:
            try:
                source = store.open(file.stored)
            except FileNotFoundError:
                missing.append(file.name)
                continue
            entry = zipfile.ZipInfo(file.name, file.at.timetuple()[:6])
            with contextlib.closing(source), packed.open(entry, "w", force_zip64=True) as target:
                while piece := source.read(CHUNK):
                    target.write(piece)
                    yield spool.taken()
            yield spool.taken()
        if missing:
            packed.writestr("MISSING.txt", "\n".join(missing))
    yield spool.taken()


def name_of(asset: Asset, take: str) -> str:
    """`lumen-winter-light-spot-1-take-05.mp4`; without the id of a take, of the first that shows the file.

    Empty where no take shows it.
    """
    rows = TakeAsset.objects.filter(asset=asset, role__in=(TakeAsset.Role.OUTPUT, TakeAsset.Role.STEP))
    with contextlib.suppress(ValueError):
        rows = rows.filter(take=uuid.UUID(take))
    row = (
        rows.select_related("take__deliverable__campaign__project")
        .order_by("take__requested_at", "pk")
        .first()
    )
    if row is None:
        return ""
    deliverable = row.take.deliverable
    campaign = deliverable.campaign
    words = "-".join([campaign.project.key, campaign.key, deliverable.key, f"take-{row.take.number:02}"])
    plain = words.replace("/", "-").replace("\\", "-")
    return f"{plain}.{SUFFIXES.get(asset.media_type, 'bin')}"


def _name(deliverable: Deliverable, row: TakeAsset) -> str:
    """`spot-1_take-05_hero_signed-off.mp4`"""
    parts = [deliverable.key, f"take-{row.take.number:02}", row.take.phase]
    if row.take.mark == TakeMark.ACCEPTED:
        parts.append("signed-off")
    if row.position:
        parts.append(str(row.position + 1))
    plain = "_".join(parts).replace("\\", "-")
    return f"{plain}.{SUFFIXES.get(row.asset.media_type, 'bin')}"
