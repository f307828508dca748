"""Plain rows for the tests of routing: models, tables, briefs and facts without a database."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from routing import document
from routing.brief import Brief, Facts, Model, Price, Step

NOW = datetime.datetime(2026, 11, 21, 12, 0, tzinfo=datetime.UTC)
IMAGE = Step(key="image", kind="image", width=1280, height=720)
MOTION = Step(
    key="motion",
    kind="image-to-video",
    width=1280,
    height=720,
    duration_seconds=Decimal(4),
    source="image",
)
PIPELINES = {"draft-image@1": (IMAGE,), "draft-video@1": (IMAGE, MOTION)}


def model(key: str, amount: str = "0.05", *, kinds: tuple[str, ...] = ("image",), **more: Any) -> Model:
    """A model that costs `amount` EUR a picture and can do `kinds`; `more` are fields of Model."""
    capabilities = {"kinds": kinds, "seed": True, **more.pop("capabilities", {})}
    price = more.pop("price", Price(unit="image", amount=Decimal(amount), currency="EUR"))
    more.setdefault("tier", "speed")
    return Model(key=key, provider=key.partition("/")[0], capabilities=capabilities, price=price, **more)


def image_route(*models: str, fallbacks: tuple[str, ...] = (), **more: Any) -> dict[str, Any]:
    return {
        "key": "images",
        "step": "image",
        "choices": [{"model": key} for key in models],
        "fallbacks": [{"model": key} for key in fallbacks],
        **more,
    }


def draft_route(**more: Any) -> dict[str, Any]:
    return {"key": "drafts", "phase": "draft", "pipeline": "draft-image@1", **more}


def table(*routes: dict[str, Any]) -> document.Table:
    return document.parse({"routes": list(routes)}, version=7)


def facts(*models: Model, **more: Any) -> Facts:
    """Facts about these models at NOW in EUR; `more` are fields of Facts."""
    by_key: Mapping[str, Model] = {found.key: found for found in models}
    return Facts(now=NOW, currency="EUR", models=by_key, **{"pipelines": PIPELINES, **more})


def draft(**more: Any) -> Brief:
    return Brief(**{"category": "concept-sketch", "phase": "draft", **more})
