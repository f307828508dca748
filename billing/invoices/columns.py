"""Which column says what: guessed from the header, or as it was saved for the provider."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from django.utils import timezone

from billing.models import InvoiceMapping
from projects import access
from projects.access import Right
from projects.models import Membership, Workspace
from projects.problems import Invalid

#: Our fields with the names that providers and people give them, best first.
NAMES: dict[str, tuple[str, ...]] = {
    "service_at": (
        *("service at", "completed at", "ended at", "usage time", "timestamp", "created at", "date time"),
        *("start time", "usage date", "service date", "time", "date", "datum", "zeit", "day"),
    ),
    "amount": (
        *("amount", "cost", "total cost", "billed cost", "total", "charge", "net amount", "price total"),
        *("betrag", "kosten", "cost usd", "amount usd", "spend"),
    ),
    "currency": ("currency", "billing currency", "währung", "waehrung"),
    "job_id": (
        *("job id", "request id", "prediction id", "task id", "generation id", "external id", "job"),
        *("request", "prediction", "auftrag"),
    ),
    "model": ("model", "endpoint", "model id", "endpoint id", "sku", "product", "modell"),
    "quantity": ("quantity", "units", "usage", "billable units", "usage quantity", "menge", "count"),
    "unit": ("unit", "usage unit", "pricing unit", "einheit"),
    "kind": ("kind", "type", "charge category", "line type", "category", "art"),
    "description": ("description", "charge description", "item", "details", "beschreibung"),
    "key": ("key", "api key", "api key name", "key name", "project", "token name"),
    "rate": ("rate", "exchange rate", "fx rate", "kurs"),
}
FIELDS = tuple(NAMES)
NEEDED = ("service_at", "amount")
LABELS = {
    "service_at": "When",
    "amount": "Amount",
    "currency": "Currency",
    "job_id": "Job id",
    "model": "Model",
    "quantity": "Quantity",
    "unit": "Unit",
    "kind": "Kind of line",
    "description": "Description",
    "key": "API key",
    "rate": "Exchange rate",
}


def guessed(header: Sequence[str]) -> dict[str, str]:
    """Our fields by the header's names that fit best; each column serves one field."""
    free = {_plain(name): name for name in header if name}
    found = {}
    for field, names in NAMES.items():
        for name in names:
            if name in free:
                found[field] = free.pop(name)
                break
    return found


def saved(workspace: Workspace, provider: str) -> dict[str, str]:
    """The newest mapping of a provider; empty where there is none."""
    rows = InvoiceMapping.objects.filter(workspace=workspace, provider=provider)
    newest = rows.order_by("-created_at", "-id").first()
    return dict(newest.columns) if newest else {}


def for_file(workspace: Workspace, provider: str, header: Sequence[str]) -> dict[str, str]:
    """The saved mapping where all its columns are in the file, else the guess."""
    known = saved(workspace, provider)
    return known if known and set(known.values()) <= set(header) else guessed(header)


def check(columns: Mapping[str, str], header: Sequence[str]) -> dict[str, str]:
    """The mapping without empty fields; Invalid (422) where it does not fit the header."""
    given = {field: name for field, name in columns.items() if name}
    errors: dict[str, list[str]] = {}
    for field, name in given.items():
        if field not in NAMES:
            errors[field] = [f"There is no such field; choose among {', '.join(FIELDS)}."]
        elif name not in header:
            errors[field] = [f"The file has no column “{name}”; it has {', '.join(header)}."]
        elif list(given.values()).count(name) > 1:
            errors[field] = [f"“{name}” is chosen twice; each column says one thing."]
    for field in NEEDED:
        if field not in given:
            errors.setdefault(field, [f"Say which column holds this: {LABELS[field]}."])
    if errors:
        raise Invalid(errors)
    return given


def save(*, provider: str, columns: Mapping[str, str], by: Membership) -> None:
    """Keeps a mapping for the provider's next files, unless it is the one in force."""
    access.require(by, Right.KEEP_BOOKS)
    if saved(by.workspace, provider) == dict(columns):
        return
    InvoiceMapping.objects.create(
        workspace=by.workspace,
        provider=provider,
        columns=dict(columns),
        author=by.person,
        created_at=timezone.now(),
    )


def _plain(name: str) -> str:
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)
    return re.sub(r"[\W_]+", " ", spaced.lower()).strip()
