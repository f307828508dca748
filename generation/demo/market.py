"""Which models made the history, and what each call cost when: price rows × exchange rates."""

from __future__ import annotations

import collections
import datetime
import uuid
import zoneinfo
from collections.abc import Mapping
from decimal import Decimal
from typing import NamedTuple

from billing import money
from billing.models import ExchangeRate, PriceRow
from projects.models import Workspace
from routing import catalogue, pricing
from routing.brief import Step

USD = "USD"
FAL = "fal"


class Work(NamedTuple):
    """One step as the history made it: its models in order of choice, pixels, seconds, usual duration."""

    key: str
    kind: str
    stage: str
    models: tuple[str, ...]
    width: int = 1280
    height: int = 720
    film_seconds: Decimal | None = None
    takes_seconds: int = 10


class Price(NamedTuple):
    """What a call costs: in the workspace's currency, natively, and how that came about."""

    amount: Decimal
    native: Decimal
    currency: str
    rate: Decimal
    row: uuid.UUID
    words: str
    units: Decimal | None = None


_SMALL, _FULL = (960, 544), (1280, 720)
_TWO, _FOUR = Decimal(2), Decimal(4)
_SKETCH = Work("image", "image", "generation", ("fal/fal-ai/nano-banana", "bfl/flux-pro-1.1"), *_SMALL)
_MOVE = Work(
    "motion", "image-to-video", "generation",
    ("fal/fal-ai/kling-video/v3/turbo/pro/image-to-video", "runway/gen4_turbo"), *_SMALL, _TWO, 45,
)  # fmt: skip
_CHEAP_MOVE = _MOVE._replace(models=("google/veo-3.1-lite-generate-preview", "kling/kling-2.5-turbo"))
_WORDS = Work("words", "text", "control", ("builtin/wordsmith",), 0, 0, None, 1)
_FACE = _SKETCH._replace(models=("fal/fal-ai/flux-2-pro", "luma/photon-1"))
_JUDGE = Work("judge", "judge", "control", ("builtin/judge",), 0, 0, None, 2)
_PICTURE = Work(
    "image", "image", "generation",
    ("fal/fal-ai/nano-banana-pro", "google/gemini-3-pro-image"), *_FULL, None, 18,
)  # fmt: skip
_FILM = Work(
    "motion", "image-to-video", "generation",
    ("fal/fal-ai/veo3.1/image-to-video", "kling/kling-3.0"), *_FULL, _FOUR, 120,
)  # fmt: skip
_GRAND_FILM = _FILM._replace(models=("fal/kling/v4/image-to-video", "runway/gen4.5"))
_SHARPER = Work(
    "upscale", "upscale", "refinement",
    ("fal/fal-ai/topaz/upscale/image", "recraft/crisp-upscale"), 1920, 1080,
)  # fmt: skip
_SHARPER_FILM = _SHARPER._replace(
    models=("fal/bria/video/increase-resolution", "runway/enhance_frame_rate"), film_seconds=_FOUR
)
_OVERLAY = Work("overlay", "overlay", "refinement", ("builtin/overlay",), 1920, 1080, None, 3)

_STILL_DRAFT = ("draft-image@1", (_SKETCH,))
_FILM_DRAFT = ("draft-video@1", (_SKETCH, _MOVE))
_STILL_HERO = ("hero-still@1", (_PICTURE, _SHARPER, _OVERLAY))
_FILM_HERO = ("hero-film@1", (_PICTURE, _FILM, _SHARPER_FILM, _OVERLAY))
Pipeline = tuple[str, tuple[Work, ...]]
#: Category → pipelines for drafts and for delivery.
PIPELINES: dict[str, tuple[Pipeline, Pipeline]] = {
    "brand-film": (_FILM_DRAFT, ("hero-film@1", (_PICTURE, _GRAND_FILM, _SHARPER_FILM, _OVERLAY))),
    "social-cut": (_FILM_DRAFT, _FILM_HERO),
    "explainer": (("draft-video@1", (_SKETCH, _CHEAP_MOVE)), _FILM_HERO),
    "product-still": (_STILL_DRAFT, _STILL_HERO),
    "character-scene": (("character-draft@1", (_WORDS, _FACE, _JUDGE)), _FILM_HERO),
    "concept-sketch": (_STILL_DRAFT, _STILL_HERO),
}


def models() -> frozenset[str]:
    """Every model that the history names."""
    works = [work for both in PIPELINES.values() for _, steps in both for work in steps]
    return frozenset(model for work in works for model in work.models)


class Market:
    """Prices of calls at an instant, worked out once for each price row, rate and step."""

    def __init__(self, workspace: Workspace) -> None:
        self.currency = workspace.currency
        self.zone = zoneinfo.ZoneInfo(workspace.time_zone)
        self.rows: dict[str, list[PriceRow]] = collections.defaultdict(list)
        for row in PriceRow.objects.filter(workspace=workspace, model_key__in=models()).order_by("starts_at"):
            self.rows[row.model_key].append(row)
        self.rates = {
            (rate.day.year, rate.day.month): rate.rate
            for rate in ExchangeRate.objects.filter(workspace=workspace, currency=USD, day__day=1)
        }
        known = catalogue.models_by_key(workspace, models())
        self.capabilities: Mapping[str, Mapping[str, object]] = {
            key: row.capabilities for key, row in known.items()
        }
        self.tiers = {key: row.tier for key, row in known.items()}
        self._found: dict[tuple[str, Work, uuid.UUID, Decimal], Price] = {}

    def rate(self, currency: str, at: datetime.datetime) -> Decimal:
        """The rate of the month, entered on its first day."""
        if currency == self.currency:
            return Decimal(1)
        local = at.astimezone(self.zone)
        return self.rates[local.year, local.month]

    def price(self, model: str, work: Work, at: datetime.datetime) -> Price:
        row = next(row for row in reversed(self.rows[model]) if row.starts_at <= at)
        rate = self.rate(row.currency, at)
        known = (model, work, row.pk, rate)
        if known not in self._found:
            self._found[known] = self._price(row, work, rate)
        return self._found[known]

    def _price(self, row: PriceRow, work: Work, rate: Decimal) -> Price:
        step = Step(
            key=work.key,
            kind=work.kind,
            stage=work.stage,
            width=work.width or None,
            height=work.height or None,
            duration_seconds=work.film_seconds,
            source="video" if work.kind == "upscale" and work.film_seconds else "",
        )
        price = catalogue.price_fact(row)
        able = self.capabilities.get(row.model_key, {})
        native = pricing.quote(price, step, able).expected
        units = pricing.expected_units(price, step, able)
        words = f"{units.normalize():f} {row.unit} at {row.amount.normalize():f}"
        return Price(money.exchanged(native, rate), native, row.currency, rate, row.pk, words, units)
