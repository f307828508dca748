"""The catalogue: loading the committed data file, and its rows as facts and as price seeds."""

from __future__ import annotations

import dataclasses
import datetime
import json
from collections.abc import Iterable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

from django.db import transaction
from django.db.models import Q

from billing.models import PriceRow
from billing.models.prices import Unit
from billing.prices import CataloguePrice
from projects.models import Workspace
from routing.brief import Health, Model, Price
from routing.models import CatalogueModel

DATA_FILE = Path(__file__).parent / "fixtures" / "catalogue.json"
#: The columns that the data file gives; price conditions lie with the capabilities.
COLUMNS = (
    *("name", "vendor", "provider", "endpoint", "kinds", "capabilities", "tier", "unit"),
    *("amount", "first_amount", "currency", "conditions", "available_until", "source", "note"),
)
CONDITIONS = "price_conditions"


@dataclasses.dataclass(frozen=True)
class Loaded:
    """What a load did: rows in the file, and keys that left it and are retired by it."""

    rows: int
    retired: tuple[str, ...]


def read(path: Path = DATA_FILE) -> list[dict[str, Any]]:
    """The entries of the data file."""
    entries: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))
    return entries


def row(entry: Mapping[str, Any]) -> CatalogueModel:
    """The unsaved row of an entry of the data file."""
    until = entry["available_until"]
    return CatalogueModel(
        workspace=None,
        key=entry["key"],
        name=entry["name"],
        vendor=entry["vendor"],
        provider=entry["provider"],
        endpoint=entry["endpoint"],
        kinds=entry["kinds"],
        capabilities={**entry["capabilities"], CONDITIONS: entry[CONDITIONS]},
        tier=entry["tier"],
        unit=entry["unit"],
        amount=_amount(entry["amount"]),
        first_amount=_amount(entry["first_amount"]),
        currency=entry["currency"],
        conditions=entry["conditions"],
        available_until=datetime.date.fromisoformat(until) if until else None,
        source=entry["source"],
        note=entry["note"],
    )


def load(*, today: datetime.date, path: Path = DATA_FILE) -> Loaded:
    """Brings the global rows in line with the data file; a second time changes nothing.

    A model that has left the file keeps its row, since history names it, and ends today.
    """
    rows = [row(entry) for entry in read(path)]
    with transaction.atomic():
        CatalogueModel.objects.bulk_create(
            rows, update_conflicts=True, unique_fields=["workspace", "key"], update_fields=COLUMNS
        )
        gone = CatalogueModel.objects.filter(workspace=None, imported=False).exclude(
            key__in=[model.key for model in rows]
        )
        ending = gone.filter(Q(available_until=None) | Q(available_until__gt=today))
        retired = tuple(ending.order_by("key").values_list("key", flat=True))
        ending.update(available_until=today)
    return Loaded(rows=len(rows), retired=retired)


def seed_prices(workspace: Workspace) -> list[CataloguePrice]:
    """The catalogue's prices as a new price book takes them, in key order.

    A row without a currency is in the workspace's own. Units that a price book does not know (such as
    characters of speech) are left out: such a model is not eligible.
    """
    priced = CatalogueModel.objects.filter(workspace=None, amount__isnull=False)
    return [
        CataloguePrice(
            model_key=model.key,
            unit=model.unit,
            amount=model.amount,
            currency=model.currency or workspace.currency,
            first_amount=model.first_amount,
            conditions=model.capabilities.get(CONDITIONS, {}),
            source=model.source,
        )
        for model in priced.filter(unit__in=Unit.values).order_by("key")
    ]


def models_by_key(workspace: Workspace, keys: Iterable[str]) -> dict[str, CatalogueModel]:
    """The rows under these keys that the workspace sees; its own goes before the global one."""
    rows = CatalogueModel.objects.filter(Q(workspace=None) | Q(workspace=workspace), key__in=set(keys))
    return {model.key: model for model in sorted(rows, key=lambda m: m.workspace_id is not None)}


def fact(
    model: CatalogueModel,
    *,
    price: PriceRow | None,
    health: Health,
    used: Decimal = Decimal(0),
    until: datetime.date | None = None,
    retired: bool = False,
) -> Model:
    """The row as `decide` reads it; `until` is the last day on which it can be used."""
    return Model(
        key=model.key,
        provider=model.provider,
        tier=model.tier,
        name=model.name,
        capabilities={**model.capabilities, "kinds": model.kinds},
        price=price_fact(price, used=used) if price else None,
        health=health,
        available_until=until,
        retired=retired,
    )


def price_fact(found: PriceRow, *, used: Decimal = Decimal(0)) -> Price:
    """A price row as the arithmetic of `routing.pricing` reads it; `used` are the month's units so far."""
    return Price(
        unit=found.unit,
        amount=found.amount,
        currency=found.currency,
        row=str(found.pk),
        first_amount=found.first_amount,
        conditions=found.conditions,
        used=used,
    )


def _amount(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)
