"""Which model makes each step of a take, with which fallbacks, at what price, and why.

`decide(brief, table, facts)` is pure: the same arguments give the same answer, it reads no clock,
no database and no chance. Dispatch, the quote on a button, what-if and the dry run all call it.

The order of things:

1. The pipeline comes from the most specific route without a step, each step's models from the most
   specific route with that step (its key before its kind). A route that names the project beats one
   that does not; then category, audience, locale and phase are compared in this order.
2. A switching criterion that matches and is followed (by the person, or automatically) puts its
   models in front of the route's. A model that is pinned stands alone.
3. Every model is assessed; the first eligible one is chosen, the other eligible ones follow as
   fallbacks. Nothing is ever chosen that is not eligible.
4. Cap and budgets are compared with what is asked. Budgets never change which model is chosen.
"""

from __future__ import annotations

import dataclasses
import datetime
from collections.abc import Sequence
from decimal import Decimal

from routing import criteria, eligibility, limits, words
from routing.brief import Brief, Facts, Step
from routing.decision import Criterion, Decision, Outcome, StepPlan
from routing.document import ON_ERROR, RETRIES, ModelChoice, Route, Table
from routing.pricing import compute_units

ZERO = Decimal(0)
PERSONAL_KINDS = ("human",)  # steps that wait for a person and call no model


def decide(brief: Brief, table: Table, facts: Facts) -> Decision:
    """The decision for all `brief.count` takes; its `outcome` says whether it may be dispatched."""
    route = table.pipeline_route(brief)
    pipeline = brief.pipeline or (route.pipeline if route else "")
    steps = brief.steps if brief.steps is not None else facts.pipelines.get(pipeline)
    if steps is None:
        return _without_steps(brief, table, facts, route=route, pipeline=pipeline)
    measured = criteria.measure(brief, route, facts)
    plans = tuple(_plan(brief, table, facts, step=step, measured=measured) for step in steps)
    take_expected = sum((plan.expected for plan in plans), ZERO)
    take_at_most = sum((plan.at_most for plan in plans), ZERO)
    cap = limits.cap(brief, route, facts, measured=measured)
    shortfalls = limits.shortfalls(brief, facts, plans=plans)
    decision = Decision(
        outcome=Outcome.GO,
        routing_version=table.version,
        route=route.key if route else "",
        route_words=words.route(route) if route else "",
        pipeline=pipeline,
        count=brief.count,
        currency=facts.currency,
        steps=plans,
        expected=take_expected * brief.count,
        at_most=take_at_most * brief.count,
        compute_units=sum((plan.compute_units for plan in plans), ZERO) * brief.count,
        cap=cap,
        criteria=measured,
        shortfalls=shortfalls,
        reasons=(),
        retry_at=_retry_at(plans),
    )
    return _judged(decision, brief)


def _judged(decision: Decision, brief: Brief) -> Decision:
    """The outcome, the gravest first, and the reasons of everything that stands in the way."""
    obstacles: list[tuple[Outcome, str]] = []
    for plan in decision.steps:
        if not plan.settled:
            waits = any(choice.resting_until for choice in plan.choices)
            obstacles.append((Outcome.WAIT if waits else Outcome.NO_MODEL, words.unsettled(plan)))
    if not criteria.followable(brief, decision.criteria):
        text = f"The criterion {brief.switch} does not match here: look at the values measured"
        obstacles.append((Outcome.CAP, text))
    left = decision.cap.left
    if left is not None and brief.count > left:
        obstacles.append((Outcome.CAP, words.cap(decision.cap, asked=brief.count)))
    hard = [shortfall for shortfall in decision.shortfalls if shortfall.hard]
    obstacles += [(Outcome.BUDGET, words.shortfall(s, decision.currency)) for s in hard]
    order = (Outcome.NO_MODEL, Outcome.WAIT, Outcome.CAP, Outcome.BUDGET)
    outcome = next((o for o in order if o in {found for found, _ in obstacles}), Outcome.GO)
    reasons = [words.chosen(plan, plan.chosen) for plan in decision.steps if plan.chosen]
    reasons += [text for _, text in obstacles]
    return dataclasses.replace(decision, outcome=outcome, reasons=tuple(reasons))


def _without_steps(
    brief: Brief, table: Table, facts: Facts, *, route: Route | None, pipeline: str
) -> Decision:
    """No route, or a pipeline that is not published: said, and nothing is chosen."""
    if route is None and not pipeline:
        reason = (
            f"Routing version {table.version} has no route for {brief.category}, {brief.phase}:"
            " a manager can publish a table that has one"
        )
    else:
        reason = f"The pipeline {pipeline} is not published: publish it, or route to another one"
    measured = criteria.measure(brief, route, facts)
    return Decision(
        outcome=Outcome.NO_ROUTE,
        routing_version=table.version,
        route=route.key if route else "",
        route_words=words.route(route) if route else "",
        pipeline=pipeline,
        count=brief.count,
        currency=facts.currency,
        steps=(),
        expected=ZERO,
        at_most=ZERO,
        compute_units=ZERO,
        cap=limits.cap(brief, route, facts, measured=measured),
        criteria=measured,
        shortfalls=(),
        reasons=(reason,),
    )


def _plan(
    brief: Brief, table: Table, facts: Facts, *, step: Step, measured: tuple[Criterion, ...]
) -> StepPlan:
    """The plan of one step for one take."""
    route = table.step_route(brief, step)
    named = _candidates(brief, table, route, step=step, measured=measured)
    tier = route.tier if route else ""
    choices = tuple(
        eligibility.assess(model, brief=brief, step=step, facts=facts, tier=tier, fallback=is_fallback)
        for model, is_fallback in named
    )
    eligible = [choice for choice in choices if choice.eligible]
    chosen = eligible[0] if eligible else None
    return StepPlan(
        key=step.key,
        kind=step.kind,
        stage=step.stage,
        route=route.key if route else "",
        tier=chosen.tier if chosen else tier,
        choices=choices,
        chosen=chosen,
        fallbacks=tuple(eligible[1:]),
        expected=(chosen.expected or ZERO) if chosen else ZERO,
        at_most=max((choice.at_most or ZERO for choice in eligible), default=ZERO),
        compute_units=compute_units(step),
        on_error={**ON_ERROR, **(route.on_error if route else {})},
        retries=route.retries if route else RETRIES,
        needs_model=step.kind not in PERSONAL_KINDS,
    )


def _candidates(
    brief: Brief,
    table: Table,
    route: Route | None,
    *,
    step: Step,
    measured: Sequence[Criterion],
) -> list[tuple[ModelChoice, bool]]:
    """The models to assess, in order and each once, and whether each is a fallback."""
    if step.kind in PERSONAL_KINDS:
        return []
    own = [(model, False) for model in route.choices] if route else []
    own += [(model, True) for model in route.fallbacks] if route else []
    pinned = brief.pinned.get(step.key)
    if pinned:
        known = {model.model: model for model, _ in own}
        return [(known.get(pinned, ModelChoice(pinned)), False)]
    pipeline_route = table.pipeline_route(brief)
    rules = pipeline_route.criteria if pipeline_route else ()
    applied = {criterion.key for criterion in measured if criterion.applied}
    switched = [
        (model, False)
        for rule in rules
        if rule.key in applied and rule.step in (step.key, step.kind)
        for model in rule.choices
    ]
    unique: dict[str, tuple[ModelChoice, bool]] = {}
    for model, is_fallback in [*switched, *own]:
        unique.setdefault(model.model, (model, is_fallback))
    return list(unique.values())


def _retry_at(plans: Sequence[StepPlan]) -> datetime.datetime | None:
    """When a step that only waits for resting models is worth asking again: the latest of the
    steps."""
    instants = [
        min(choice.resting_until for choice in plan.choices if choice.resting_until)
        for plan in plans
        if not plan.settled and any(choice.resting_until for choice in plan.choices)
    ]
    return max(instants, default=None)
