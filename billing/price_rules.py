"""What the conditions of a price row say, and what a use costs by them: pure, in the row's own currency.

- `cases` are tried in order; the first whose `when` fits gives the price of a unit. `when` names what was
  asked for: `audio` (on or off), `quality`, `mode`, and `height`, from which on it fits (the shorter side).
- `by_height` is the same for the height alone, the tallest that is reached.
- `volume` are steps of the calendar month: the units beyond `from` cost its `amount`, those before it what
  the step before says. A use that spans a step is split at it.
- `input_amount` is the price of a token that goes in; `amount` is then that of a token that comes out.
- `per_reference` is added for each reference picture.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, Protocol

from billing import money

ZERO = Decimal(0)
HEIGHT = re.compile("[1-9][0-9]{0,5}")
KNOBS = ("audio", "quality", "mode")
NUMBERS = frozenset({"most_amount", "minimum_units", "most_units", "per_reference", "input_amount"})
#: Conditions by which the price of a unit is not the same for every use.
DEPENDING = frozenset({"by_height", "cases", "volume", "input_amount", "per_reference"})
MOST = Decimal(10) ** 12


class Price(Protocol):
    """A price row, or what routing knows of one."""

    @property
    def amount(self) -> Decimal: ...
    @property
    def first_amount(self) -> Decimal | None: ...
    @property
    def conditions(self) -> Mapping[str, Any]: ...


class Unsaid(ValueError):
    """A price depends on something that nobody has said; the message names it."""


@dataclasses.dataclass(frozen=True)
class Use:
    """What is priced. `place` is how many units of the month came before it, where the price has steps.

    `rate` is what one unit of the row's currency is worth, where that is known.
    """

    units: Decimal
    facts: Mapping[str, str | int] = dataclasses.field(default_factory=dict)
    input_units: Decimal | None = None
    place: Decimal = ZERO
    rate: Decimal | None = None


def depends(price: Price) -> bool:
    """Whether units times amount is not the whole price."""
    return not DEPENDING.isdisjoint(price.conditions)


def native(price: Price, use: Use) -> Decimal:
    """What the use costs, not rounded. Raises Unsaid where a fact is missing that the price depends on."""
    if steps := volume(price):
        made = _graduated(steps, use.place, use.units)
    else:
        each = unit_amount(price, use.facts)
        first = each if price.first_amount is None else price.first_amount
        made = first + max(ZERO, use.units - 1) * each if price.first_amount is not None else use.units * each
    if (each_in := number(price, "input_amount")) is not None:
        if use.input_units is None:
            raise Unsaid("how many tokens went in")
        made += use.input_units * each_in
    return made + (number(price, "per_reference") or ZERO) * int(use.facts.get("references", 0))


def unit_amount(price: Price, facts: Mapping[str, str | int]) -> Decimal:
    """The price of a unit for what was asked. Raises Unsaid where that cannot be told."""
    for case in price.conditions.get("cases") or ():
        fits = [_fits(name, wanted, facts) for name, wanted in case["when"].items()]
        if all(fits):
            return Decimal(str(case["amount"]))
        if False not in fits:
            missing = [name for name, fit in zip(case["when"], fits, strict=True) if fit is None]
            raise Unsaid(" and ".join(missing))
    steps = price.conditions.get("by_height") or {}
    if steps and "height" not in facts:
        raise Unsaid("height")
    fitting = [(int(limit), amount) for limit, amount in steps.items() if int(limit) <= int(facts["height"])]
    return Decimal(str(max(fitting)[1])) if fitting else price.amount


def dearest(price: Price) -> Decimal:
    """The highest amount of a unit that the row names."""
    named = [price.amount, number(price, "most_amount") or ZERO]
    for steps in ("cases", "volume"):
        named += [Decimal(str(step["amount"])) for step in price.conditions.get(steps) or ()]
    return max([*named, *(Decimal(str(each)) for each in (price.conditions.get("by_height") or {}).values())])


def volume(price: Price) -> list[tuple[Decimal, Decimal]]:
    """The steps of the month, from none on: from how many units, at which amount; none without steps."""
    named = price.conditions.get("volume") or ()
    steps = sorted((Decimal(str(step["from"])), Decimal(str(step["amount"]))) for step in named)
    return [(ZERO, price.amount), *steps] if steps else []


def knob(said: object) -> str:
    """A parameter's value as cases name it."""
    if isinstance(said, bool):
        return "on" if said else "off"
    text = str(said).strip().lower()
    return {"true": "on", "false": "off", "yes": "on", "no": "off"}.get(text, text)


def number(price: Price, name: str) -> Decimal | None:
    value = price.conditions.get(name)
    return None if value is None else Decimal(str(value))


def _graduated(steps: list[tuple[Decimal, Decimal]], place: Decimal, units: Decimal) -> Decimal:
    """The sum over the steps of the units that fall into each, from `place` on."""
    ends = [*(start for start, _ in steps[1:]), None]
    made = ZERO
    for (start, amount), end in zip(steps, ends, strict=True):
        last = place + units if end is None else min(place + units, end)
        made += max(ZERO, last - max(place, start)) * amount
    return made


def _fits(name: str, wanted: object, facts: Mapping[str, str | int]) -> bool | None:
    """None where nobody has said it."""
    if name not in facts:
        return None
    if name == "height":
        return int(facts[name]) >= int(str(wanted))
    return knob(facts[name]) == knob(wanted)


def wrong(conditions: Mapping[str, Any], *, unit: str, first: bool) -> list[str]:
    """What is no condition, or does not go with the rest; `first`: the first unit has a price of its own."""
    found = []
    for name, value in conditions.items():
        if name == "by_height":
            found += _wrong_heights(value)
        elif name == "cases":
            found += _wrong_cases(value)
        elif name == "volume":
            found += _wrong_volume(value)
        elif name not in NUMBERS:
            found.append(f"“{name}” is no known condition.")
        elif not is_amount(value):
            found.append(f"{name} needs a number from zero on.")
    if "volume" in conditions and (first or not {"cases", "by_height"}.isdisjoint(conditions)):
        found.append(
            "Steps by volume stand alone: without cases, by_height and a first unit of its own price."
        )
    if "input_amount" in conditions and (unit != "token" or first or "volume" in conditions):
        found.append(
            "input_amount goes with the unit token, without steps and a first unit of its own price."
        )
    return found


def wrong_amount(amount: Decimal | None) -> str:
    if amount is None:
        return ""
    if not amount.is_finite() or not 0 <= amount < MOST:
        return "Give a number from zero on."
    return "" if amount == money.booked(amount) else "Give at most eight decimals."


def is_amount(value: object) -> bool:
    try:
        return not isinstance(value, bool) and not wrong_amount(Decimal(str(value)))
    except InvalidOperation:
        return False


def _wrong_heights(value: object) -> list[str]:
    fits = isinstance(value, Mapping) and all(
        HEIGHT.fullmatch(str(height)) and is_amount(amount) for height, amount in value.items()
    )
    return [] if fits else ['by_height maps heights to amounts, as {"1080": "0.12"}.']


def _wrong_cases(value: object) -> list[str]:
    example = 'cases is a list, as [{"when": {"mode": "pro", "audio": "on"}, "amount": "0.14"}]'
    if not isinstance(value, list) or not all(_is_step(case, "when") for case in value):
        return [f"{example}."]
    for case in value:
        when = case["when"]
        known = isinstance(when, Mapping) and when and set(when) <= {"height", *KNOBS}
        if not known:
            return [f"{example}; when knows height, {', '.join(KNOBS)}."]
        if not str(when.get("height", 1)).isdecimal():
            return ["height in a case is a number of lines, such as 1080."]
        if not all(isinstance(said, str | bool | int) and knob(said) for said in when.values()):
            return ["A case names one word for each of its conditions."]
        if knob(when.get("audio", "on")) not in ("on", "off"):
            return ["audio in a case is on or off."]
    return []


def _wrong_volume(value: object) -> list[str]:
    example = 'volume is a list, as [{"from": "1000", "amount": "0.08"}], each from above zero, once'
    if not isinstance(value, list) or not value or not all(_is_step(step, "from") for step in value):
        return [f"{example}."]
    starts = [step["from"] for step in value]
    if not all(is_amount(start) and Decimal(str(start)) > 0 for start in starts):
        return [f"{example}."]
    return [] if len({Decimal(str(start)) for start in starts}) == len(starts) else [f"{example}."]


def _is_step(value: object, key: str) -> bool:
    whole = isinstance(value, Mapping) and set(value) == {key, "amount"}
    return bool(whole and isinstance(value, Mapping) and is_amount(value["amount"]))


def words(conditions: Mapping[str, Any]) -> list[str]:
    """The conditions line by line, for people."""
    lines = [
        f"from {height} lines: {amount}" for height, amount in (conditions.get("by_height") or {}).items()
    ]
    for case in conditions.get("cases") or ():
        asked = ", ".join(
            f"from {said} lines" if name == "height" else f"{name} {knob(said)}"
            for name, said in case["when"].items()
        )
        lines.append(f"{asked}: {case['amount']}")
    lines += [
        f"beyond {step['from']} units of a month: {step['amount']}" for step in conditions.get("volume") or ()
    ]
    if "input_amount" in conditions:
        lines.append(f"a token that goes in: {conditions['input_amount']}")
    plain = {
        "most_amount": "a unit at most",
        "minimum_units": "units at least",
        "most_units": "units at most",
        "per_reference": "for each reference",
    }
    return lines + [f"{said}: {conditions[name]}" for name, said in plain.items() if name in conditions]
