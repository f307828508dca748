"""Collects from the database what `decide` is given: catalogue, prices, rates, health, history.

What lies in rooms above (provider accounts, pipelines) and what only the ledger knows (budgets) comes
from the caller.
"""

from __future__ import annotations

import datetime
import uuid
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from decimal import Decimal

from billing import price_uses, prices, rates
from billing.models import DeliverableCost
from projects.models import Decision, Deliverable, Workspace
from projects.models.decisions import DecisionKind
from projects.models.takes import TakeMark
from projects.models.work import Phase
from routing import catalogue, endings, health
from routing.brief import BudgetLeft, Facts, History, Model, Step
from routing.document import Table


def gather(
    *,
    workspace: Workspace,
    keys: Iterable[str],
    now: datetime.datetime,
    accounts: frozenset[str] = frozenset(),
    pipelines: Mapping[str, tuple[Step, ...]] | None = None,
    budgets: tuple[BudgetLeft, ...] = (),
    history: History | None = None,
) -> Facts:
    """The facts about these models at an instant, in six queries whatever their number.

    One more where a price has steps by the month's volume.
    """
    return Facts(
        now=now,
        currency=workspace.currency,
        models=models(workspace, keys, now=now),
        pipelines=dict(pipelines or {}),
        accounts=accounts,
        builtin_only=workspace.builtin_only,
        rates=rates.rates_at(workspace, now),
        budgets=budgets,
        history=history or History(),
        unknown_price=prices.unknown_price(workspace),
        time_zone=workspace.time_zone,
    )


def models(workspace: Workspace, keys: Iterable[str], *, now: datetime.datetime) -> dict[str, Model]:
    """Catalogue rows with their price in force, their health and their end, by key."""
    rows = catalogue.models_by_key(workspace, keys)
    in_force = prices.in_force(workspace, rows, now)
    used = price_uses.used(workspace, in_force.values(), now)
    healths = health.facts(workspace, rows, now=now)
    ends = endings.of(workspace, rows)
    return {
        key: catalogue.fact(
            row,
            price=in_force.get(key),
            health=healths[key],
            used=used.get(key, Decimal(0)),
            until=ends[key].until,
            retired=ends[key].retired,
        )
        for key, row in rows.items()
    }


def named_models(table: Table) -> set[str]:
    """Every model that the table names, in choices, fallbacks and criteria."""
    return {
        choice.model
        for route in table.routes
        for group in (route.choices, route.fallbacks, *(rule.choices for rule in route.criteria))
        for choice in group
    }


def history(deliverable: Deliverable, phase: str) -> History:
    """What happened to the deliverable in the phase: takes against its cap, rejections, money spent.

    A take counts under the reasons of its latest rejection, while that is its mark.
    """
    return histories([deliverable], phase)[deliverable.pk]


def histories(deliverables: Iterable[Deliverable], phase: str) -> dict[uuid.UUID, History]:
    """The history of each deliverable, in two queries whatever their number."""
    rows = list(deliverables)
    hero = phase == Phase.HERO
    rejections, spent = _rejections(rows, phase), _spent(rows)
    return {
        row.pk: History(
            used=row.heroes_used if hero else row.drafts_used,
            cap=row.hero_cap if hero else row.cap,
            extra=row.extra_heroes if hero else row.extra_drafts,
            rejections=dict(rejections[row.pk]),
            spent=spent.get(row.pk, Decimal(0)),
        )
        for row in rows
    }


def _spent(deliverables: Iterable[Deliverable]) -> dict[uuid.UUID, Decimal]:
    rows = DeliverableCost.objects.filter(pk__in=[row.pk for row in deliverables])
    return {cost.pk: cost.generation + cost.control + cost.refinement for cost in rows}


def _rejections(deliverables: Iterable[Deliverable], phase: str) -> dict[uuid.UUID, Counter[str]]:
    rejected = Decision.objects.filter(
        deliverable__in=[row.pk for row in deliverables],
        decision=DecisionKind.REJECT,
        take__mark=TakeMark.REJECTED,
        take__phase=phase,
    )
    found: dict[uuid.UUID, Counter[str]] = defaultdict(Counter)
    for row in rejected.order_by("take_id", "-at", "-sequence").distinct("take_id"):
        if row.deliverable_id:
            found[row.deliverable_id].update(row.reasons)
    return found
