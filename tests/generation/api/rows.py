"""Rows that calls name: a ready take with its file, requests that wait, a batch, a budget, a proposal."""

from __future__ import annotations

import dataclasses
import uuid
from decimal import Decimal
from typing import Any

from django.utils import timezone

from billing import budgets
from billing.invoices import imports
from billing.models import Difference
from generation import batches, caps, heroes, reviews, takes, workspaces
from generation.media import store
from projects.models import Asset, Batch, CapRequest, HeroRequest, Take, TakeAsset
from projects.models.takes import TakeState
from routing import default_table, tables
from routing.models import RoutingTable
from tests import factories
from tests.cast import Cast


def ready_draft(cast: Cast, **fields: Any) -> Take:
    """A draft made by the producer, as if the engine had finished it, with a picture."""
    round_ = takes.make(deliverable=cast.deliverable, by=cast.producer)
    take = round_.takes.get()
    Take.objects.filter(pk=take.pk).update(state=TakeState.READY, ended_at=timezone.now(), **fields)
    TakeAsset.objects.create(take=take, asset=picture(cast), role=TakeAsset.Role.OUTPUT)
    take.refresh_from_db()
    return take


def picture(cast: Cast) -> Asset:
    """An asset of four bytes that are really stored."""
    stored = store.put(_File(b"four"))
    found, _ = Asset.objects.get_or_create(
        workspace=cast.workspace,
        sha256=stored.sha256,
        defaults={
            "kind": Asset.Kind.IMAGE,
            "media_type": "image/png",
            "size_bytes": 4,
            "width": 64,
            "height": 64,
            "name": stored.name,
        },
    )
    return found


class _File:
    """Bytes that are read once."""

    def __init__(self, content: bytes) -> None:
        self.content = content

    def read(self, size: int = -1) -> bytes:
        given, self.content = self.content, b""
        return given


@dataclasses.dataclass(frozen=True)
class Rows:
    """What addresses may name in the cast's workspace."""

    draft: Take
    hero: HeroRequest
    cap: CapRequest
    batch: Batch
    budget: budgets.Budget
    table: RoutingTable
    asset: Asset
    difference: Difference

    @property
    def names(self) -> dict[str, Any]:
        """The values of an address's parts."""
        found: dict[str, uuid.UUID | int | str] = {
            "take": self.draft.pk,
            "hero_request": self.hero.pk,
            "cap_request": self.cap.pk,
            "batch": self.batch.pk,
            "budget": self.budget.pk,
            "version": self.table.version,
            "asset": self.asset.pk,
            "invoice": self.difference.line.invoice_id if self.difference.line else "",
            "difference": self.difference.pk,
            "provider": "fal",
        }
        return found


def everything(cast: Cast) -> Rows:
    draft = ready_draft(cast)
    reviews.review(take=draft, decision="select", by=cast.producer)
    other = factories.deliverable(cast.campaign, "closing", category=cast.brand_film, format=cast.format)
    content = {**default_table.build(), "name": "Proposal"}
    return Rows(
        draft=draft,
        hero=heroes.request(take=Take.objects.get(pk=draft.pk), by=cast.producer),
        cap=caps.request(deliverable=cast.deliverable, more=2, reason="More variants", by=cast.producer),
        batch=batches.make(deliverables=[other], count=1, by=cast.producer),
        budget=budgets.set_budget(scope="workspace", limit=Decimal(100), window="month", by=cast.finance),
        table=tables.propose(
            content=content,
            reason="Another name",
            by=cast.producer,
            pipelines=workspaces.published(cast.workspace),
        ),
        asset=draft.take_assets.get().asset,
        difference=billed(cast),
    )


def billed(cast: Cast) -> Difference:
    """A line of a bill for which nothing is booked."""
    content = b"date,amount,currency,request id\n2026-10-14T12:00:00Z,1.00,EUR,job-lost\n"
    said = {"provider": "fal", "month": "2026-10", "source": "invoice", "file_name": "fal.csv"}
    imports.bring_in(imports.Bill(content=content, **said), by=cast.finance)
    return Difference.objects.select_related("line").get()
