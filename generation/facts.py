"""Collecting the facts that `decide` may use: prices, health, budgets, history, accounts, policy.

Everything is read here, in a fixed number of queries, and nothing is decided.
"""

from __future__ import annotations

import collections
import datetime
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from billing import budgets, prices, rates
from billing.models import DeliverableCost, PriceRow
from generation import caps
from generation.models import ProviderAccount
from projects.models import Decision, Deliverable, Workspace
from projects.models.decisions import DecisionKind
from routing import brief as questions
from routing.document import Table
from routing.models import CatalogueModel, ModelHealth, RoutingTable
from routing.models.tables import TableState

ZERO = Decimal(0)


def table_in_force(workspace: Workspace) -> RoutingTable | None:
    """The routing table that is published, or None before the first."""
    return RoutingTable.objects.filter(workspace=workspace, state=TableState.PUBLISHED).first()


def named_models(table: Table, extra: Iterable[str] = ()) -> set[str]:
    """Every model key that a decision on this table may have to assess."""
    named = {choice.model for route in table.routes for choice in (*route.choices, *route.fallbacks)}
    for route in table.routes:
        named |= {choice.model for rule in route.criteria for choice in rule.choices}
    return named | set(extra)


def collect(
    *,
    workspace: Workspace,
    models: Iterable[str],
    now: datetime.datetime,
    deliverable: Deliverable | None = None,
    phase: str = "",
    pipelines: Mapping[str, tuple[questions.Step, ...]] | None = None,
) -> questions.Facts:
    """The facts of this moment; without a deliverable there are no budgets and no history."""
    known = _models(workspace, set(models), now)
    return questions.Facts(
        now=now,
        currency=workspace.currency,
        models=known,
        pipelines=pipelines or {},
        accounts=_providers_with_account(workspace),
        builtin_only=workspace.builtin_only,
        rates=rates.rates_at(workspace, now),
        budgets=_budgets(deliverable, phase, known, now) if deliverable else (),
        history=history(deliverable, phase) if deliverable else questions.History(),
        unknown_price=workspace.unknown_price,
    )


def history(deliverable: Deliverable, phase: str) -> questions.History:
    """What the deliverable has used, and why its takes were rejected in this phase."""
    usage = caps.usage(deliverable, phase)
    spent = DeliverableCost.objects.filter(deliverable=deliverable).first()
    rejected = Decision.objects.filter(
        deliverable=deliverable, decision=DecisionKind.REJECT, take__phase=phase
    ).values_list("reasons", flat=True)
    return questions.History(
        used=usage.used,
        cap=usage.own_cap,
        extra=usage.extra,
        rejections=collections.Counter(reason for reasons in rejected for reason in reasons),
        spent=spent.generation + spent.control + spent.refinement if spent else ZERO,
    )


def _models(workspace: Workspace, keys: set[str], now: datetime.datetime) -> dict[str, questions.Model]:
    rows = CatalogueModel.objects.filter(key__in=keys).filter(workspace=None) | (
        CatalogueModel.objects.filter(key__in=keys, workspace=workspace)
    )
    price_rows = prices.in_force(workspace, keys, now)
    health = _health(workspace, keys)
    return {row.key: _model(row, price_rows.get(row.key), health.get(row.key), now) for row in rows}


def _model(
    row: CatalogueModel,
    price: PriceRow | None,
    health: questions.Health | None,
    now: datetime.datetime,
) -> questions.Model:
    ended = row.available_until is not None and row.available_until < now.date()
    return questions.Model(
        key=row.key,
        provider=row.provider,
        tier=row.tier,
        name=row.name,
        capabilities={**row.capabilities, "kinds": row.kinds},
        price=_price(price) if price else None,
        health=health or questions.Health(),
        available_until=row.available_until,
        retired=ended,
    )


def _price(row: PriceRow) -> questions.Price:
    return questions.Price(
        unit=row.unit,
        amount=row.amount,
        currency=row.currency,
        row=str(row.pk),
        first_amount=row.first_amount,
        conditions=row.conditions,
    )


def _health(workspace: Workspace, keys: set[str]) -> dict[str, questions.Health]:
    return {
        row.model_key: questions.Health(breaker=row.state, retry_at=row.retry_at)
        for row in ModelHealth.objects.filter(workspace=workspace, model_key__in=keys)
    }


def _providers_with_account(workspace: Workspace) -> frozenset[str]:
    return frozenset(
        ProviderAccount.objects.filter(workspace=workspace, enabled=True).values_list("provider", flat=True)
    )


def _budgets(
    deliverable: Deliverable,
    phase: str,
    models: Mapping[str, questions.Model],
    now: datetime.datetime,
) -> tuple[questions.BudgetLeft, ...]:
    providers = {model.provider for model in models.values()}
    found: list[Any] = budgets.left(
        workspace=deliverable.workspace,
        deliverable=deliverable,
        phase=phase,
        providers=providers,
        now=now,
    )
    return tuple(
        questions.BudgetLeft(
            key=str(row.id),
            scope=row.scope,
            name=row.name,
            left=row.left,
            provider=row.provider,
            raised_by=row.raised_by,
            hard=row.hard,
        )
        for row in found
    )
