"""How far a provider's figures may part from ours: a new row for each change."""

from __future__ import annotations

from decimal import Decimal

from django.utils import timezone

from billing.models import InvoiceTolerance
from projects import access
from projects.access import Right
from projects.models import Membership
from projects.problems import Invalid


def set_tolerance(
    *, provider: str, money: Decimal, share: Decimal, minutes: int, rounding: Decimal, by: Membership
) -> InvoiceTolerance:
    """Sets what the next comparisons go by; those made stand. `share` is a fraction of our amount.

    Raises Invalid (422) where a value lies outside its range. Needs the right to keep the books.
    """
    access.require(by, Right.KEEP_BOOKS)
    errors = {}
    if not 0 <= share <= 1:
        errors["share"] = ["Give 0 to 100 %."]
    if not 0 <= minutes <= 1440:
        errors["minutes"] = ["Give 0 to 1,440 minutes: a day."]
    for name, amount in (("money", money), ("rounding", rounding)):
        if not 0 <= amount < Decimal(10) ** 12:
            errors[name] = ["Give an amount from zero on."]
    if errors:
        raise Invalid(errors)
    made: InvoiceTolerance = InvoiceTolerance.objects.create(
        workspace=by.workspace,
        provider=provider,
        money=money,
        share=share,
        minutes=minutes,
        rounding=rounding,
        author=by.person,
        created_at=timezone.now(),
    )
    return made
