"""Switching criteria: what was measured, whether it matches, and whether it is followed. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from routing import limits, words
from routing.brief import Brief, Facts
from routing.decision import Criterion
from routing.document import Route, SwitchRule

#: Rejections for this reason are never held against a model.
NOT_THE_MODELS_FAULT = "brief_changed"


def measure(brief: Brief, route: Route | None, facts: Facts) -> tuple[Criterion, ...]:
    """The route's criteria with their measured values, in the route's order."""
    return tuple(_measured(rule, brief, route, facts) for rule in (route.criteria if route else ()))


def followable(brief: Brief, measured: Iterable[Criterion]) -> bool:
    """Whether the criterion that the brief asks to follow, if any, matches."""
    return not brief.switch or any(c.key == brief.switch and c.matches for c in measured)


def _measured(rule: SwitchRule, brief: Brief, route: Route | None, facts: Facts) -> Criterion:
    value = _value(rule, route, facts)
    if rule.measure == "budget_left":
        matches = value is not None and value < rule.at_least
    else:
        matches = value is not None and value >= rule.at_least
    return Criterion(
        key=rule.key,
        words=words.criterion(rule, measured=value, currency=facts.currency),
        measured=value if value is not None else Decimal(0),
        threshold=rule.at_least,
        matches=matches,
        applied=matches and (rule.automatic or brief.switch == rule.key),
        step=rule.step,
        tier=rule.tier,
        models=tuple(choice.model for choice in rule.choices),
        more_takes=rule.more_takes,
    )


def _value(rule: SwitchRule, route: Route | None, facts: Facts) -> Decimal | None:
    """The measured value; None where there is nothing to measure (no cap, no budget)."""
    history = facts.history
    if rule.measure == "rejections":
        return Decimal(_rejections(rule.reason, facts))
    if rule.measure == "takes_used":
        return Decimal(history.used)
    if rule.measure == "spent":
        return history.spent
    if rule.measure == "cap_reached":
        limit = limits.own_limit(route, facts)
        return None if limit is None else Decimal(int(history.used >= limit))
    return min((budget.left for budget in facts.budgets), default=None)


def _rejections(reason: str, facts: Facts) -> int:
    counted = facts.history.rejections
    if reason:
        return counted.get(reason, 0)
    return sum(number for name, number in counted.items() if name != NOT_THE_MODELS_FAULT)
