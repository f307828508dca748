"""Why a model may not be used for a step, in plain words; and what it will ignore. Pure."""

from __future__ import annotations

import zoneinfo
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from billing import money as rounding
from routing.brief import BUILTIN, Breaker, Brief, Facts, Model, Step
from routing.decision import Choice
from routing.document import ModelChoice
from routing.pricing import foreseeable, pixels, quote, seconds, unsaid
from routing.words import plural


def assess(
    named: ModelChoice, *, brief: Brief, step: Step, facts: Facts, tier: str, fallback: bool
) -> Choice:
    """The choice with its price and everything that speaks against it."""
    model = facts.models.get(named.model)
    if model is None:
        return _absent(named, tier=tier, fallback=fallback)
    money = _money(model, named, step=step, facts=facts)
    hard = [
        *_policy(model, brief=brief, step=step, facts=facts),
        *_abilities(model, step=step),
        *_price(model, named, step=step, facts=facts, money=money),
    ]
    resting = _resting(model, at_most=money["at_most"], zone=facts.time_zone)
    why = (*hard, *resting)
    return Choice(
        model=model.key,
        provider=model.provider,
        tier=model.tier or tier,
        eligible=not why,
        why=why,
        notes=tuple(_ignored(model, step=step)),
        fallback=fallback,
        parameters=named.parameters,
        health=model.health.breaker,
        resting_until=model.health.retry_at if resting and not hard else None,
        **money,
    )


def _absent(named: ModelChoice, *, tier: str, fallback: bool) -> Choice:
    return Choice(
        model=named.model,
        provider=named.model.partition("/")[0],
        tier=tier,
        eligible=False,
        why=(f"{named.model} is not in the catalogue",),
        fallback=fallback,
        parameters=named.parameters,
    )


def _money(model: Model, named: ModelChoice, *, step: Step, facts: Facts) -> dict[str, Any]:
    """Expected and worst price, native and exchanged; the workspace's price for unknowns if there
    is no price row; all None where nothing can be said."""
    none = dict.fromkeys(("expected", "at_most", "native_expected", "native_at_most", "rate"))
    if model.price is None:
        unknown = facts.unknown_price
        return {**none, "expected": unknown, "at_most": unknown}
    if unsaid(model.price, step, model.capabilities, named.parameters):
        return none
    quoted = quote(model.price, step, model.capabilities, named.parameters)
    rate = _rate(model.price.currency, facts)
    return {
        "native_expected": rounding.booked(quoted.expected),
        "native_at_most": rounding.booked(quoted.at_most),
        "native_currency": model.price.currency,
        "price_row": model.price.row,
        "rate": rate,
        "expected": None if rate is None else rounding.exchanged(quoted.expected, rate),
        "at_most": None if rate is None else rounding.exchanged(quoted.at_most, rate),
    }


def _rate(currency: str, facts: Facts) -> Decimal | None:
    return Decimal(1) if currency == facts.currency else facts.rates.get(currency)


def _policy(model: Model, *, brief: Brief, step: Step, facts: Facts) -> Iterator[str]:
    """What the catalogue, the workspace and an approval forbid."""
    if model.retired:
        yield f"{model.key} is retired"
    elif model.available_until and facts.now.date() > model.available_until:
        yield f"{model.key} was available until {model.available_until.isoformat()}"
    if model.provider != BUILTIN:
        if facts.builtin_only:
            yield "this workspace uses built-in models only; an admin can change that in Settings"
        if model.provider not in facts.accounts:
            yield f"the workspace has no {model.provider} account; an admin can add one in Settings"
    if brief.only is not None and model.key not in brief.only.get(step.key, ()):
        yield "the approved request does not name it for this step"


def _abilities(model: Model, *, step: Step) -> Iterator[str]:
    """What the model cannot do. What the catalogue does not say counts as possible."""
    able = model.capabilities
    if step.kind not in able.get("kinds", ()):
        yield f"it does not do {step.kind}"
    if able.get("parameters_known") is False:
        yield f"nobody has written down yet how {model.provider} wants this model to be asked"
    if step.source and able.get("sources") and step.source not in able["sources"]:
        yield f"it does not work on {'a video' if step.source == 'video' else 'a picture'}"
    most = able.get("references")
    if most is not None and step.references > most:
        yield f"it takes {plural(most, 'reference picture')}, {step.references} are asked for"
    if step.references < able.get("references_required", 0):
        needed = plural(able["references_required"], "reference picture")
        yield f"it needs at least {needed}"
    if step.duration_seconds is not None:
        longest = able.get("max_seconds")
        if longest is not None and seconds(step) > Decimal(str(longest)):
            yield f"it makes at most {longest} s, {step.duration_seconds} s are asked for"
    side = max(step.width or 0, step.height or 0)
    if able.get("max_side") and side > able["max_side"]:
        yield f"its pictures have at most {able['max_side']} pixels a side, {side} are asked for"
    if able.get("max_pixels") and pixels(step) > able["max_pixels"]:
        yield f"its pictures have at most {able['max_pixels']} pixels, {pixels(step)} are asked for"


def _price(
    model: Model, named: ModelChoice, *, step: Step, facts: Facts, money: dict[str, Any]
) -> Iterator[str]:
    """A price that is unknown is not zero."""
    if model.price is None:
        if facts.unknown_price is None:
            yield f"{model.key} has no price; finance can enter one under Prices"
        return
    if missing := unsaid(model.price, step, model.capabilities, named.parameters):
        yield (
            f"its price depends on {missing}, and nothing says which;"
            f" name {missing} among the parameters of the route or of the step"
        )
        return
    if not foreseeable(model.price, step, model.capabilities):
        yield f"its price counts {model.price.unit}s, and nobody knows how many a call takes"
    if money["rate"] is None:
        yield (
            f"there is no exchange rate from {model.price.currency} to {facts.currency};"
            " finance can enter one under Prices"
        )
    if model.provider != BUILTIN and not money["native_at_most"]:
        yield f"{model.key} has a price of zero, which only built-in models may have"


def _resting(model: Model, *, at_most: Decimal | None, zone: str) -> tuple[str, ...]:
    """What its circuit breaker says, with times of that zone."""
    health = model.health
    share = f"{health.failure_share:.0%} of its last {health.calls} calls failed"
    if health.breaker == Breaker.OPEN:
        retry_at = health.retry_at and health.retry_at.astimezone(zoneinfo.ZoneInfo(zone))
        until = f" until {retry_at:%H:%M %Z}" if retry_at else ""
        return (f"it is resting{until}: {share}",)
    if health.breaker == Breaker.HALF_OPEN and not health.lets_probe(at_most or Decimal(0)):
        return (f"it is being probed and the money for probes is used up: {share}",)
    return ()


def _ignored(model: Model, *, step: Step) -> Iterator[str]:
    if step.seed_locked and not model.capabilities.get("seed"):
        yield "ignores seeds: the same request may give another picture"
    if model.price is None:
        yield "has no price row: held at the workspace's price for unknown ones"
