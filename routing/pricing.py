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


@dataclasses.dataclass(frozen=True)
class Quoted:
    """Expected and worst price of one call, in the currency of the price row."""

    expected: Decimal
    at_most: Decimal


def quote(price: Price, step: Step, capabilities: Mapping[str, Any]) -> Quoted:
    """What one call of the step costs by the price row: expected, and at most."""
    units = expected_units(price, step, capabilities)
    worst_units = units
    if price.unit in ESTIMATED_UNITS:
        worst_units = _condition(price, "most_units") or units * WORST_ESTIMATE
    extra = (_condition(price, "per_reference") or Decimal(0)) * step.references
    rate = unit_amount(price, height=_short_side(step))
    most = _most_amount(price, step, rate)
    expected = cost(price, units=units, amount=rate) + extra
    return Quoted(expected, max(expected, cost(price, units=worst_units, amount=most) + extra))


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
    steps = price.conditions.get("by_height") or {}
    fitting = [int(limit) for limit in steps if int(limit) <= height]
    return Decimal(str(steps[str(max(fitting))])) if fitting else price.amount


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


def _most_amount(price: Price, step: Step, rate: Decimal) -> Decimal:
    """The dearest price of a unit that may apply; without a size, the dearest of all sizes."""
    named = [rate, _condition(price, "most_amount") or rate]
    if not _short_side(step):
        by_height = price.conditions.get("by_height") or {}
        named += [Decimal(str(amount)) for amount in by_height.values()]
    return max(named)


def _condition(price: Price, key: str) -> Decimal | None:
    value = price.conditions.get(key)
    return None if value is None else Decimal(str(value))


def _short_side(step: Step) -> int:
    return min(step.width or 0, step.height or 0)
