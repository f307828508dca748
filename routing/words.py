"""Routes, criteria and reasons as sentences that people read."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from billing import money
from routing.decision import Cap, Choice, Shortfall, StepPlan
from routing.document import MATCH_FIELDS, ModelChoice, Route, SwitchRule

PHASES = {"draft": "drafts", "hero": "delivery"}
THEN = {"wait": "wait", "retry": "try again", "next": "next model", "stop": "stop"}


def route(found: Route) -> str:
    """One route as one sentence: "Brand film, delivery, motion: builtin/a, else builtin/b; …"."""
    return f"{subject(found)}: {'; '.join(parts(found))}"


def parts(found: Route) -> list[str]:
    """What the route says, piece by piece."""
    told = [f"pipeline {found.pipeline}"] if found.pipeline else []
    if found.choices:
        told.append(models(found.choices, found.fallbacks))
    if found.cap is not None:
        told.append(f"at most {plural(found.cap, 'take')}")
    told += [criterion(rule) for rule in found.criteria]
    told += [f"{name.replace('_', ' ')}: {THEN[then]}" for name, then in found.on_error.items()]
    return told


def subject(found: Route) -> str:
    """What the route is for."""
    match = found.match
    named = [_matched(field, match[field]) for field in MATCH_FIELDS if field in match]
    if found.step:
        named.append(f"step {found.step}")
    text = ", ".join(named) or "everything"
    return text[0].upper() + text[1:]


def _matched(field: str, value: str) -> str:
    if field == "phase":
        return PHASES.get(value, value)
    if field == "category":
        return value.replace("-", " ")
    return f"{field} {value}"


def models(choices: Sequence[ModelChoice], fallbacks: Sequence[ModelChoice] = ()) -> str:
    """The choices in order, then what follows when one fails."""
    text = ", else ".join(choice.model for choice in choices)
    if fallbacks:
        text += "; when it fails " + ", then ".join(choice.model for choice in fallbacks)
    return text


def criterion(rule: SwitchRule, *, measured: Decimal | None = None, currency: str = "") -> str:
    """The rule, and the measured value where there is one."""
    target = f"{rule.tier} with {models(rule.choices)}" if rule.tier else models(rule.choices)
    text = f"{_when(rule, currency)} switch {rule.step} to {target}"
    if rule.more_takes:
        text += f" for {plural(rule.more_takes, 'more take')}"
    if measured is not None and rule.measure != "cap_reached":
        text += f" (measured: {number(measured)})"
    return text


def _when(rule: SwitchRule, currency: str) -> str:
    threshold = number(rule.at_least)
    money = f"{threshold} {currency}".strip()
    if rule.measure == "rejections":
        reason = f" for {rule.reason.replace('_', ' ')}" if rule.reason else ""
        return f"after {threshold} {'rejection' if rule.at_least == 1 else 'rejections'}{reason}"
    if rule.measure == "takes_used":
        return f"after {threshold} {'take' if rule.at_least == 1 else 'takes'}"
    if rule.measure == "spent":
        return f"once {money} is spent"
    if rule.measure == "budget_left":
        return f"when less than {money} is left of a budget"
    return "at the cap"


def chosen(plan: StepPlan, model: Choice) -> str:
    """Why this model: what was passed over before it."""
    passed = plan.choices[: plan.choices.index(model)]
    text = f"{plan.key}: {model.model}"
    return f"{text}, since {_against(passed)}" if passed else f"{text}, the first choice"


def unsettled(plan: StepPlan) -> str:
    """Why no model can do the step."""
    if not plan.choices:
        return f"{plan.key}: no route names a model for this step; a manager can publish one that does"
    return f"{plan.key}: no model is eligible ({_against(plan.choices)})"


def _against(choices: Sequence[Choice]) -> str:
    return "; ".join(f"{choice.model}: {', '.join(choice.why)}" for choice in choices)


def cap(found: Cap, *, asked: int) -> str:
    ways = ", or ".join(way.words for way in found.ways_out)
    return (
        f"{found.used} of {plural(found.limit or 0, 'take')} are used and {asked} more"
        f" {'is' if asked == 1 else 'are'} asked for: {ways}"
    )


def ask(takes: int) -> str:
    return f"ask a manager for {plural(takes, 'more take')}"


def shortfall(found: Shortfall, currency: str) -> str:
    text = (
        f"This may cost {money.shown(found.needed, currency)}, and {money.shown(found.left, currency)}"
        f" are left in the budget {found.name}"
    )
    return f"{text}; {found.raised_by} can raise it" if found.raised_by else text


def plural(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def number(value: Decimal) -> str:
    """A number without trailing zeros."""
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
