"""The month as one document: the audit as the API answers it, by every dimension, with its exact ratios."""

from __future__ import annotations

import json
from collections.abc import Iterator
from fractions import Fraction

from billing import audit, figures, month_figures, months
from billing.acceptances import Month
from billing.dimensions import By
from billing.exports import canonical
from projects.models import Workspace

#: Each ratio as (what is divided, by what).
RATIOS = {
    "multiplier": (("takes",), "accepted"),
    "base": (("generation",), "takes"),
    "cash_per_acceptable": (("cash",), "accepted"),
    "cost_per_acceptable": (("cash", "time"), "accepted"),
}


def month_of(workspace: Workspace, month: str) -> Month:
    """Raises Invalid (422) where `month` is no YYYY-MM."""
    return Month(workspace, months.span(workspace, month))


def encoded(workspace: Workspace, month: str) -> Iterator[bytes]:
    """The audit by campaign, its rows by each dimension, its ratios as fractions, what is printed beside it.

    Call it in `month_sums.snapshot()`.
    """
    page = audit.month_page(workspace=workspace, month=month, by=By.CAMPAIGN)
    document = page.document
    asked = (by.value for by in By if by != By.CAMPAIGN)
    yield json.dumps(
        {
            **document,
            "canonical_rows_sha256": canonical.digest(month_of(workspace, month)),
            "fractions": fractions(workspace, month),
            "take_curve": [
                {"take": place.take, "accepted": place.accepted, "cash": figures.printed(place.cash)}
                for place in page.also.curve
            ],
            "rows_by": {
                By.CAMPAIGN.value: document["rows"],
                **{by: audit.month_document(workspace=workspace, month=month, by=by)["rows"] for by in asked},
            },
        },
        ensure_ascii=False,
        indent=1,
    ).encode()


def fractions(workspace: Workspace, month: str) -> dict[str, dict[str, str] | None]:
    """The ratios of the totals before they are rounded, in lowest terms."""
    sums = figures.total(month_figures.of(workspace, month).cells.values())
    found: dict[str, dict[str, str] | None] = {}
    for name, (amounts, by) in RATIOS.items():
        amount = sum((Fraction(getattr(sums, each)) for each in amounts), Fraction(0))
        exact = figures.ratio(amount, getattr(sums, by))
        found[name] = None if exact is None else _parts(exact)
    return found


def _parts(exact: Fraction) -> dict[str, str]:
    return {"numerator": str(exact.numerator), "denominator": str(exact.denominator)}
