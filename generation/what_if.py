"""What a month would have cost at other prices: with the routing as it was, and with the table's fallbacks.

The month's entries are multiplied as the shock says. Where the table in force has a cheaper fallback that the
shock leaves alone, they are multiplied by its price over the model's own instead, both as the same steps cost
today. Nothing is written.
"""

from __future__ import annotations

import dataclasses
import datetime
from collections.abc import Iterable, Mapping
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

from billing import months, use
from billing.acceptances import Month
from billing.use import Fee, Use
from generation import trials
from generation.trials import Place
from projects.models import Workspace
from routing import shocks
from routing.shocks import ONE, Shock, WayOut, Why

Ways = Mapping[tuple[Place, str], WayOut]


class Three(NamedTuple):
    """An amount as it was, with the routing as it was at the new prices, and with the fallbacks."""

    before: Decimal
    dearer: Decimal
    rerouted: Decimal

    def over(self, number: int) -> Three | None:
        if not number:
            return None
        return Three(*(_quotient(Fraction(amount) / number) for amount in self))

    def taken_from(self, whole: Decimal, out: Decimal) -> Three:
        """What is left of `whole` after `out`, and after what each case costs more."""
        return Three(*(whole - out - (amount - self.before) for amount in self))

    @property
    def more(self) -> Decimal:
        return self.dearer - self.before

    @property
    def more_rerouted(self) -> Decimal:
        return self.rerouted - self.before


@dataclasses.dataclass(frozen=True)
class Line:
    """Cash on one model in one category and phase that the shock touches, and what the table offers."""

    place: Place
    category: str
    model: str
    provider: str
    amounts: Three
    way: WayOut


@dataclasses.dataclass(frozen=True)
class WhatIf:
    """`per_acceptable` is None without an acceptance, `margin` without a campaign that has a fee."""

    month: str
    spend: Three
    accepted: int
    per_acceptable: Three | None
    margin: Three | None
    fees: Decimal
    campaigns: int
    lines: list[Line]


def of_month(workspace: Workspace, *, month: str, shock: Shock, now: datetime.datetime) -> WhatIf:
    """What the shock would have made of a month (YYYY-MM). Raises Invalid (422) for no month."""
    span = Month(workspace, months.span(workspace, month))
    trial = trials.of(workspace, now=now)
    fees = use.fees(span)
    asked = {"projects": list(trial.projects), "campaigns": [fee.campaign for fee in fees]}
    spent, of_accepted = use.of_month(span, **asked), use.of_accepted(span, **asked)
    ways = ways_out(trial, {*spent, *of_accepted}, shock)
    accepted = use.accepted(span)
    return WhatIf(
        month=month,
        spend=restated(spent, shock, ways),
        accepted=accepted,
        per_acceptable=restated(of_accepted, shock, ways).over(accepted),
        margin=_margin(fees, [each for each in spent if each.with_fee], shock, ways),
        fees=sum((fee.fee for fee in fees), Decimal(0)),
        campaigns=len(fees),
        lines=_lines(spent, shock, ways, trial),
    )


def ways_out(trial: trials.Trial, uses: Iterable[Use], shock: Shock) -> Ways:
    """What the table offers for each model that the shock touches, where it was used."""
    dearer = shocks.shocked(trial.facts, shock)
    touched = {(_place(each), each.model) for each in uses if _factor(each, shock) != ONE}
    both = {
        place: (trial.decision(place), trial.decision(place, dearer))
        for place in {place for place, _ in touched}
    }
    return {
        (place, model): shocks.way_out(model, *both[place], shock)
        for place, model in sorted(touched, key=str)
    }


def restated(uses: Iterable[Use], shock: Shock, ways: Ways) -> Three:
    """The cash of all groups, before, at the new prices, and with the fallbacks."""
    before = dearer = rerouted = Decimal(0)
    for each in uses:
        one = _amounts(each, shock, ways)
        before, dearer, rerouted = before + one.before, dearer + one.dearer, rerouted + one.rerouted
    return Three(before, dearer, rerouted)


def _amounts(each: Use, shock: Shock, ways: Ways) -> Three:
    factor = _factor(each, shock)
    way = ways.get((_place(each), each.model))
    offered = way.factor if way and way.why == Why.FALLBACK else factor
    return Three(each.amount, each.amount * factor, each.amount * offered)


def _margin(fees: list[Fee], spent: list[Use], shock: Shock, ways: Ways) -> Three | None:
    if not fees:
        return None
    whole, out = (sum(amounts, Decimal(0)) for amounts in ([f.fee for f in fees], [f.cash for f in fees]))
    return restated(spent, shock, ways).taken_from(whole, out)


def _lines(uses: Iterable[Use], shock: Shock, ways: Ways, trial: trials.Trial) -> list[Line]:
    """The touched groups added up by place and model, those that cost most more first."""
    groups: dict[tuple[Place, str, str], list[Use]] = {}
    for each in uses:
        if _factor(each, shock) != ONE:
            groups.setdefault((_place(each), each.model, each.provider), []).append(each)
    found = [
        Line(
            place=place,
            category=trial.name(place),
            model=model,
            provider=provider,
            amounts=restated(group, shock, ways),
            way=ways[place, model],
        )
        for (place, model, provider), group in groups.items()
    ]
    return sorted(found, key=lambda line: (-line.amounts.more, line.category, line.place.phase, line.model))


def _place(each: Use) -> Place:
    return Place(each.category, each.phase, each.project)


def _factor(each: Use, shock: Shock) -> Decimal:
    return shock.factor(each.provider, each.currency)


def _quotient(exact: Fraction) -> Decimal:
    return Decimal(exact.numerator) / Decimal(exact.denominator)
