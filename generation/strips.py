"""The strip of takes and the viewer over it: which take is shown, where keys lead, when it has changed."""

from __future__ import annotations

import dataclasses
import datetime
import urllib.parse
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from django.db.models import Exists, OuterRef
from django.urls import reverse
from django.utils import timezone

from generation.canonical import digest
from generation.hero_records import TAKEN_BACK
from generation.models import Run
from generation.models.runs import RunState
from projects.models import Asset, Deliverable, Phase, Rendition, Take, TakeAsset
from projects.models.takes import TAKES_IN_FLIGHT, TakeMark, TakeState
from projects.plain import whole_number

#: Which of a take's files is shown: its result, else what its last step brought.
SHOWN_ROLES = (TakeAsset.Role.OUTPUT, TakeAsset.Role.STEP)
#: What the desk shows by itself when it comes: a result, or why there is none.
ENDED = (TakeState.READY, TakeState.FAILED, TakeState.STOPPED_BY_BUDGET)
#: What one would rather compare with, the best first.
PARTNERS = (TakeMark.ACCEPTED, TakeMark.SELECTED, TakeMark.NONE, TakeMark.REJECTED)

#: A still that is not there by then is not waited for: its worker has given up.
DRAWN_WITHIN = datetime.timedelta(minutes=10)
#: Seconds between two questions of an open desk, by what it waits for.
POLL_RUNNING, POLL_DRAWING, POLL_DECIDING = 2, 4, 10

Row = Mapping[str, Any]


@dataclasses.dataclass(frozen=True)
class Move:
    """Where a key of the strip leads; an empty address is shown among the keys and does nothing."""

    key: str
    label: str
    href: str


def rows(
    deliverable: Deliverable, *, current: int | None, beside: int | None, slug: str
) -> list[dict[str, Any]]:
    """The thumbnails of all takes by number; those in flight with their progress."""
    drawn = Rendition.objects.filter(asset=OuterRef("poster"), kind=Rendition.Kind.THUMBNAIL)
    found = Take.objects.filter(deliverable=deliverable).select_related("poster").order_by("number")
    lost = Run.objects.filter(take=OuterRef("pk"), state=RunState.UNKNOWN)
    found = found.annotate(drawn=Exists(drawn), lost=Exists(lost))
    base = address(deliverable, slug)
    format_key = deliverable.format.key if deliverable.format else "16x9"
    return [_thumbnail(row, base, slug, format_key, current, beside) for row in found]


def address(deliverable: Deliverable, slug: str, **query: Any) -> str:
    """The desk's address; parts of the query that are None are left out."""
    base = reverse("generation:desk", args=[slug, deliverable.pk])
    given = {name.rstrip("_"): value for name, value in query.items() if value is not None}
    return f"{base}?{urllib.parse.urlencode(given)}" if given else base


def chosen(deliverable: Deliverable, number: str | None) -> Take | None:
    """The take of this number, else the newest that has ended, else the newest."""
    found = Take.objects.filter(deliverable=deliverable).select_related(
        "poster", "workspace", "requested_by", "deliverable__category", "deliverable__workspace"
    )
    if number and (wanted := whole_number(number)) is not None:
        return found.filter(number=wanted).first()
    ended = found.filter(state__in=ENDED).order_by("-number").first()
    return ended or found.order_by("-number").first()


def moves(takes: Sequence[Row], *, current: int, beside: int | None, base: str) -> list[Move]:
    """The keys of the strip, each with where it leads from the take in the viewer."""
    at = next((index for index, row in enumerate(takes) if row["number"] == current), 0)
    before = takes[at - 1] if at else None
    after = takes[at + 1] if at + 1 < len(takes) else None
    found = [
        Move("a", "Previous take", before["href"] if before else ""),
        Move("d", "Next take", after["href"] if after else ""),
        Move("r", "Newest take, and follow what comes", base),
        Move("e", "Take signed off last", _last(takes, lambda row: row["mark"] == TakeMark.ACCEPTED)),
        Move("h", "Hero take", _last(takes, _is_hero)),
    ]
    partner = compared_with(takes, current)
    if beside is None and partner is not None:
        found.append(Move("m", "Next way to compare", f"{base}?take={current}&with={partner}"))
    return found


def compared_with(takes: Sequence[Row], current: int) -> int | None:
    """The take that one would compare with: signed off, selected, else the nearest that is ready."""
    ready = [row for row in takes if row["state"] == TakeState.READY and row["number"] != current]
    best = min(
        ready,
        key=lambda row: (PARTNERS.index(row["mark"]), abs(row["number"] - current)),
        default=None,
    )
    return best["number"] if best else None


def seconds_to_poll(takes: Sequence[Row], undecided: Sequence[str]) -> int:
    """How often the strip asks for news: while takes run, stills are drawn, a manager decides; else 0."""
    if any(row["in_flight"] and not row["lost"] for row in takes):
        return POLL_RUNNING
    if any(row["being_drawn"] for row in takes):
        return POLL_DRAWING
    return POLL_DECIDING if undecided or any(row["lost"] for row in takes) else 0


def fingerprint(takes: Sequence[Row], shown: Sequence[Any]) -> str:
    """Changes when more than the progress of takes has changed; `shown` is what the viewer says."""
    told = ("number", "state", "mark", "starred", "being_drawn", "lost")
    parts = [[row[name] for name in told] for row in takes]
    return digest({"takes": parts, "shown": [str(part) for part in shown]})[:12]


def viewer(take: Take, *, slug: str) -> dict[str, Any] | None:
    """Address, poster and size of what the take shows; None while there is nothing."""
    return viewers([take], slug=slug).get(take.pk)


def viewers(takes: Sequence[Take], *, slug: str) -> dict[Any, dict[str, Any]]:
    """What each of these takes shows, by its id, in one query; a take that shows nothing is left out."""
    files = (
        TakeAsset.objects.filter(take__in=takes, role__in=SHOWN_ROLES)
        .exclude(asset__kind=Asset.Kind.TEXT)
        .exclude(asset__name="")
        .select_related("asset")
        .order_by("take", "role", "-position")
    )
    best: dict[Any, Asset] = {}
    for file in files:  # "output" sorts before "step"
        best.setdefault(file.take_id, file.asset)
    return {take.pk: _shown(take, best[take.pk], slug) for take in takes if take.pk in best}


def media(slug: str, asset: Asset, kind: str) -> str:
    """The address of a file, or of one of its renditions."""
    if not kind:
        return reverse("generation:asset", args=[slug, asset.pk])
    return reverse("generation:rendition", args=[slug, asset.pk, kind])


def _shown(take: Take, file: Asset, slug: str) -> dict[str, Any]:
    moving = file.kind == Asset.Kind.VIDEO
    return {
        "kind": file.kind,
        "src": media(slug, file, "proxy" if moving else ""),
        "original": media(slug, file, ""),
        "poster": media(slug, file, "poster") if moving else "",
        "width": file.width,
        "height": file.height,
        "seconds": file.duration_seconds,
        "label": f"Take {take.number}",
    }


def taken_back(take: Take) -> bool:
    """Whether the take was not made because its approval was taken back."""
    return take.state == TakeState.CANCELLED and take.failure == TAKEN_BACK


def _is_hero(row: Row) -> bool:
    return bool(row["phase"] == Phase.HERO and row["state"] != TakeState.CANCELLED)


def _last(takes: Sequence[Row], fits: Callable[[Row], bool]) -> str:
    return next((row["href"] for row in reversed(takes) if fits(row)), "")


def _being_drawn(row: Any) -> bool:
    """Whether the still of a moving picture is yet to come; a still picture is shown as it is till then."""
    ended = row.ended_at is not None and timezone.now() - row.ended_at < DRAWN_WITHIN
    return bool(ended and not row.drawn and row.poster.kind == Asset.Kind.VIDEO)


def _is_lost(row: Any) -> bool:
    """Whether nobody knows what became of what was sent for it."""
    return bool(row.lost and row.state in TAKES_IN_FLIGHT)


def _thumbnail(
    row: Take, base: str, slug: str, format_key: str, current: int | None, beside: int | None
) -> dict[str, Any]:
    has_picture = row.poster is not None and bool(row.poster.name)
    being_drawn = has_picture and _being_drawn(row)
    thumbnail = media(slug, row.poster, "thumbnail") if has_picture and row.poster else ""
    compared = f"&with={beside}" if beside not in (None, row.number) else ""
    return {
        "href": f"{base}?take={row.number}{compared}",
        "number": row.number,
        "thumbnail": f"{thumbnail}?early" if being_drawn else thumbnail,
        "being_drawn": being_drawn,
        "undone": taken_back(row),
        "alt": f"Take {row.number}",
        "format": format_key,
        "kind": row.poster.kind if row.poster else "image",
        "seconds": row.poster.duration_seconds if row.poster else None,
        "state": row.state,
        "mark": row.mark,
        "phase": row.phase,
        "starred": row.starred,
        "progress": int(row.progress * 100),
        "current": row.number == current,
        "beside": row.number == beside,
        "in_flight": row.state in TAKES_IN_FLIGHT,
        "lost": _is_lost(row),
    }
