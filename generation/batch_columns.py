"""What stands above a column of a batch: a model's name, tier and unit price, or what leads to it."""

from __future__ import annotations

import collections
import contextlib
import dataclasses
import datetime
from collections.abc import Sequence

from billing import prices
from billing.models import PriceRow
from generation.matrices import Column, Plan
from projects.models import Phase, Workspace
from routing import catalogue, tables
from routing.document import SwitchRule


@dataclasses.dataclass(frozen=True)
class Heading:
    """A column in words. `key` is the model's; without one `name` says what chooses it."""

    name: str
    key: str = ""
    tier: str = ""
    price: PriceRow | None = None
    note: str = ""


def headings(workspace: Workspace, columns: Sequence[Column], *, now: datetime.datetime) -> list[Heading]:
    """A heading for each column; two queries whatever their number, and one more for switches."""
    rules = _rules(workspace) if any(column.switch for column in columns) else {}
    switches = {column.switch: _led_to(rules.get(column.switch, ())) for column in columns if column.switch}
    keys = {column.model for column in columns if column.model} | {led.model for led in switches.values()}
    models = catalogue.models_by_key(workspace, keys - {""})
    in_force = prices.in_force(workspace, keys - {""}, now)
    found = []
    for column in columns:
        led = switches.get(column.switch, _Led(column.model))
        row = models.get(led.model)
        found.append(
            Heading(
                name=row.name if row else led.model or _unnamed(column),
                key=led.model,
                tier=led.tier or (row.tier if row else ""),
                price=in_force.get(led.model),
                note=f"by the switch {column.switch}" if column.switch and led.model else "",
            )
        )
    return found


def routed(plan: Plan) -> list[str]:
    """The names of the models that the route chooses for the cells of the column that asks for none."""
    chosen = [
        step.chosen.model
        for cell in plan.makeable
        if cell.order and plan.asked.columns[cell.column] == Column()
        for step in cell.order.decision.steps
        if step.chosen and step.stage == "generation"
    ]
    found = list(dict.fromkeys(chosen))
    names = catalogue.models_by_key(plan.asked.deliverables[0].workspace, found) if found else {}
    return [names[key].name if key in names else key for key in found]


@dataclasses.dataclass(frozen=True)
class _Led:
    """Where a column leads: one model, or only a tier where it depends on the deliverable."""

    model: str = ""
    tier: str = ""


def _led_to(rules: Sequence[SwitchRule]) -> _Led:
    models, tiers = {rule.choices[0].model for rule in rules}, {rule.tier for rule in rules}
    return _Led(models.pop() if len(models) == 1 else "", tiers.pop() if len(tiers) == 1 else "")


def _unnamed(column: Column) -> str:
    return f"Switch {column.switch}" if column.switch else "As the route says"


def _rules(workspace: Workspace) -> dict[str, list[SwitchRule]]:
    """The switches of drafts in the table in force by their key; none where no table is."""
    found: dict[str, list[SwitchRule]] = collections.defaultdict(list)
    with contextlib.suppress(tables.NoTable):
        for route in tables.current(workspace).routes:
            if route.match.get("phase", Phase.DRAFT) == Phase.DRAFT:
                for rule in route.criteria:
                    found[rule.key].append(rule)
    return found
