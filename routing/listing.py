"""The catalogue as its page and the API list it: filtered rows with price, health and what they can do."""

from __future__ import annotations

import dataclasses
import datetime
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from django.db.models import Case, Q, QuerySet, When

from billing import prices
from billing.models import PriceRow
from projects.models import Membership, Workspace
from routing import endings, health
from routing.brief import Health, Step
from routing.forms import KIND_WORDS
from routing.models import CatalogueModel
from routing.pricing import compute_units, is_video
from routing.words import plural

#: Capabilities that are shown as a word where the model has them.
KNOBS = {
    "seed": "Seed",
    "guidance": "Guidance",
    "motion": "Motion",
    "audio": "Sound",
    "negative_prompt": "Negative prompt",
    "last_frame": "Last frame",
    "mask": "Mask",
}


#: Nobody has written down how these are asked.
UNKNOWN = Q(capabilities__parameters_known=False)

#: Kinds whose compute units are defined; the others are listed without.
PRICED_KINDS = ("text", "judge", "image", "edit", "video", "image-to-video", "upscale")


@dataclasses.dataclass(frozen=True)
class Listed:
    """One model as it is listed. `price` is the workspace's row in force; None: not eligible. Neither is one
    that is not `askable`, because nobody has written down its parameters."""

    model: CatalogueModel
    price: PriceRow | None
    health: Health
    until: datetime.date | None
    retired: bool
    does: tuple[str, ...]
    able: tuple[str, ...]
    compute: str
    askable: bool


def rows(
    membership: Membership, filters: Mapping[str, Any], *, today: datetime.date
) -> QuerySet[CatalogueModel]:
    """The models that the filters leave: those that can be asked first, then by provider and name.

    `filters` are CatalogueFilter's data.
    """
    found = CatalogueModel.objects.visible_to(membership)
    words = str(filters.get("q") or "").split()
    for word in words:
        found = found.filter(Q(name__icontains=word) | Q(key__icontains=word) | Q(vendor__icontains=word))
    if kind := filters.get("kind"):
        found = found.filter(kinds__contains=[kind])
    for name in ("tier", "provider"):
        if value := filters.get(name):
            found = found.filter(**{name: value})
    left = _in_state(found, str(filters.get("state") or ""), membership, today)
    return left.order_by(Case(When(UNKNOWN, then=1), default=0), "provider", "name", "key")


def listed(workspace: Workspace, models: Iterable[CatalogueModel], *, now: datetime.datetime) -> list[Listed]:
    """The models with price and health, in four queries whatever their number."""
    models = list(models)
    keys = [model.key for model in models]
    in_force = prices.in_force(workspace, keys, now)
    healths = health.facts(workspace, keys, now=now)
    ends = endings.of(workspace, {model.key: model for model in models})
    return [
        Listed(
            model=model,
            price=in_force.get(model.key),
            health=healths[model.key],
            until=ends[model.key].until,
            retired=is_over(ends[model.key], now.date()),
            does=tuple(KIND_WORDS.get(kind, kind) for kind in model.kinds),
            able=tuple(_able(model.capabilities)),
            compute=_compute(model),
            askable=model.capabilities.get("parameters_known") is not False,
        )
        for model in models
    ]


def is_over(ending: endings.Ending, today: datetime.date) -> bool:
    return ending.retired or (ending.until is not None and ending.until < today)


def _in_state(
    found: QuerySet[CatalogueModel], state: str, membership: Membership, today: datetime.date
) -> QuerySet[CatalogueModel]:
    if state == "all":
        return found
    over = endings.ended(membership.workspace, today)
    if state == "retired":
        return found.filter(over)
    found = found.exclude(over)
    priced = PriceRow.objects.visible_to(membership).values("model_key")
    if state == "usable":
        return found.filter(key__in=priced).exclude(UNKNOWN)
    if state == "priced":
        return found.filter(key__in=priced)
    return found.exclude(key__in=priced) if state == "unpriced" else found


def _compute(model: CatalogueModel) -> str:
    """The compute units of its first kind, in words: a picture, or a second of video.

    Of a workspace's own models they are not known.
    """
    if model.workspace_id is not None:
        return ""
    kind = model.kinds[0] if model.kinds else ""
    sources = model.capabilities.get("sources", [])
    step = Step(
        key=kind,
        kind=kind,
        duration_seconds=Decimal(1),
        source="video" if sources == ["video"] else "",
    )
    if kind not in PRICED_KINDS:
        return ""
    units = compute_units(step)
    words = "compute unit" if units == 1 else "compute units"
    return f"{units:,} {words}{' a second' if is_video(step) else ''}" if units else ""


def _able(able: Mapping[str, Any]) -> Iterable[str]:
    """What sets the model apart, in short words."""
    for knob, word in KNOBS.items():
        if able.get(knob):
            yield word
    if able.get("references"):
        yield plural(able["references"], "reference")
    if any(sign.isdigit() for sign in str(able.get("resolution", ""))):
        yield str(able["resolution"])
    if able.get("max_seconds"):
        yield f"up to {able['max_seconds']} s"
