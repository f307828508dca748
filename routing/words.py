"""Routes, criteria and reasons as sentences that people read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal

from billing import money
from routing.decision import Cap, Choice, Decision, Shortfall, StepPlan
from routing.document import MATCH_FIELDS, ModelChoice, Route, SwitchRule

#: Models' names by their keys; a key without a name is said itself.
Names = Mapping[str, str]
NO_NAMES: Names = {}

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
    return told + errors(found)


def errors(found: Route) -> list[str]:
    """What the route says about errors beside what is usual."""
    return [f"{name.replace('_', ' ')}: {THEN[then]}" for name, then in found.on_error.items()]


def subject(found: Route) -> str:
    """What the route is for."""
    match = found.match
    told = [_matched(field, match[field]) for field in MATCH_FIELDS if field in match]
    if found.step:
        told.append(f"step {found.step}")
    text = ", ".join(told) or "everything"
    return text[0].upper() + text[1:]


def _matched(field: str, value: str) -> str:
    if field == "phase":
        return PHASES.get(value, value)
    if field == "category":
        return value.replace("-", " ")
    return f"{field} {value}"


def named(choice: ModelChoice, names: Names = NO_NAMES) -> str:
    """A model by its name, or by its key where it has none here."""
    return names.get(choice.model, choice.model)


def models(
    choices: Sequence[ModelChoice], fallbacks: Sequence[ModelChoice] = (), *, names: Names = NO_NAMES
) -> str:
    """The choices in order, then what follows when one fails."""
    text = ", else ".join(named(choice, names) for choice in choices)
    if fallbacks:
        text += "; when it fails " + ", then ".join(named(choice, names) for choice in fallbacks)
    return text


def criterion(
    rule: SwitchRule, *, measured: Decimal | None = None, currency: str = "", names: Names = NO_NAMES
) -> str:
    """The rule, and the measured value where there is one."""
    told = models(rule.choices, names=names)
    target = f"{rule.tier} with {told}" if rule.tier else told
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


def obstacles(found: Decision) -> list[str]:
    """What stands in the way, one by one: each model that a step could have and why it may not be used."""
    steps = [plan for plan in found.steps if not plan.settled]
    told = [
        f"{plan.key}: {choice.model}: {', '.join(choice.why)}" for plan in steps for choice in plan.choices
    ]
    told += [unsettled(plan) for plan in steps if not plan.choices]
    return told or list(found.reasons)


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
