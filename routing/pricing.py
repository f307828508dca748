"""What a step costs by a price row: pure arithmetic, in the price's own currency until it is
exchanged.

A call's units come from what is asked: pictures, seconds, megapixels, requests. Where they cannot
be known beforehand (tokens, seconds of computing, credits) they are estimated, and the worst case
is what the row's conditions bound.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from decimal import ROUND_CEILING, Decimal
from typing import Any

from billing import price_rules
from billing.price_rules import Unsaid, Use
from routing.brief import Price, Step

MEGAPIXEL = Decimal(1_000_000)
UHD_PIXELS = 3840 * 2160
TEXT_KINDS = ("text", "judge")
DEFAULT_SECONDS = Decimal(5)
CHARACTERS_A_TOKEN = 4
TOKENS_A_TEXT = 200
#: Units that only the provider can count, with what a call takes as a rule.
ESTIMATED_UNITS: dict[str, Decimal] = {
    "compute_second": Decimal(10),
    "credit": Decimal(1),
    "token": Decimal(2 * TOKENS_A_TEXT),
}
#: How far an estimate may be off where the conditions do not bound it.
WORST_ESTIMATE = Decimal(4)


NOTHING: Mapping[str, Any] = {}


@dataclasses.dataclass(frozen=True)
class Quoted:
    """Expected and worst price of one call, in the currency of the price row."""

    expected: Decimal
    at_most: Decimal


#: What providers call the knobs that prices depend on, beside the name in a model's own `fields`.
CALLED = {"audio": ("audio", "generate_audio", "sound"), "quality": ("quality",), "mode": ("mode",)}


def quote(
    price: Price, step: Step, capabilities: Mapping[str, Any], parameters: Mapping[str, Any] = NOTHING
) -> Quoted:
    """What one call of the step costs by the price row: expected, and at most.

    `parameters` are those of the model's choice. Raises Unsaid where the price depends on what nobody says.
    """
    use = use_of(price, step, capabilities, parameters)
    expected = price_rules.native(price, use)
    worst, worst_in = use.units, use.input_units
    if price.unit in ESTIMATED_UNITS:
        worst = _condition(price, "most_units") or worst * WORST_ESTIMATE
        worst_in = None if worst_in is None else worst_in * WORST_ESTIMATE
    extra = (_condition(price, "per_reference") or Decimal(0)) * step.references
    if worst_in is not None:
        extra += worst_in * (_condition(price, "input_amount") or Decimal(0))
    most = _most_amount(price, step, use)
    return Quoted(expected, max(expected, cost(price, units=worst, amount=most) + extra))


def use_of(
    price: Price, step: Step, capabilities: Mapping[str, Any], parameters: Mapping[str, Any] = NOTHING
) -> Use:
    """What a call of the step is priced by, as far as that is known before it is made."""
    facts = facts_of(step, capabilities, parameters)
    if _condition(price, "input_amount") is None:
        return Use(expected_units(price, step, capabilities), facts, place=price.used)
    made = Decimal(str(capabilities.get("typical_units", TOKENS_A_TEXT)))
    read = Decimal(TOKENS_A_TEXT + step.prompt_characters // CHARACTERS_A_TOKEN)
    return Use(max(made, _condition(price, "minimum_units") or Decimal(0)), facts, input_units=read)


def facts_of(
    step: Step, capabilities: Mapping[str, Any], parameters: Mapping[str, Any] = NOTHING
) -> dict[str, str | int]:
    """What was asked for that prices may depend on; what nobody says is not among it."""
    found: dict[str, str | int] = {"height": _short_side(step), "references": step.references}
    said = {**step.parameters, **parameters}
    fields = capabilities.get("fields") or {}
    for knob, names in CALLED.items():
        for name in (fields.get(knob, knob), *names):
            if name in said:
                found[knob] = price_rules.knob(said[name])
                break
    if "audio" not in found and capabilities.get("audio") is False:
        found["audio"] = "off"
    return found


def unsaid(
    price: Price, step: Step, capabilities: Mapping[str, Any], parameters: Mapping[str, Any] = NOTHING
) -> str:
    """What the price depends on and nobody says; empty where all is said."""
    try:
        price_rules.unit_amount(price, facts_of(step, capabilities, parameters))
    except Unsaid as missing:
        return str(missing)
    return ""


def expected_units(price: Price, step: Step, capabilities: Mapping[str, Any]) -> Decimal:
    """How many units of the price the step will be billed, the row's minimum included."""
    units = _units(price.unit, step, capabilities)
    return max(units, _condition(price, "minimum_units") or Decimal(0))


def cost(price: Price, *, units: Decimal, amount: Decimal | None = None) -> Decimal:
    """The price of so many units: `first_amount` for the first, `amount` for each further one.

    Without `first_amount` each unit costs the same. `amount` overrides the row's own (a condition).
    """
    each = price.amount if amount is None else amount
    if price.first_amount is None:
        return units * each
    return price.first_amount + max(Decimal(0), units - 1) * each


def unit_amount(price: Price, *, height: int) -> Decimal:
    """The amount of a unit for a picture of this height (its shorter side), by `by_height`."""
    return price_rules.unit_amount(price, {"height": height})


def foreseeable(price: Price, step: Step, capabilities: Mapping[str, Any]) -> bool:
    """Whether the units of a call can be told beforehand, at least as an estimate with a bound.

    A text takes about what its prompt does. How many tokens, credits or seconds of computing a
    picture takes is known only where the catalogue or the price row says so.
    """
    if price.unit not in ESTIMATED_UNITS or (price.unit == "token" and step.kind in TEXT_KINDS):
        return True
    return "typical_units" in capabilities or "most_units" in price.conditions


def compute_units(step: Step) -> Decimal:
    """One unit is a 200-token text prompt; a picture is 100, five seconds of video 10,000, 4K ten
    times.

    An order of magnitude. A step that draws nothing new (overlay, human) takes none.
    """
    if step.kind in ("overlay", "human"):
        return Decimal(0)
    if step.kind in TEXT_KINDS:
        return max(Decimal(1), Decimal(step.prompt_characters) / (CHARACTERS_A_TOKEN * TOKENS_A_TEXT))
    if is_video(step):
        scale = 10 if pixels(step) >= UHD_PIXELS else 1
        return seconds(step) * 2000 * scale
    return Decimal(100 * step.images)


def is_video(step: Step) -> bool:
    return step.kind in ("video", "image-to-video", "lip-sync") or step.source == "video"


def pixels(step: Step) -> int:
    return (step.width or 0) * (step.height or 0)


def seconds(step: Step) -> Decimal:
    return step.duration_seconds if step.duration_seconds is not None else DEFAULT_SECONDS


def billed_seconds(step: Step, capabilities: Mapping[str, Any]) -> Decimal:
    """The duration that the model can deliver: the shortest of its lengths that is long enough.

    A large picture, or one with references, may have other lengths than the rest.
    """
    asked = seconds(step)
    lengths = sorted(Decimal(str(length)) for length in _lengths(step, capabilities))
    return next((length for length in lengths if length >= asked), asked)


def _lengths(step: Step, capabilities: Mapping[str, Any]) -> Iterable[Any]:
    by_height = capabilities.get("durations_by_height") or {}
    fitting = [int(limit) for limit in by_height if int(limit) <= _short_side(step)]
    found: Iterable[Any] | None = by_height[str(max(fitting))] if fitting else None
    if found is None and step.references:
        found = capabilities.get("durations_with_references")
    return found or capabilities.get("durations") or ()


def _units(unit: str, step: Step, capabilities: Mapping[str, Any]) -> Decimal:
    if unit in ESTIMATED_UNITS:
        return _estimate(unit, step, capabilities)
    if unit == "image":
        return Decimal(step.images)
    if unit == "second":
        return billed_seconds(step, capabilities)
    if unit == "megapixel":
        each = (Decimal(max(pixels(step), 1)) / MEGAPIXEL).to_integral_value(ROUND_CEILING)
        return each * (billed_seconds(step, capabilities) if is_video(step) else step.images)
    return Decimal(1)


def _estimate(unit: str, step: Step, capabilities: Mapping[str, Any]) -> Decimal:
    if "typical_units" in capabilities:
        return Decimal(str(capabilities["typical_units"])) * step.images
    if unit == "token":
        return ESTIMATED_UNITS[unit] + Decimal(step.prompt_characters // CHARACTERS_A_TOKEN)
    return ESTIMATED_UNITS[unit]


def _most_amount(price: Price, step: Step, use: Use) -> Decimal:
    """The dearest price of a unit that may apply; without a size, or where steps move on, of all."""
    if not _short_side(step) or "volume" in price.conditions:
        return price_rules.dearest(price)
    each = price_rules.unit_amount(price, use.facts)
    return max(each, _condition(price, "most_amount") or each)


def _condition(price: Price, key: str) -> Decimal | None:
    return price_rules.number(price, key)


def _short_side(step: Step) -> int:
    return min(step.width or 0, step.height or 0)
