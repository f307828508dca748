"""The part of the price effect that comes from exchange rates, by plain loops (see `naive`).

For each category accepted in both months and each phase with counted takes in both: what this month's foreign
generation charges cost more than at the average rates of the month before, a take of this month, times the
takes per accepted of the month before, weighted with the category's share of this month's acceptances.
"""

from __future__ import annotations

from fractions import Fraction

from tests.billing.naive_month import CategoryPhases, Month
from tests.billing.naive_rows import Charge


def foreign(month: Month) -> list[Charge]:
    """The generation charges of what was accepted that are not in the workspace's currency."""
    return [
        charge
        for category in month.phases_by_category().values()
        for charge in category.life
        if charge.row["stage"] == "generation" and charge.row["currency"] != month.settings.currency
    ]


def native(charge: Charge) -> Fraction:
    amount = Fraction(charge.row["amount"])
    return -amount if charge.row["charge"] == "refunded" else amount


def average_rates(month: Month) -> dict[str, Fraction]:
    rates = {}
    for unit in {charge.row["currency"] for charge in foreign(month)}:
        rows = [charge for charge in foreign(month) if charge.row["currency"] == unit]
        units = sum((native(charge) for charge in rows), Fraction(0))
        if units:
            rates[unit] = sum((charge.booked for charge in rows), Fraction(0)) / units
    return rates


def exchange(before: Month, now: Month) -> Fraction:
    rates, total = average_rates(before), Fraction(0)
    olds, news = before.phases_by_category(), now.phases_by_category()
    for category in set(olds) & set(news):
        weight = Fraction(news[category].accepted, len(now.acceptances))
        for phase in set(olds[category].takes) & set(news[category].takes):
            dearer = sum(
                (
                    charge.booked - native(charge) * rates[charge.row["currency"]]
                    for charge in charges(news[category], phase, now.settings.currency)
                    if charge.row["currency"] in rates
                ),
                Fraction(0),
            )
            per_take = dearer / news[category].takes[phase]
            total += weight * per_take * Fraction(olds[category].takes[phase], olds[category].accepted)
    return total


def charges(category: CategoryPhases, phase: str, currency: str) -> list[Charge]:
    return [
        charge
        for charge in category.life
        if charge.row["stage"] == "generation"
        and charge.row["phase"] == phase
        and charge.row["currency"] != currency
    ]
