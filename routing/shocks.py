"""What higher prices, or a provider that is away, would do to what a table decides. Pure.

`decide` never chooses by price: a dearer model stays the first one. What a table offers instead is the first
eligible model that the shock leaves alone; it is taken where it is cheaper than the one that became dearer.
"""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Collection, Mapping
from decimal import Decimal
from typing import Any, NamedTuple

from routing.brief import Facts, Model, Price
from routing.decision import Choice, Decision

AMOUNTS = ("most_amount", "per_reference", "input_amount")
STEPS = ("cases", "volume")
ONE = Decimal(1)


@dataclasses.dataclass(frozen=True)
class Shock:
    """Prices that rise, by provider and by currency (a credit's rate among them): 0.2 is a fifth more."""

    providers: Mapping[str, Decimal] = dataclasses.field(default_factory=dict)
    currencies: Mapping[str, Decimal] = dataclasses.field(default_factory=dict)

    def factor(self, provider: str, currency: str) -> Decimal:
        """By what a charge of the provider in the currency is multiplied."""
        return (ONE + self.providers.get(provider, Decimal(0))) * (
            ONE + self.currencies.get(currency, Decimal(0))
        )

    def __bool__(self) -> bool:
        return any((*self.providers.values(), *self.currencies.values()))


def shocked(facts: Facts, shock: Shock) -> Facts:
    """The facts with the prices and rates of the shock."""
    rates = {
        currency: rate * (ONE + shock.currencies.get(currency, Decimal(0)))
        for currency, rate in facts.rates.items()
    }
    models = {key: _dearer(model, shock) for key, model in facts.models.items()}
    return dataclasses.replace(facts, models=models, rates=rates)


def without(facts: Facts, providers: Collection[str]) -> Facts:
    """The facts without the models of these providers."""
    left = {key: model for key, model in facts.models.items() if model.provider not in providers}
    return dataclasses.replace(facts, models=left)


def _dearer(model: Model, shock: Shock) -> Model:
    rise = shock.providers.get(model.provider)
    if not rise or model.price is None:
        return model
    return dataclasses.replace(model, price=scaled(model.price, ONE + rise))


def scaled(price: Price, factor: Decimal) -> Price:
    """The price with every amount that it names multiplied; units stay."""
    conditions: dict[str, Any] = dict(price.conditions)
    for name in AMOUNTS:
        if name in conditions:
            conditions[name] = _times(conditions[name], factor)
    for name in STEPS:
        if name in conditions:
            steps = conditions[name]
            conditions[name] = [{**step, "amount": _times(step["amount"], factor)} for step in steps]
    if "by_height" in conditions:
        heights = conditions["by_height"]
        conditions["by_height"] = {at: _times(amount, factor) for at, amount in heights.items()}
    return dataclasses.replace(
        price,
        amount=price.amount * factor,
        first_amount=None if price.first_amount is None else price.first_amount * factor,
        conditions=conditions,
    )


def _times(amount: object, factor: Decimal) -> str:
    return str(Decimal(str(amount)) * factor)


class Why(enum.StrEnum):
    """What became of the cash of a model that got dearer."""

    FALLBACK = "fallback"  # the table's fallback is cheaper: it is taken
    DEARER = "dearer"  # it has one, which is not cheaper
    NONE = "none"  # it has none that could be used
    UNNAMED = "unnamed"  # the table in force does not name the model there


class WayOut(NamedTuple):
    """By what cash at the model is multiplied with the table's fallbacks; `model` is what is taken then."""

    why: Why
    factor: Decimal
    model: str = ""


def way_out(model: str, before: Decision | None, after: Decision | None, shock: Shock) -> WayOut:
    """What the table offers for a model, from its decisions at the prices before and after the shock."""
    for was, becomes in zip(
        before.steps if before else (), after.steps if after else (), strict=True
    ):  # the same brief and table: the same steps
        old = _choice(model, was.choices)
        new = _choice(model, becomes.choices)
        if old and new:
            return _offered(old, new, becomes.choices, shock)
    return WayOut(Why.UNNAMED, ONE)


def _offered(old: Choice, new: Choice, choices: Collection[Choice], shock: Shock) -> WayOut:
    rise = shock.factor(new.provider, new.native_currency)
    unmoved = [
        choice
        for choice in choices
        if choice.eligible and choice.expected is not None and shock.factor(*_paid_to(choice)) == ONE
    ]
    if not unmoved or not old.expected or new.expected is None:
        return WayOut(Why.NONE, rise)
    first = unmoved[0]
    if first.expected is None or first.expected >= new.expected:
        return WayOut(Why.DEARER, rise, first.model)
    return WayOut(Why.FALLBACK, first.expected / old.expected, first.model)


def _paid_to(choice: Choice) -> tuple[str, str]:
    return choice.provider, choice.native_currency


def _choice(model: str, choices: Collection[Choice]) -> Choice | None:
    return next((choice for choice in choices if choice.model == model), None)
