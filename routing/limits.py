"""Caps and budgets compared with what is asked. Pure; the ledger alone holds money."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from routing import words
from routing.brief import Brief, BudgetLeft, Facts
from routing.decision import Cap, Criterion, Shortfall, StepPlan, WayOut
from routing.document import Route

ZERO = Decimal(0)


def own_limit(route: Route | None, facts: Facts) -> int | None:
    """The cap before any switch: the deliverable's, else the route's, and what managers granted."""
    cap = facts.history.cap
    if cap is None:
        cap = route.cap if route else None
    return None if cap is None else cap + facts.history.extra


def cap(brief: Brief, route: Route | None, facts: Facts, *, measured: Sequence[Criterion]) -> Cap:
    """The cap with the takes that a followed criterion adds, and the ways out where it is too
    small."""
    limit = own_limit(route, facts)
    if limit is None:
        return Cap(limit=None, used=facts.history.used)
    limit += sum(criterion.more_takes for criterion in measured if criterion.applied)
    left = max(0, limit - facts.history.used)
    if brief.count <= left:
        return Cap(limit=limit, used=facts.history.used)
    ask = WayOut(way="ask", words=words.ask(brief.count - left), takes=brief.count - left)
    switches = tuple(
        WayOut(
            way="switch",
            words=criterion.words,
            criterion=criterion.key,
            tier=criterion.tier,
            takes=criterion.more_takes,
        )
        for criterion in measured
        if criterion.matches and not criterion.applied and criterion.more_takes > 0
    )
    return Cap(limit=limit, used=facts.history.used, ways_out=(ask, *switches))


def shortfalls(brief: Brief, facts: Facts, *, plans: Sequence[StepPlan]) -> tuple[Shortfall, ...]:
    """The budgets that have less left than the takes may cost at most, in the order of the
    facts."""
    found = []
    for budget in facts.budgets:
        needed = sum((_covered(budget, plan) for plan in plans), ZERO) * brief.count
        if needed > budget.left:
            found.append(
                Shortfall(
                    key=budget.key,
                    scope=budget.scope,
                    name=budget.name,
                    needed=needed,
                    left=budget.left,
                    raised_by=budget.raised_by,
                    hard=budget.hard,
                )
            )
    return tuple(found)


def _covered(budget: BudgetLeft, plan: StepPlan) -> Decimal:
    """What the step may cost this budget: all of it, or only the dearest choice at its provider."""
    if not budget.provider:
        return plan.at_most
    amounts = [c.at_most or ZERO for c in plan.choices if c.eligible and c.provider == budget.provider]
    return max(amounts, default=ZERO)
