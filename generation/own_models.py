"""A workspace's own models: workflows of its ComfyUI, checkpoints, and whatever its chat servers offer.

They are catalogue rows that this workspace alone sees. Whether the adapter can ask such a model is tried
before the row is written, so that a workflow that does not fit is named here and not in the first take.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from django.db import transaction

from generation.pipelines import KINDS
from generation.providers import registry
from generation.providers.protocol import InputFile, ModelFacts, ProviderError, StepRequest
from projects import access, events
from projects.access import Right
from projects.models import Membership, Workspace
from projects.problems import Invalid
from routing.models import CatalogueModel
from routing.models.catalogue import Tier

TRIED = ("source", "first_frame", "last_frame", "reference", "mask")
FIELDS = {"key", "name", "vendor", "kinds", "tier", "capabilities", "note"}


def save(*, entry: Mapping[str, Any], by: Membership, now: datetime.datetime | None = None) -> CatalogueModel:
    """Adds the model under its key or replaces the workspace's earlier one; raises Invalid.

    `entry` has the fields of the catalogue's data file that are a model's own; its price is entered under
    Prices. Needs the right to keep models.
    """
    access.require(by, Right.KEEP_MODELS)
    return store(workspace=by.workspace, entry=entry, by=by, now=now)


def store(
    *,
    workspace: Workspace,
    entry: Mapping[str, Any],
    by: Membership | None = None,
    now: datetime.datetime | None = None,
) -> CatalogueModel:
    """As `save`, without asking for a right: for the operator's command."""
    provider, _, endpoint = str(entry.get("key", "")).partition("/")
    _check(provider, endpoint, entry)
    capabilities = dict(entry.get("capabilities", {}))
    _try(ModelFacts(f"{provider}/{endpoint}", endpoint, capabilities), entry["kinds"])
    with transaction.atomic():
        row, _ = CatalogueModel.objects.update_or_create(
            workspace=workspace,
            key=f"{provider}/{endpoint}",
            defaults={
                "provider": provider,
                "endpoint": endpoint,
                "name": str(entry.get("name") or endpoint),
                "vendor": str(entry.get("vendor", "")),
                "kinds": list(entry["kinds"]),
                "tier": str(entry.get("tier", "")),
                "capabilities": capabilities,
                "note": str(entry.get("note", "")),
                "source": "own model",
            },
        )
        events.record(workspace=workspace, kind="model.saved", by=by, at=now, model=row.key, name=row.name)
    return row


def _check(provider: str, endpoint: str, entry: Mapping[str, Any]) -> None:
    kinds = entry.get("kinds")
    known = provider in registry.with_accounts()
    wrong = {
        "key": "" if known and endpoint else "A key is a provider's name, a slash and a name of your own.",
        "kinds": "" if _are_kinds(kinds) else f"Name at least one of {', '.join(KINDS)}.",
        "tier": "" if entry.get("tier", "") in ("", *Tier.values) else f"One of {', '.join(Tier.values)}.",
        "capabilities": "" if isinstance(entry.get("capabilities", {}), Mapping) else "An object is needed.",
        "entry": "" if not (more := set(entry) - FIELDS) else f"Nobody knows {', '.join(sorted(more))}.",
    }
    if errors := {field: [words] for field, words in wrong.items() if words}:
        raise Invalid(errors)


def _are_kinds(kinds: Any) -> bool:
    return isinstance(kinds, list) and bool(kinds) and set(kinds) <= set(KINDS) - {"human"}


def _try(model: ModelFacts, kinds: list[str]) -> None:
    """Raises Invalid where the adapter cannot ask the model for one of its kinds."""
    adapter = registry.get(model.key.partition("/")[0])
    pictures = tuple(InputFile(role, "", "image/png", f"{n:064}") for n, role in enumerate(TRIED))
    film = InputFile("source", "", "video/mp4", f"{len(TRIED):064}")
    for kind in kinds:
        request = StepRequest(
            kind=kind,
            prompt="A lighthouse",
            seed=1,
            width=1024,
            height=1024,
            duration_seconds=Decimal(4) if "video" in kind else None,
            inputs=(*pictures, film),
        )
        try:
            adapter.translate(model=model, request=request)
        except ProviderError as error:
            raise Invalid({"capabilities": [f"{kind}: {error.detail}"]}) from None
