"""The bridge of a month from its headline to all of its cash, without remainder.

    cash of A + late + shared − carried back               = cost of accepted
    cost of accepted + written off + period + growth of WIP = spend

The first line is the headline times its deliverables and what it leaves out (`billing.bridge`), the second
the roll-forward. Nothing is worked out as what is left; if they do not meet, the page says by how much.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from billing.waterfalls import Step

TERMS = {
    "cash": "Cash of what was accepted, life to date",
    "late": "Late: cash on what was accepted before",
    "shared": "Shares of shared costs",
    "carried_back": "Carried back by withdrawn sign-offs",
    "accepted": "Cost of accepted",
    "written_off": "Written off",
    "period": "Period costs",
    "wip": "Growth of work in progress",
    "spend": "All cash of the month",
}
SHORT = {
    "cash": "Cash of accepted",
    "late": "Late",
    "shared": "Shared",
    "carried_back": "Carried back",
    "accepted": "Cost of accepted",
    "written_off": "Written off",
    "period": "Period costs",
    "wip": "Growth of WIP",
    "spend": "All cash",
}


def amounts(document: Mapping[str, Any]) -> dict[str, Decimal]:
    """Every term by its key, from the month's document; what is taken away is negative."""
    beside = {name: Decimal(amount) for name, amount in document["bridge"].items()}
    terms = {name: Decimal(amount) for name, amount in document["roll_forward"].items()}
    return {
        "cash": beside["cash"],
        "late": beside["late"],
        "shared": beside["shared"],
        "carried_back": -beside["carried_back"],
        "accepted": terms["accepted"],
        "written_off": terms["written_off"],
        "period": terms["period"],
        "wip": terms["closing_wip"] - terms["opening_wip"],
        "spend": terms["spend"],
    }


def steps(document: Mapping[str, Any], hrefs: Mapping[str, str]) -> list[Step]:
    """From the cash of what was accepted to all cash of the month; `hrefs` lead to what each is made of."""
    found = amounts(document)
    return [
        Step(key, SHORT[key], found[key], total=key in ("cash", "accepted", "spend"), href=hrefs.get(key, ""))
        for key in SHORT
    ]


def left_over(document: Mapping[str, Any]) -> tuple[Decimal, Decimal]:
    """What each of the two lines leaves unexplained: zero and zero in sound books."""
    found = amounts(document)
    first = found["accepted"] - sum(found[key] for key in ("cash", "late", "shared", "carried_back"))
    second = found["spend"] - sum(found[key] for key in ("accepted", "written_off", "period", "wip"))
    return first, second
