"""Price rows: what a unit of a model costs from an instant on. A change is a new row."""

from __future__ import annotations

import dataclasses
import datetime
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils import timezone

from billing import price_rules, rates
from billing.models import PriceDecision, PriceRow
from billing.models.prices import Unit
from projects import access
from projects.access import Right
from projects.models import Membership, Workspace
from projects.problems import Invalid

BUILTIN = "builtin/"


@dataclasses.dataclass(frozen=True)
class CataloguePrice:
    """A price as a catalogue lists it; `amount` None means that nobody knows it."""

    model_key: str
    unit: str
    amount: Decimal | None
    currency: str
    first_amount: Decimal | None = None
    conditions: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    source: str = ""


def in_force(workspace: Workspace, keys: Iterable[str], at: datetime.datetime) -> dict[str, PriceRow]:
    """The price row of each model at an instant, in one query; a model without one is left out.

    The newest approved row that has begun; where none is approved, the newest proposed one, so that a new
    workspace can work. Declined rows price nothing. Of rows that start at the same instant, the one entered
    last counts. Each row comes with its `decision`, if there is one.
    """
    begun = PriceRow.objects.filter(workspace=workspace, model_key__in=set(keys), starts_at__lte=at)
    rows = (
        begun.exclude(decision__decision=PriceDecision.Kind.DECLINED)
        .select_related("decision")
        .order_by(
            "model_key",
            F("decision__decision").asc(nulls_last=True),
            *("-starts_at", "-created_at", "-id"),
        )
        .distinct("model_key")
    )
    return {row.model_key: row for row in rows}


def state_of(row: PriceRow) -> str:
    """`approved`, `declined` or `proposed`; the row comes with its `decision`."""
    decision = getattr(row, "decision", None)
    return decision.decision if decision else "proposed"


def unknown_price(workspace: Workspace) -> Decimal | None:
    """What a call without a price is held at, in the workspace's currency; None: it is refused."""
    return workspace.unknown_price


def add_row(
    *,
    model_key: str,
    unit: str,
    amount: Decimal,
    currency: str,
    starts_at: datetime.datetime,
    by: Membership,
    first_amount: Decimal | None = None,
    list_amount: Decimal | None = None,
    conditions: Mapping[str, Any] | None = None,
    source: str = "",
) -> PriceRow:
    """Proposes a price from `starts_at` on; another person of finance approves it (`price_decisions`).

    Needs the right to keep the books.

    Raises Invalid (422) where a value does not fit, or the model has this very row already.
    """
    access.require(by, Right.KEEP_BOOKS)
    row = PriceRow(
        workspace=by.workspace,
        model_key=model_key.strip(),
        unit=unit,
        amount=amount,
        first_amount=first_amount,
        list_amount=list_amount,
        currency=currency,
        conditions=dict(conditions or {}),
        starts_at=starts_at,
        source=source,
        author=by.person,
    )
    errors = check(row)
    if errors:
        raise Invalid(errors)
    try:
        with transaction.atomic():
            row.save(force_insert=True)
    except IntegrityError:
        raise Invalid(
            {"starts_at": [f"{row.model_key} has a row from this instant on; rows are never edited."]},
            remedy="Add the new price with a later start.",
        ) from None
    return row


def check(row: PriceRow) -> dict[str, list[str]]:
    """What does not fit, by field."""
    errors: dict[str, list[str]] = {}
    provider, _, endpoint = row.model_key.partition("/")
    if not provider or not endpoint:
        errors["model_key"] = ["Give provider/endpoint, as the catalogue lists it."]
    if row.unit not in Unit.values:
        errors["unit"] = [f"Give one of {', '.join(Unit.values)}."]
    if not rates.CURRENCY.fullmatch(row.currency):
        errors["currency"] = ["Give three capital letters such as USD, or credits such as credit:runway."]
    for name in ("amount", "first_amount", "list_amount"):
        wrong = price_rules.wrong_amount(getattr(row, name))
        if wrong:
            errors[name] = [wrong]
    if not errors and row.amount == 0 and not row.model_key.startswith(BUILTIN):
        errors["amount"] = ["Only built-in models are free. An unknown price is no price: leave it out."]
    first = row.first_amount is not None
    if wrong_conditions := price_rules.wrong(row.conditions, unit=row.unit, first=first):
        errors["conditions"] = wrong_conditions
    return errors


def seed_from_catalogue(
    *, workspace: Workspace, rows: Iterable[CataloguePrice], at: datetime.datetime | None = None
) -> int:
    """Proposes the catalogue's prices from `at` on (now); answers how many rows are new.

    A row without an amount gives no price. A model that has any price row keeps it: what finance
    entered is never overruled.
    """
    at = at or timezone.now()
    wanted = {row.model_key: (row, row.amount) for row in rows if row.amount is not None}
    known = set(
        PriceRow.objects.filter(workspace=workspace, model_key__in=wanted).values_list("model_key", flat=True)
    )
    new = [_seeded(workspace, *wanted[key], at) for key in wanted if key not in known]
    PriceRow.objects.bulk_create(new, ignore_conflicts=True, batch_size=1000)
    return len(new)


def _seeded(workspace: Workspace, row: CataloguePrice, amount: Decimal, at: datetime.datetime) -> PriceRow:
    return PriceRow(
        workspace=workspace,
        model_key=row.model_key,
        unit=row.unit,
        amount=amount,
        first_amount=row.first_amount,
        currency=row.currency,
        conditions=dict(row.conditions),
        starts_at=at,
        source=row.source[:200],
    )
